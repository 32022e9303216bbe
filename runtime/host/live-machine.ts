/**
 * One XState actor, driven record by record with its effects collected and its timers taken over (L5, L10).
 *
 * Everything that leans on XState's internals is here and in `xstate-internals.ts`; the tests beside pin it.
 */
import { type AnyActor, type AnyActorRef, type AnyStateMachine, createActor } from "xstate";
import type { Json, JsonObject } from "../json.ts";
import { ImpureMachineError, inFold } from "./fold-guard.ts";
import type { ActorInput, Effect } from "./machine.ts";
import {
  childrenOf,
  delaysOf,
  findByPath,
  hasStopped,
  isOver,
  limitMicrosteps,
  missingChild,
  parentOf,
  pathOf,
  restorable,
  type System,
  settle,
  stop,
} from "./xstate-internals.ts";

export { stateHash } from "./state-hash.ts";

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
  readonly from: AnyActorRef;
  readonly to: AnyActorRef;
}

/** Most effects of one fold; a machine that wants more is broken. */
export const MAX_EFFECTS_PER_FOLD = 512;

export class MachineError extends Error {
  override readonly name = "MachineError";
}

export class LiveMachine {
  readonly #actor: AnyActor;
  /** By `nameOf`: within a fold there may be two actors of one path, of which the older is about to stop. */
  readonly #timers = new Map<string, Timer>();
  /** Actors that were started, until they are seen to have stopped. */
  readonly #started = new Set<AnyActorRef>();
  /** An actor was started or is over since the last look at them. */
  #moved = false;
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
    this.#watchActors();
    this.#actor.subscribe({ error: (error) => (this.#failure ??= { error }) });
    this.#actor.on("*", (emitted: unknown) => {
      if (this.#effects.length >= MAX_EFFECTS_PER_FOLD) {
        const error = new MachineError(`more than ${MAX_EFFECTS_PER_FOLD} effects in one fold`);
        this.#failure ??= { error };
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
      const live = new LiveMachine(machine, { id, snapshot: restorable(persisted.snapshot) });
      live.#run({ at, recordId: "restore" }, () => live.#startAgain());
      live.#generation = persisted.generation;
      live.#timers.clear();
      for (const timer of persisted.timers) live.#rearm(timer, at);
      return live;
    });
  }

  /**
   * A machine in a state that another version of it was brought to. Delayed transitions of its states that have no timer are
   * set, as if they had just been entered.
   * @throws MachineError where a state needs a child, or a timer that only a migration can know
   */
  static moved(machine: AnyStateMachine, persisted: PersistedMachine, id: string, at: number): LiveMachine {
    const live = LiveMachine.restore(machine, persisted, id, at);
    live.#now = at;
    return inFold(at, `migrate ${id}`, () => {
      const missing = missingChild(live.#actor);
      if (missing !== undefined)
        throw new MachineError(`the migration gave no child ${JSON.stringify(missing)}`);
      for (const { id: timer, delay } of delaysOf(live.#actor)) {
        if (live.timers.some((each) => each.source === "root" && each.id === timer)) continue;
        if (typeof delay !== "number")
          throw new MachineError(`the migration gave no timer ${timer}: its delay has a name`);
        live.#system.scheduler.schedule(live.#actor, live.#actor, { type: timer }, delay, timer);
      }
      return live;
    });
  }

  /** Folds one event. @throws MachineError, or what the machine threw: the live machine is then of no use any more. */
  send(event: { readonly type: string }, point: FoldPoint): Effect[] {
    return inFold(point.at, point.recordId, () => this.#run(point, () => this.#actor.send(event)));
  }

  /** Lets a timer fire; undefined when it is not pending or of another generation. */
  fire(key: string, generation: number, point: FoldPoint): Effect[] | undefined {
    const found = this.#pending(key, generation);
    if (!found) return undefined;
    const [name, timer] = found;
    this.#timers.delete(name);
    return inFold(point.at, point.recordId, () => this.#run(point, timer.handle.fire));
  }

  /** Takes a timer away, as if the machine had cancelled it. */
  skip(key: string, generation: number): void {
    const found = this.#pending(key, generation);
    if (found) this.#system.scheduler.cancel(found[1].from, found[1].id);
  }

  #pending(key: string, generation: number): [string, Timer] | undefined {
    return [...this.#timers].find(([, each]) => each.key === key && each.generation === generation);
  }

  get timers(): readonly TimerState[] {
    return [...this.#timers.values()].map(({ handle: _, from: __, to: ___, ...state }) => state);
  }

  get context(): unknown {
    return this.#actor.getSnapshot().context;
  }

  get value(): unknown {
    return this.#actor.getSnapshot().value;
  }

  /** Contexts of the machine's children, by their ids. */
  get children(): Readonly<Record<string, unknown>> {
    return Object.fromEntries(
      Object.entries(childrenOf(this.#actor)).map(([id, child]) => [id, child?.getSnapshot()?.context]),
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
    this.#checkActors();
    settle(this.#actor);
    return this.#effects;
  }

  /** Starts restored actors without what XState tells a parent of a child that starts: it has been told before. */
  #startAgain(): void {
    const system = this.#system;
    const { _relay } = system;
    system._relay = () => {};
    try {
      this.#actor.start();
    } finally {
      system._relay = _relay;
    }
  }

  get #system(): System {
    return this.#actor.system as unknown as System;
  }

  /** XState's own scheduler stays in charge, so that its cancellation works; we note what it schedules. */
  #takeOverScheduler(): void {
    const { scheduler } = this.#system;
    const { schedule, cancel } = scheduler;
    scheduler.schedule = (source, target, event, delay, id) => {
      const name = JSON.stringify(event.type);
      if (id === undefined) throw new ImpureMachineError(`delayed event ${name} has no id: give it one`);
      if (!Number.isFinite(delay)) throw new MachineError(`delayed event ${name} has a delay of ${delay} ms`);
      if (isOver(target)) return; // nobody will be there, and after a restore perhaps somebody of the same name
      schedule(source, target, event, delay, id);
      const again = this.#rearming;
      this.#timers.set(nameOf(source, id), {
        key: `${pathOf(source)}|${id}`,
        generation: again ? again.generation : ++this.#generation,
        deadline: again ? again.deadline : this.#now + delay,
        source: pathOf(source),
        target: pathOf(target),
        id,
        event: event as JsonObject,
        handle: this.#fresh!,
        from: source,
        to: target,
      });
    };
    scheduler.cancel = (source, id) => {
      cancel(source, id);
      this.#timers.delete(nameOf(source, id));
    };
  }

  #watchActors(): void {
    const system = this.#system;
    const { _register, _unregister } = system;
    system._register = (sessionId, ref) => {
      this.#started.add(ref);
      this.#moved = true;
      return _register(sessionId, ref);
    };
    system._unregister = (ref) => {
      _unregister(ref);
      this.#moved = true;
      for (const { from, to, id } of [...this.#timers.values()]) {
        if (to === ref && from !== ref) system.scheduler.cancel(from, id);
      }
    };
  }

  /** Ends or refuses children that no snapshot would bring back. */
  #checkActors(): void {
    if (!this.#moved) return;
    this.#moved = false;
    for (const ref of this.#started) {
      const parent = parentOf(ref);
      // XState numbers unnamed children with a counter of the process, which no replay could repeat.
      if (parent && /^x:\d+$/.test(ref.id)) {
        throw new ImpureMachineError("a child was spawned without an id: give it one");
      }
      // XState lets children run on when another one takes their name, and those of an actor that broke.
      if (parent && (hasStopped(parent) || childrenOf(parent)[ref.id] !== ref)) stop(ref);
      if (hasStopped(ref)) this.#started.delete(ref);
    }
  }

  #rearm(timer: TimerState, at: number): void {
    const source = findByPath(this.#actor, timer.source);
    const target = findByPath(this.#actor, timer.target);
    if (!source || !target) return; // its child is gone, and so is the timer
    this.#rearming = timer;
    try {
      const remaining = Math.max(0, timer.deadline - at);
      this.#system.scheduler.schedule(source, target, timer.event as { type: string }, remaining, timer.id);
    } finally {
      this.#rearming = undefined;
    }
  }
}

function nameOf(source: AnyActorRef, id: string): string {
  return `${source.sessionId} ${id}`;
}
