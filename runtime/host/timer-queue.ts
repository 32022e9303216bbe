/** Deadlines of all actors of a node: tells when one is due. The truth is beside each actor's snapshot (L10). */
import { Heap } from "heap-js";
import type { Clock } from "../clock.ts";

export interface Deadline {
  readonly key: string;
  readonly generation: number;
  /** ms since the epoch. */
  readonly deadline: number;
}

interface Entry extends Deadline {
  readonly actor: string;
}

/** Stale entries of the heap are cleared away when there are this many of them and more than pending ones. */
const TIDY_ABOVE = 1_024;
/** The wall clock may jump, over a sleep of the machine for one, and `setTimeout` does not notice: look again. */
const LONGEST_WAIT_MS = 60_000;

export class TimerQueue {
  readonly #clock: Clock & { onJump?: (listener: () => void) => () => void };
  readonly #onDue: (actor: string, timer: Deadline) => void;
  readonly #heap = new Heap<Entry>((a, b) => a.deadline - b.deadline);
  /** What is pending: actor → timer key → generation. Entries of the heap that differ are stale. */
  readonly #pending = new Map<string, Map<string, number>>();
  #size = 0;
  #timeout: NodeJS.Timeout | undefined;
  /** Deadline that the time-out is set for. */
  #armedFor = Number.POSITIVE_INFINITY;
  #offJump: (() => void) | undefined;
  #stopped = true;

  constructor(clock: Clock, onDue: (actor: string, timer: Deadline) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** Before this nothing fires: an actor may still cancel what its records since then cancel. */
  start(): void {
    this.#stopped = false;
    this.#offJump = this.#clock.onJump?.(() => this.#arm());
    this.#arm();
  }

  stop(): void {
    this.#stopped = true;
    this.#offJump?.();
    clearTimeout(this.#timeout);
  }

  /** Deadlines that are pending. */
  get size(): number {
    return this.#size;
  }

  /** Entries in memory, those that nobody waits for included. */
  get held(): number {
    return this.#heap.length;
  }

  /** Replaces all deadlines of an actor. */
  set(actor: string, timers: readonly Deadline[]): void {
    const before = this.#pending.get(actor);
    this.#size += timers.length - (before?.size ?? 0);
    if (timers.length === 0) {
      if (before) this.#pending.delete(actor);
      return;
    }
    const now = new Map<string, number>();
    let earliest = Number.POSITIVE_INFINITY;
    for (const timer of timers) {
      now.set(timer.key, timer.generation);
      if (before?.get(timer.key) === timer.generation) continue;
      this.#heap.push({ actor, key: timer.key, generation: timer.generation, deadline: timer.deadline });
      earliest = Math.min(earliest, timer.deadline);
    }
    this.#pending.set(actor, now);
    this.#tidy();
    if (earliest < this.#armedFor) this.#arm();
  }

  /** Nothing is pending any more for actors that `of` says yes to. */
  forget(of: (actor: string) => boolean): void {
    for (const actor of [...this.#pending.keys()]) if (of(actor)) this.set(actor, []);
  }

  #isPending(entry: Entry): boolean {
    return this.#pending.get(entry.actor)?.get(entry.key) === entry.generation;
  }

  /** Timers that are set anew at every turn would leave a stale entry each until its deadline. */
  #tidy(): void {
    const stale = this.#heap.length - this.#size;
    if (stale < TIDY_ABOVE || stale < this.#size) return;
    this.#heap.init(this.#heap.toArray().filter((entry) => this.#isPending(entry)));
  }

  #arm(): void {
    if (this.#stopped) return;
    clearTimeout(this.#timeout);
    this.#armedFor = Number.POSITIVE_INFINITY;
    for (;;) {
      const next = this.#heap.peek();
      if (!next) return;
      if (!this.#isPending(next)) {
        this.#heap.pop();
        continue;
      }
      const wait = next.deadline - this.#clock.now();
      if (wait > 0) {
        this.#armedFor = next.deadline;
        this.#timeout = setTimeout(() => this.#arm(), Math.min(wait, LONGEST_WAIT_MS));
        this.#timeout.unref();
        return;
      }
      this.#heap.pop();
      this.#onDue(next.actor, next);
    }
  }
}
