/** What of XState's internals a live machine leans on: types, and small steps over them. */
import { type AnyActorRef, type AnyStateMachine, StateMachine } from "xstate";
import { copyJson, type Json } from "../json.ts";

/** Microsteps after which a fold counts as an endless loop. */
export const MAX_MICROSTEPS = 1_000;

/** What all actors below one root share. */
export interface System {
  readonly scheduler: {
    schedule(
      source: AnyActorRef,
      target: AnyActorRef,
      event: { type: string },
      delay: number,
      id: string | undefined,
    ): void;
    cancel(source: AnyActorRef, id: string): void;
  };
  /** Called when an actor starts. */
  _register(sessionId: string, ref: AnyActorRef): string;
  /** Called when an actor is done, broke, or is told to stop. */
  _unregister(ref: AnyActorRef): void;
  /** Brings every event to its actor. */
  _relay(source: AnyActorRef | undefined, target: AnyActorRef, event: { type: string }): void;
}

interface StateNode {
  readonly key: string;
  readonly type: "atomic" | "compound" | "parallel" | "final" | "history";
  readonly initial?: { readonly target: readonly StateNode[] };
  readonly states: Readonly<Record<string, StateNode>>;
  readonly after: readonly { readonly eventType: string; readonly delay: unknown }[];
  readonly invoke: readonly { readonly id: string }[];
}

type StateValue = string | { [key: string]: StateValue };

interface MachineSnapshot {
  readonly status: string;
  readonly machine: { readonly root: StateNode };
  _nodes: readonly StateNode[];
  value: StateValue;
}

export function childrenOf(ref: AnyActorRef): Readonly<Record<string, AnyActorRef | undefined>> {
  return (
    (ref.getSnapshot() as { children?: Record<string, AnyActorRef | undefined> } | undefined)?.children ?? {}
  );
}

export function parentOf(ref: AnyActorRef): AnyActorRef | undefined {
  return (ref as unknown as { _parent?: AnyActorRef })._parent;
}

/** Whether it was started and has ended, in whatever way. */
export function hasStopped(ref: AnyActorRef): boolean {
  const stopped = 2;
  return (ref as unknown as { _processingStatus: number })._processingStatus === stopped;
}

/** Whether events to it go nowhere: it is stopped, done or broken, restored as such included. */
export function isOver(ref: AnyActorRef): boolean {
  return hasStopped(ref) || (ref.getSnapshot() as { status: string }).status !== "active";
}

/** Ends a child, its own children included, whoever its parent is. */
export function stop(ref: AnyActorRef): void {
  (ref as unknown as { _stop(): void })._stop();
}

/** Names of an actor and its parents from the root, whose own name does not matter. */
export function pathOf(ref: AnyActorRef): string {
  const parent = parentOf(ref);
  return parent ? `${pathOf(parent)}/${ref.id.replace(/[%/|]/g, encodeURIComponent)}` : "root";
}

/** The actor at a path below the root. */
export function findByPath(root: AnyActorRef, path: string): AnyActorRef | undefined {
  let ref: AnyActorRef | undefined = root;
  for (const name of path.split("/").slice(1)) {
    ref = ref && childrenOf(ref)[name.replace(/%(?:25|2F|7C)/g, decodeURIComponent)];
  }
  return ref;
}

/** Bounds the machine and every machine that it may spawn. */
export function limitMicrosteps(machine: AnyStateMachine): void {
  const m = machine as unknown as {
    options?: { maxIterations?: number };
    implementations?: { actors?: Record<string, unknown> };
  };
  if (m.options?.maxIterations !== undefined && m.options.maxIterations <= MAX_MICROSTEPS) return;
  m.options = { ...m.options, maxIterations: MAX_MICROSTEPS };
  for (const child of Object.values(m.implementations?.actors ?? {})) {
    if (child instanceof StateMachine) limitMicrosteps(child as AnyStateMachine);
  }
}

/**
 * Makes the active states of an actor and its children follow from their values alone, in the order of definition, as
 * they would after a restore.
 *
 * XState keeps them in the order in which they were entered and lets parallel states react in that order; and where a
 * transition leads to a history that is stored in the same step, it leaves states active that nobody is in.
 */
export function settle(ref: AnyActorRef): void {
  const snapshot = ref.getSnapshot() as Partial<MachineSnapshot> | undefined;
  if (snapshot?.machine && snapshot.value !== undefined) {
    const { root } = snapshot.machine;
    if (matched(snapshot._nodes!, 0, root, snapshot.value) !== snapshot._nodes!.length) {
      snapshot.value = completed(root, snapshot.value);
      snapshot._nodes = activeStates(root, snapshot.value);
    }
  }
  for (const child of Object.values(childrenOf(ref))) if (child) settle(child);
}

/** How many states have been found where the value has them, from the one at `index` on; -1 where another one is. */
function matched(nodes: readonly StateNode[], index: number, node: StateNode, value: StateValue): number {
  if (nodes[index] !== node) return -1;
  let next = index + 1;
  if (typeof value === "string") return nodes[next] === node.states[value] ? next + 1 : -1;
  const keys = Object.keys(value);
  const expected = node.type === "parallel" ? regionsOf(node).length : node.type === "compound" ? 1 : 0;
  if (keys.length !== expected) return -1;
  for (const key of keys) {
    next = matched(nodes, next, node.states[key]!, value[key]!);
    if (next < 0) return -1;
  }
  return next;
}

function activeStates(node: StateNode, value: StateValue): StateNode[] {
  if (typeof value === "string") return [node, node.states[value]!];
  return [node, ...Object.keys(value).flatMap((key) => activeStates(node.states[key]!, value[key]!))];
}

/** The value in the order of definition, with the first states of regions that it lacks. */
function completed(node: StateNode, value: StateValue): StateValue {
  const inner = typeof value === "string" ? { [value]: {} } : value;
  if (node.type === "parallel") {
    return Object.fromEntries(
      regionsOf(node).map((each) => [each.key, completed(each, inner[each.key] ?? {})]),
    );
  }
  if (node.type !== "compound") return {};
  const key = Object.keys(inner)[0] ?? node.initial!.target[0]!.key;
  const child = node.states[key]!;
  const deeper = child.type === "compound" || child.type === "parallel";
  return deeper ? { [key]: completed(child, inner[key] ?? {}) } : key;
}

function regionsOf(node: StateNode): StateNode[] {
  return Object.values(node.states).filter((each) => each.type !== "history");
}

/** Delayed transitions of an actor's active states; a delay may be a name, or a function. */
export function delaysOf(ref: AnyActorRef): { readonly id: string; readonly delay: unknown }[] {
  const { _nodes = [] } = ref.getSnapshot() as Partial<MachineSnapshot>;
  return _nodes.flatMap((node) => node.after.map(({ eventType, delay }) => ({ id: eventType, delay })));
}

/** Name of a child that an actor's active states invoke and that is not there. */
export function missingChild(ref: AnyActorRef): string | undefined {
  const { _nodes = [] } = ref.getSnapshot() as Partial<MachineSnapshot>;
  const invoked = _nodes.flatMap((node) => node.invoke.map(({ id }) => id));
  return invoked.find((id) => !childrenOf(ref)[id]);
}

/** Name of the logic of a persisted child, or of one of its own, that the machine does not have. */
export function missingLogic(machine: AnyStateMachine, snapshot: Json): string | undefined {
  const { actors = {} } = machine.implementations as { actors?: Record<string, unknown> };
  const { children = {} } = snapshot as { children?: Record<string, { src?: unknown; snapshot?: Json }> };
  for (const { src, snapshot: inner } of Object.values(children)) {
    if (typeof src !== "string") continue;
    const logic = actors[src];
    if (logic === undefined) return src;
    const deeper =
      logic instanceof StateMachine && inner ? missingLogic(logic as AnyStateMachine, inner) : undefined;
    if (deeper !== undefined) return deeper;
  }
  return undefined;
}

/**
 * A copy of a persisted snapshot for XState to restore, which writes into what it is given. States that history
 * remembers are looked up by id there, but read as a path: a dot in an id would lose them.
 */
export function restorable(snapshot: Json): Json {
  const copy = copyJson(snapshot);
  escapeHistory(copy as PersistedSnapshot);
  return copy;
}

interface PersistedSnapshot {
  historyValue?: Record<string, { id: string }[]>;
  children?: Record<string, { snapshot?: PersistedSnapshot }>;
}

function escapeHistory({ historyValue, children }: PersistedSnapshot): void {
  for (const state of Object.values(historyValue ?? {}).flat()) state.id = state.id.replace(/[\\.]/g, "\\$&");
  for (const { snapshot } of Object.values(children ?? {})) if (snapshot) escapeHistory(snapshot);
}
