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

/** Longer waits of `setTimeout` fire at once. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;

export class TimerQueue {
  readonly #clock: Clock & { onJump?: (listener: () => void) => () => void };
  readonly #onDue: (actor: string, timer: Deadline) => void;
  readonly #heap = new Heap<Entry>((a, b) => a.deadline - b.deadline);
  /** What is pending: actor → timer key → generation. Entries of the heap that differ are stale. */
  readonly #pending = new Map<string, Map<string, number>>();
  #timeout: NodeJS.Timeout | undefined;
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

  get size(): number {
    let n = 0;
    for (const timers of this.#pending.values()) n += timers.size;
    return n;
  }

  /** Replaces all deadlines of an actor. */
  set(actor: string, timers: readonly Deadline[]): void {
    const before = this.#pending.get(actor);
    if (timers.length === 0) {
      if (before) this.#pending.delete(actor);
      return;
    }
    const now = new Map<string, number>();
    for (const timer of timers) {
      now.set(timer.key, timer.generation);
      if (before?.get(timer.key) !== timer.generation) {
        this.#heap.push({ actor, key: timer.key, generation: timer.generation, deadline: timer.deadline });
      }
    }
    this.#pending.set(actor, now);
    this.#arm();
  }

  #arm(): void {
    if (this.#stopped) return;
    clearTimeout(this.#timeout);
    for (;;) {
      const next = this.#heap.peek();
      if (!next) return;
      if (this.#pending.get(next.actor)?.get(next.key) !== next.generation) {
        this.#heap.pop();
        continue;
      }
      const wait = next.deadline - this.#clock.now();
      if (wait > 0) {
        this.#timeout = setTimeout(() => this.#arm(), Math.min(wait, LONGEST_WAIT_MS));
        this.#timeout.unref();
        return;
      }
      this.#heap.pop();
      this.#onDue(next.actor, next);
    }
  }
}
