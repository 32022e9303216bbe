/**
 * Compiles a playbook to an XState machine: a child of the conversation that speaks `protocol.ts` with its parent.
 *
 * Each step is a state; a step that waits has inner states `<step>:<phase>`. A message is heard in one transition that
 * writes its consequence to `route`, and a transient state `<step>:heard` follows it, so that guards and actions never
 * disagree. Nothing is spawned, invoked or delayed.
 */
import { type AnyStateMachine, enqueueActions, sendParent, setup } from "../../../runtime/host/machine.ts";
import { type Diagnostic, PlaybookError } from "../language/diagnostics.ts";
import type { PlaybookSource } from "../language/read.ts";
import type { PlaybookDef } from "../language/schema.ts";
import type { PlaybookEvent, PlaybookInput } from "../protocol.ts";
import { hear, initialContext, type RunContext, said, wantedNumbers } from "./context.ts";
import type { Effect } from "./effects.ts";
import { buildFlow, type Flow, type FlowNode, OFF_THE_END } from "./flow.ts";
import { statesOf } from "./states.ts";

/** What a state does with an event; pure. */
export type Reaction = (c: RunContext, event: PlaybookEvent) => Effect;

/** A transition that runs a reaction. */
export interface Way {
  readonly target?: string;
  readonly reenter?: boolean;
  readonly guard?: (c: RunContext, event: PlaybookEvent) => boolean;
  readonly run?: Reaction;
}

/** A state as the compiler thinks of it; turned into XState's form at the end. */
export interface StateDraft {
  readonly entry?: Reaction;
  readonly always?: readonly Way[];
  readonly on?: Readonly<Record<string, readonly Way[]>>;
  readonly final?: boolean;
}

export interface Compiled {
  readonly name: string;
  readonly version: number;
  readonly def: PlaybookDef;
  readonly flow: Flow;
  readonly machine: AnyStateMachine;
}

/** @throws PlaybookError when steps lead nowhere. Lint first: this checks only what it cannot do without. */
export function compilePlaybook(source: PlaybookSource): Compiled {
  const found: Diagnostic[] = [];
  const flow = buildFlow(source, found);
  if (found.length) throw new PlaybookError(found);
  const { def } = source;
  const states: Record<string, StateDraft> = {
    verify: {
      always: [
        { target: flow.start, guard: (c) => !def.verify || c.customer?.verified === true },
        { target: "verify:wait" },
      ],
    },
    "verify:wait": {
      entry: (c) => {
        const [order] = wantedNumbers(c);
        return { context: c, commands: [order ? { type: "pb.verify", order } : { type: "pb.verify" }] };
      },
      on: {
        "customer.verified": [
          {
            target: "verify",
            run: (c, event) => {
              if (event.type !== "customer.verified") return { context: c, commands: [] };
              const heard = (event.said ?? []).map((s) => said(def, s.text, s.understanding, false));
              return {
                context: { ...hear(c, ...heard), customer: event.customer, at: event.at },
                commands: [],
              };
            },
          },
        ],
        resume: [{ target: "verify", reenter: true }],
      },
    },
  };
  const asks = askNodes(flow);
  for (const node of flow.nodes.values()) Object.assign(states, statesOf(node, { def, asks }));
  if (flow.start === OFF_THE_END) states[OFF_THE_END] = { final: true };
  return { name: def.playbook, version: def.version, def, flow, machine: toMachine(def, states) };
}

/** Slot → the step that asks for it first. */
function askNodes(flow: Flow): Map<string, FlowNode> {
  const asks = new Map<string, FlowNode>();
  const seen = new Set<string>();
  const queue = [flow.start];
  for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
    const node = flow.nodes.get(id);
    if (!node || seen.has(id)) continue;
    seen.add(id);
    if (node.step.verb === "ask" && !asks.has(node.step.ask)) asks.set(node.step.ask, node);
    queue.push(...Object.values(node.to));
  }
  return asks;
}

function toMachine(def: PlaybookDef, drafts: Readonly<Record<string, StateDraft>>): AnyStateMachine {
  const { createMachine } = setup({
    types: {
      context: {} as RunContext,
      events: {} as PlaybookEvent,
      input: {} as PlaybookInput,
    },
  });
  const act = (run: Reaction) =>
    enqueueActions(({ context, event, enqueue }) => {
      const effect = run(context as RunContext, event as PlaybookEvent);
      enqueue.assign(effect.context as never);
      for (const command of effect.commands) enqueue(sendParent(command as never) as never);
    });
  const way = (w: Way): object => ({
    ...(w.target !== undefined ? { target: w.target } : {}),
    ...(w.reenter ? { reenter: true } : {}),
    ...(w.guard
      ? {
          guard: ({ context, event }: { context: RunContext; event: PlaybookEvent }) =>
            w.guard!(context, event),
        }
      : {}),
    ...(w.run ? { actions: act(w.run) } : {}),
  });
  const states = Object.fromEntries(
    Object.entries(drafts).map(([id, d]) => [
      id,
      {
        ...(d.final ? { type: "final" } : {}),
        ...(d.entry ? { entry: act(d.entry) } : {}),
        ...(d.always ? { always: d.always.map(way) } : {}),
        ...(d.on
          ? { on: Object.fromEntries(Object.entries(d.on).map(([e, ways]) => [e, ways.map(way)])) }
          : {}),
      },
    ]),
  );
  return createMachine({
    id: def.playbook,
    initial: "verify",
    context: ({ input }: { input: PlaybookInput }) => initialContext(def, input),
    states,
  } as never) as unknown as AnyStateMachine;
}
