/** Restart intensity: how often something may be restarted before it is taken for incurable. */
export interface RestartLimits {
  /** Restarts allowed within the period. Default 5. */
  readonly max?: number;
  /** Milliseconds. Default 30,000. */
  readonly periodMs?: number;
}

export interface IntensityOptions extends RestartLimits {
  /** Monotonic ms; for tests. */
  readonly now?: () => number;
}

export class RestartIntensity {
  readonly #now: () => number;
  #max = 5;
  #periodMs = 30_000;
  #at: number[] = [];

  /** @throws RangeError, as `check` does */
  constructor(options: IntensityOptions = {}) {
    this.#now = options.now ?? (() => performance.now());
    this.change(options);
  }

  get max(): number {
    return this.#max;
  }

  get periodMs(): number {
    return this.#periodMs;
  }

  /** Other limits, for the restarts noted before, too; what is not named stays. @throws RangeError, as `check` does */
  change(limits: RestartLimits): void {
    const { max, periodMs } = this.check(limits);
    this.#max = max;
    this.#periodMs = periodMs;
  }

  /**
   * The limits as they would be, what is not named as it is.
   * @throws RangeError when `max` is no whole number from 0 on, or `periodMs` not finite and above 0
   */
  check({ max = this.#max, periodMs = this.#periodMs }: RestartLimits): Required<RestartLimits> {
    if (!Number.isSafeInteger(max) || max < 0) throw new RangeError(`restart intensity: max is ${max}`);
    if (!Number.isFinite(periodMs) || periodMs <= 0) {
      throw new RangeError(`restart intensity: periodMs is ${periodMs}`);
    }
    return { max, periodMs };
  }

  /** Notes a restart. False when it is one too many within the period. */
  record(): boolean {
    const now = this.#now();
    this.#at = this.#at.filter((at) => now - at < this.#periodMs);
    this.#at.push(now);
    return this.#at.length <= this.#max;
  }

  /** Restarts within the current period. */
  get recent(): number {
    const now = this.#now();
    return this.#at.filter((at) => now - at < this.#periodMs).length;
  }
}
