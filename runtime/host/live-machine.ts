/**
 * One XState actor, driven record by record with its effects collected and its timers taken over (L5, L10).
 *
 * Everything that leans on XState's internals is in this file; `live-machine.test.ts` pins what it leans on.
 */
import { type AnyActor, type AnyActorRef, type AnyStateMachine, createActor, StateMachine } from "xstate";
import type { Json, JsonObject } from "../json.ts";
import { hashJson } from "../json.ts";
import { ImpureMachineError, inFold } from "./fold-guard.ts";
import type { ActorInput, Effect } from "./machine.ts";

/** A pending delayed event of a machine or of one of its children. */
export interface TimerState {
  /** `<path of the source>|<id of the delayed event>`. */
  readonly key: string;
  /** Grows with each timer of the actor, so that a fired or cancelled one is never taken for a later one. */
  readonly generation: number;
  /** Log time at which it fires, ms since the epoch. */
  readonly deadline: number;
  readonly source: string;
  readonly target: string;
  readonly id: string;
  readonly event: JsonObject;
}

export interface PersistedMachine {
  readonly snapshot: Json;
  readonly timers: readonly TimerState[];
  /** The last generation given out. */
  readonly generation: number;
}

/** Where a fold stands: log time and what its randomness comes from. */
export interface FoldPoint {
  readonly at: number;
  readonly recordId: string;
}

interface Handle {
  readonly fire: () => void;
}

interface Timer extends TimerState {
  readonly handle: Handle;
}

/** Most effects of one fold; a machine that wants more is broken. */
export const MAX_EFFECTS_PER_FOLD = 512;
/** Microsteps after which a fold counts as an endless loop. */
export const MAX_MICROSTEPS = 1_000;

export class MachineError extends Error {
  override readonly name = "MachineError";
}

export class LiveMachine {
  readonly #actor: AnyActor;
  readonly #timers = new Map<string, Timer>();
  #generation = 0;
  #effects: Effect[] = [];
  #failure: { error: unknown } | undefined;
  #now = 0;
  /** Handle that XState's scheduler just asked the clock for. */
  #fresh: Handle | undefined;
  /** Set while persisted timers are armed again under their old generation. */
  #rearming: TimerState | undefined;

  private constructor(
    machine: AnyStateMachine,
    options: { id: string; input?: ActorInput; snapshot?: Json },
  ) {
    limitMicrosteps(machine);
    const clock = {
      setTimeout: (fire: () => void): Handle => {
        this.#fresh = { fire };
        return this.#fresh;
      },
      clearTimeout: (): void => {},
    };
    this.#actor = createActor(machine, {
      id: options.id,
      clock: clock as never,
      ...(options.snapshot === undefined
        ? { input: options.input }
        : { snapshot: options.snapshot as never }),
    }) as AnyActor;
    this.#takeOverScheduler();
    this.#actor.subscribe({ error: (error) => (this.#failure ??= { error }) });
    this.#actor.on("*", (emitted: unknown) => {
      if (this.#effects.length >= MAX_EFFECTS_PER_FOLD) {
        this.#failure ??= {
          error: new MachineError(`more than ${MAX_EFFECTS_PER_FOLD} effects in one fold`),
        };
        return;
      }
      this.#effects.push(emitted as Effect);
    });
  }

  /** A machine at its beginning, with the effects of its entry actions. */
  static start(
    machine: AnyStateMachine,
    input: ActorInput,
    id: string,
    point: FoldPoint,
  ): { live: LiveMachine; effects: Effect[] } {
    return inFold(point.at, point.recordId, () => {
      const live = new LiveMachine(machine, { id, input });
      const effects = live.#run(point, () => live.#actor.start());
      return { live, effects };
    });
  }

  /** A machine as it was persisted. Restoring does nothing that a fold did before. */
  static restore(machine: AnyStateMachine, persisted: PersistedMachine, id: string, at: number): LiveMachine {
    return inFold(at, `restore ${id}`, () => {
      // XState writes into the snapshot that it is given.
      const live = new LiveMachine(machine, { id, snapshot: structuredClone(persisted.snapshot) });
      live.#run({ at, recordId: "restore" }, () => live.#actor.start());
      live.#generation = persisted.generation;
      live.#timers.clear();
      for (const timer of persisted.timers) live.#rearm(timer, at);
      return live;
    });
  }

  /** Folds one event. @throws MachineError, or what the machine threw: the live machine is then of no use any more. */
  send(event: { readonly type: string }, point: FoldPoint): Effect[] {
    return inFold(point.at, point.recordId, () => this.#run(point, () => this.#actor.send(event)));
  }

  /** Lets a timer fire; undefined when it is not pending or of another generation. */
  fire(key: string, generation: number, point: FoldPoint): Effect[] | undefined {
    const timer = this.#timers.get(key);
    if (timer?.generation !== generation) return undefined;
    this.#timers.delete(key);
    return inFold(point.at, point.recordId, () => this.#run(point, timer.handle.fire));
  }

  get timers(): readonly TimerState[] {
    return [...this.#timers.values()].map(({ handle: _, ...state }) => state);
  }

  get context(): unknown {
    return this.#actor.getSnapshot().context;
  }

  get value(): unknown {
    return this.#actor.getSnapshot().value;
  }

  /** Contexts of the machine's children, by their ids. */
  get children(): Readonly<Record<string, unknown>> {
    const children = this.#actor.getSnapshot().children as Record<string, AnyActorRef | undefined>;
    return Object.fromEntries(
      Object.entries(children).map(([id, child]) => [id, child?.getSnapshot()?.context]),
    );
  }

  /** True when the machine reached a final state. */
  get done(): boolean {
    return this.#actor.getSnapshot().status === "done";
  }

  persist(): PersistedMachine {
    return {
      snapshot: JSON.parse(JSON.stringify(this.#actor.getPersistedSnapshot())),
      timers: this.timers,
      generation: this.#generation,
    };
  }

  #run(point: FoldPoint, step: () => void): Effect[] {
    this.#effects = [];
    this.#failure = undefined;
    this.#now = point.at;
    step();
    const failure = this.#failure as { error: unknown } | undefined;
    if (failure) throw failure.error;
    const snapshot = this.#actor.getSnapshot();
    if (snapshot.status === "error") throw snapshot.error;
    refuseUnnamedChildren(snapshot);
    return this.#effects;
  }

  /** XState's own scheduler stays in charge, so that its cancellation works; we note what it schedules. */
  #takeOverScheduler(): void {
    const { scheduler } = this.#actor.system as unknown as { scheduler: Scheduler };
    const { schedule, cancel } = scheduler;
    scheduler.schedule = (source, target, event, delay, id) => {
      if (id === undefined) {
        throw new ImpureMachineError(`delayed event ${JSON.stringify(event.type)} has no id: give it one`);
      }
      schedule(source, target, event, delay, id);
      const key = `${pathOf(source)}|${id}`;
      const again = this.#rearming;
      this.#timers.set(key, {
        key,
        generation: again ? again.generation : ++this.#generation,
        deadline: again ? again.deadline : this.#now + delay,
        source: pathOf(source),
        target: pathOf(target),
        id,
        event: event as JsonObject,
        handle: this.#fresh!,
      });
    };
    scheduler.cancel = (source, id) => {
      cancel(source, id);
      this.#timers.delete(`${pathOf(source)}|${id}`);
    };
  }

  #rearm(timer: TimerState, at: number): void {
    const source = this.#find(timer.source);
    const target = this.#find(timer.target);
    if (!source || !target) return; // its child is gone, and so is the timer
    this.#rearming = timer;
    try {
      const { scheduler } = this.#actor.system as unknown as { scheduler: Scheduler };
      scheduler.schedule(
        source,
        target,
        timer.event as { type: string },
        Math.max(0, timer.deadline - at),
        timer.id,
      );
    } finally {
      this.#rearming = undefined;
    }
  }

  #find(path: string): AnyActorRef | undefined {
    let ref: AnyActorRef = this.#actor;
    for (const id of path.split("/").slice(1)) {
      const child = (ref.getSnapshot() as { children?: Record<string, AnyActorRef> }).children?.[id];
      if (!child) return undefined;
      ref = child;
    }
    return ref;
  }
}

interface Scheduler {
  schedule(
    source: AnyActorRef,
    target: AnyActorRef,
    event: { type: string },
    delay: number,
    id: string | undefined,
  ): void;
  cancel(source: AnyActorRef, id: string): void;
}

/** Names of an actor and its parents from the root, whose own name does not matter. */
function pathOf(ref: AnyActorRef): string {
  const parent = (ref as unknown as { _parent?: AnyActorRef })._parent;
  return parent ? `${pathOf(parent)}/${ref.id}` : "root";
}

/** XState numbers unnamed children with a counter of the process, which no replay could repeat. */
function refuseUnnamedChildren(snapshot: { children?: Record<string, AnyActorRef | undefined> }): void {
  for (const child of Object.values(snapshot.children ?? {})) {
    if (/^x:\d+$/.test(child?.id ?? ""))
      throw new ImpureMachineError("a child was spawned without an id: give it one");
  }
}

/** Bounds the machine and every machine that it may spawn. */
function limitMicrosteps(machine: AnyStateMachine): void {
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
 * Hash of a state: canonical JSON of value, context, children and timers, free of the library's own bookkeeping
 * (L4). Equal for equal states whatever version of the library wrote the snapshot.
 */
export function stateHash(persisted: PersistedMachine): string {
  return hashJson({
    state: essence(persisted.snapshot),
    timers: persisted.timers.map(({ key, deadline, event }) => ({ key, deadline, event })),
  });
}

function essence(snapshot: Json): Json {
  const s = snapshot as {
    value?: Json;
    context?: Json;
    children?: Record<string, { snapshot: Json }>;
    status?: Json;
  };
  const children: Record<string, Json> = {};
  for (const [id, child] of Object.entries(s.children ?? {})) children[id] = essence(child.snapshot);
  return { value: s.value ?? null, context: s.context ?? null, status: s.status ?? null, children };
}
