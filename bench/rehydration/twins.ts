/**
 * One machine run twice in step: one run is kept alive, the other is persisted, written as JSON text, read and restored
 * after every fold, whether of an event or of a timer that fires. Time is virtual and timers fire as the host lets them fire: by
 * deadline, each as a fold of its own, never before its deadline and perhaps late.
 */
import { address } from "../../runtime/address.ts";
import { LiveMachine, type PersistedMachine, type TimerState } from "../../runtime/host/live-machine.ts";
import type { ActorEvent, ActorInput, AnyStateMachine, Effect } from "../../runtime/host/machine.ts";
import type { JsonObject } from "../../runtime/json.ts";
import { differing, type Observation, observe } from "./observe.ts";

/** How a persisted machine becomes a live one: `LiveMachine.restore`, unless a test wants to see a loss found. */
export type Restore = typeof LiveMachine.restore;

export interface Difference {
  /** Number of the fold after which the runs differ; 0 is the start. */
  readonly step: number;
  /** What was folded: an event's type, or the key of a timer. */
  readonly after: string;
  /** The member in which they differ: `value`, `context`, `timers` … */
  readonly member: string;
  readonly kept: string;
  readonly restored: string;
}

/** A machine that throws in both runs proves nothing: whoever made it made a mistake. */
export class BrokenMachineError extends Error {
  override readonly name = "BrokenMachineError";
}

export interface TwinsOptions {
  readonly restore?: Restore;
  /** Folds after which nothing happens any more, for machines that arm one timer after the other. */
  readonly mostSteps?: number;
}

interface Folded {
  readonly live: LiveMachine;
  readonly effects: readonly Effect[];
}

interface Run {
  live: LiveMachine | undefined;
  seen: Observation;
}

const SELF = address("bench", "twin");
const FROM = address("bench", "driver");
/** Log time of the first fold, ms since the epoch. */
const START = 1_700_000_000_000;

export class Twins {
  readonly #machine: AnyStateMachine;
  readonly #restore: Restore;
  readonly #mostSteps: number;
  #kept: Run;
  #restored: Run;
  #now = START;
  #steps = 0;
  #armed = 0;
  #fired = 0;
  /** The last generation that was given out before the fold. */
  #generation = 0;
  #difference: Difference | undefined;

  /** Starts the machine in both runs. @throws BrokenMachineError */
  constructor(machine: AnyStateMachine, options: TwinsOptions = {}) {
    this.#machine = machine;
    this.#restore = options.restore ?? LiveMachine.restore;
    this.#mostSteps = options.mostSteps ?? Number.POSITIVE_INFINITY;
    const input: ActorInput = { address: SELF, startedAt: START };
    const start = () => LiveMachine.start(machine, input, SELF.id, this.#point("start"));
    this.#kept = attempt(start);
    this.#restored = attempt(() => this.#again(start()));
    this.#compare("start");
  }

  /** Folds of each run after the start. */
  get steps(): number {
    return this.#steps;
  }

  /** Delayed events that were pending after a fold: what the host arms. */
  get armed(): number {
    return this.#armed;
  }

  /** Delayed events whose time came. */
  get fired(): number {
    return this.#fired;
  }

  get difference(): Difference | undefined {
    return this.#difference;
  }

  /** Value of the run that is kept alive. */
  get value(): unknown {
    return this.#kept.live?.value;
  }

  get #over(): boolean {
    if (this.#difference || this.#steps >= this.#mostSteps) return true;
    return this.#kept.live === undefined || this.#kept.live.done;
  }

  /** Folds an event, unless the machine is done or the runs differ. @throws BrokenMachineError */
  send(type: string, data: JsonObject | string | number | null = null): void {
    if (this.#over) return;
    const id = `event ${this.#steps + 1}`;
    const event: ActorEvent = freeze({ type, id, at: this.#now, from: FROM, data });
    this.#step(type, (live) => live.send(event, this.#point(id)));
  }

  /**
   * Lets time pass, ms; what falls due fires in the order of deadlines.
   * @param late ms from a timer's deadline to the log time of its firing
   */
  wait(ms: number, late = 0): void {
    const until = this.#now + ms;
    for (let next = this.#next(); next && next.deadline <= until; next = this.#next()) this.#fire(next, late);
    this.#now = Math.max(this.#now, until);
  }

  /** Lets the next timers fire, whenever they are due, at most so many. */
  drain(most: number): void {
    for (let n = 0, next = this.#next(); n < most && next; n++, next = this.#next()) this.#fire(next, 0);
  }

  #next(): TimerState | undefined {
    if (this.#over) return undefined;
    return [...this.#kept.live!.timers].sort(
      (a, b) => a.deadline - b.deadline || a.generation - b.generation,
    )[0];
  }

  #fire(timer: TimerState, late: number): void {
    this.#now = Math.max(this.#now, timer.deadline + late);
    this.#fired++;
    const { key, generation } = timer;
    const point = this.#point(`timer ${key} ${generation}`);
    this.#step(key, (live) => live.fire(key, generation, point) ?? []);
  }

  #step(after: string, fold: (live: LiveMachine) => readonly Effect[]): void {
    const [kept, restored] = [this.#kept.live!, this.#restored.live!];
    this.#steps++;
    this.#kept = attempt(() => ({ live: kept, effects: fold(kept) }));
    this.#restored = attempt(() => this.#again({ live: restored, effects: fold(restored) }));
    this.#compare(after);
  }

  /** The machine in another life. */
  #again({ live, effects }: Folded): Folded {
    const persisted = JSON.parse(JSON.stringify(live.persist())) as PersistedMachine;
    return { live: this.#restore(this.#machine, persisted, SELF.id, this.#now), effects };
  }

  #point(recordId: string): { at: number; recordId: string } {
    return { at: this.#now, recordId };
  }

  #compare(after: string): void {
    const timers = this.#kept.live?.timers ?? [];
    this.#armed += timers.filter((timer) => timer.generation > this.#generation).length;
    this.#generation = timers.reduce((last, timer) => Math.max(last, timer.generation), this.#generation);
    const [kept, restored] = [this.#kept.seen, this.#restored.seen];
    const member = differing(kept, restored);
    if (member !== undefined) {
      const [a, b] = [kept[member] ?? "nothing", restored[member] ?? "nothing"];
      this.#difference = { step: this.#steps, after, member, kept: a, restored: b };
    } else if (kept.threw !== undefined) {
      throw new BrokenMachineError(`after ${this.#steps} folds, at ${after}: ${kept.threw}`);
    }
  }
}

function attempt(fold: () => Folded): Run {
  try {
    const { live, effects } = fold();
    return { live, seen: observe(live, effects) };
  } catch (error) {
    return { live: undefined, seen: { threw: (error as Error).message ?? String(error) } };
  }
}

/** The host freezes what it folds. */
function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const member of Object.values(value)) freeze(member);
  }
  return value;
}
