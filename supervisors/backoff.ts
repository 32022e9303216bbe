/** Waits between attempts: exponential, bounded, with jitter so that many that failed together do not return together. */
export interface BackoffOptions {
  /** Before the second attempt, ms. Default 100. */
  readonly firstMs?: number;
  /** Never more than this, ms. Default 5,000. */
  readonly maxMs?: number;
  /** Default 2. */
  readonly factor?: number;
  /** Share of the wait that is left to chance, 0 … 1. Default 0.2: between 80 % and 100 % of the wait. */
  readonly jitter?: number;
  /** 0 … 1; for tests. */
  readonly random?: () => number;
}

/** Ms to wait after the attempt with this number, counted from 1. */
export type Backoff = (attempt: number) => number;

export function exponentialBackoff(options: BackoffOptions = {}): Backoff {
  const { firstMs = 100, maxMs = 5_000, factor = 2, jitter = 0.2, random = Math.random } = options;
  return (attempt) => {
    const full = Math.min(firstMs * factor ** Math.max(0, attempt - 1), maxMs);
    return full * (1 - jitter * random());
  };
}
