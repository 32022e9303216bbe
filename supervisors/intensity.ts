/** Restart intensity: how often something may be restarted before it is taken for incurable. */
export interface IntensityOptions {
  /** Restarts allowed within the period. Default 5. */
  readonly max?: number;
  /** Milliseconds. Default 30,000. */
  readonly periodMs?: number;
  /** Monotonic ms; for tests. */
  readonly now?: () => number;
}

export class RestartIntensity {
  readonly max: number;
  readonly periodMs: number;
  readonly #now: () => number;
  #at: number[] = [];

  constructor(options: IntensityOptions = {}) {
    this.max = options.max ?? 5;
    this.periodMs = options.periodMs ?? 30_000;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Notes a restart. False when it is one too many within the period. */
  record(): boolean {
    const now = this.#now();
    this.#at = this.#at.filter((at) => now - at < this.periodMs);
    this.#at.push(now);
    return this.#at.length <= this.max;
  }

  /** Restarts within the current period. */
  get recent(): number {
    const now = this.#now();
    return this.#at.filter((at) => now - at < this.periodMs).length;
  }
}
