/**
 * Time. `now()` is wall-clock milliseconds since the epoch and is stamped on records; `monotonic()` never jumps and is
 * for deadlines inside the process.
 */
export interface Clock {
  now(): number;
  monotonic(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};

/** A clock that can be moved ahead, for scenarios in which time passes. It never goes back. */
export class ShiftedClock implements Clock {
  #offset: number;
  /** How far it was moved ahead. */
  #moved = 0;
  #listeners = new Set<() => void>();

  /** @param at what it shows first, ms since the epoch. Default now */
  constructor(at?: number) {
    this.#offset = at === undefined ? 0 : at - Date.now();
  }

  now(): number {
    return Date.now() + this.#offset;
  }
  monotonic(): number {
    return performance.now() + this.#moved;
  }
  /** Moves ahead by `ms` and tells those who wait on deadlines. */
  advance(ms: number): void {
    if (!(ms >= 0)) throw new RangeError(`a clock only moves ahead: ${ms} ms`);
    this.#offset += ms;
    this.#moved += ms;
    for (const listener of this.#listeners) listener();
  }
  /** Called after each jump; answers how to stop listening. */
  onJump(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
