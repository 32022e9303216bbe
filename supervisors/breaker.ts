/**
 * A system that the desk depends on, behind a bulkhead, bounded retries with jitter, a breaker and a time-out, in this
 * order from the outside. What the caller sees is an answer or an error in bounded time, and a state of health.
 */
import {
  BrokenCircuitError,
  BulkheadRejectedError,
  bulkhead,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  handleWhen,
  isBrokenCircuitError,
  TaskCancelledError,
} from "cockatiel";
import { type BackoffOptions, exponentialBackoff } from "./backoff.ts";

export interface DownstreamOptions {
  readonly name: string;
  /** Of one attempt, ms. Default 2,000. */
  readonly timeoutMs?: number;
  /** Further attempts of calls that may be repeated. Default 2. */
  readonly retries?: number;
  /** Waits between attempts. Default from 50 ms, doubled up to 1 s, half of it left to chance. */
  readonly backoff?: BackoffOptions;
  /** Failures in a row that open the breaker. Default 5. */
  readonly failuresToOpen?: number;
  /** From opening to the first probe, ms; doubled with each probe that fails, up to 60 s. Default 2,000. */
  readonly openMs?: number;
  /** Successes in a row after which it counts as up again. Default 3. */
  readonly successesToUp?: number;
  /** Calls under way at once. Default 16. */
  readonly concurrency?: number;
  /** Calls that wait for a place; more are refused. Default 64. */
  readonly queue?: number;
  /**
   * Whether an error says that the system is ill. By default every one does but those with `retryable: false`, which say
   * that it is well and the request is wrong.
   */
  readonly isFailure?: (error: unknown) => boolean;
}

export interface CallOptions {
  /** Whether it may be asked again when the first answer is lost: reads, and writes under a key. Default false. */
  readonly repeatable?: boolean;
  readonly timeoutMs?: number;
  /** Of the caller; aborts the wait and the work. */
  readonly signal?: AbortSignal;
}

export interface Attempt {
  /** Aborted at the time-out and when the caller gives up. */
  readonly signal: AbortSignal;
  /** From 1. */
  readonly number: number;
}

/** `up`, `degraded`: answers, but failed lately; `open`: not asked for a while; `probing`: one call tries whether it is back. */
export type Health = "up" | "degraded" | "open" | "probing";

export interface HealthReport {
  readonly name: string;
  readonly state: Health;
  /** Wall clock of the last change, ms. */
  readonly since: number;
  readonly active: number;
  readonly waiting: number;
  readonly failuresInARow: number;
  /** Kind of the last error; never its text, which may hold personal data. */
  readonly lastError?: string;
}

export class DownstreamError extends Error {
  override readonly name: string = "DownstreamError";
  readonly retryable = true;
}
export class DownstreamTimeoutError extends DownstreamError {
  override readonly name = "DownstreamTimeoutError";
}
/** The breaker is open: it was not even asked. */
export class DownstreamOpenError extends DownstreamError {
  override readonly name = "DownstreamOpenError";
}
/** Too many calls are under way: it was not asked. */
export class DownstreamBusyError extends DownstreamError {
  override readonly name = "DownstreamBusyError";
}
/** The caller gave up. */
export class DownstreamAbortedError extends DownstreamError {
  override readonly name = "DownstreamAbortedError";
  /** It had waited for at least half of the time-out: the system may well hang. */
  slow = false;
}

export class Downstream {
  readonly name: string;
  readonly #options: DownstreamOptions;
  readonly #listeners = new Set<(report: HealthReport) => void>();
  readonly #bulkhead;
  readonly #breaker;
  readonly #concurrency: number;
  readonly #queue: number;
  readonly #isFailure: (error: unknown) => boolean;
  readonly #backoff;
  #state: Health = "up";
  #since = Date.now();
  #failures = 0;
  #successes = 0;
  #lastError: string | undefined;

  constructor(options: DownstreamOptions) {
    this.name = options.name;
    this.#options = options;
    this.#concurrency = options.concurrency ?? 16;
    this.#queue = options.queue ?? 64;
    this.#isFailure =
      options.isFailure ?? ((error) => (error as { retryable?: boolean })?.retryable !== false);
    this.#backoff = exponentialBackoff({ firstMs: 50, maxMs: 1_000, jitter: 0.5, ...options.backoff });
    this.#bulkhead = bulkhead(this.#concurrency, this.#queue);
    const open = exponentialBackoff({ firstMs: options.openMs ?? 2_000, maxMs: 60_000, jitter: 0.2 });
    this.#breaker = circuitBreaker(
      // A probe that was given up says nothing good; one that counted as a success would close the breaker.
      handleWhen((error) =>
        error instanceof DownstreamAbortedError
          ? error.slow || this.#state === "probing"
          : this.#isFailure(error),
      ),
      {
        breaker: new ConsecutiveBreaker(options.failuresToOpen ?? 5),
        halfOpenAfter: { next: (context) => wait(open, context?.attempt ?? 1) },
      },
    );
    this.#breaker.onStateChange((state) => {
      if (state === CircuitState.Open) this.#become("open");
      else if (state === CircuitState.HalfOpen) this.#become("probing");
      else if (state === CircuitState.Closed && this.#state === "probing") this.#become("degraded");
    });
  }

  /**
   * Runs `work` against the system.
   * @throws DownstreamTimeoutError, DownstreamOpenError, DownstreamBusyError, DownstreamAbortedError, or what `work`
   *   threw in its last attempt.
   */
  async call<T>(work: (attempt: Attempt) => Promise<T>, options: CallOptions = {}): Promise<T> {
    const { signal } = options;
    const attempts = options.repeatable ? 1 + (this.#options.retries ?? 2) : 1;
    return this.#unlessAborted(signal, async () => {
      for (let number = 1; ; number++) {
        try {
          return await this.#attempt(work, number, options);
        } catch (error) {
          const final =
            number >= attempts ||
            error instanceof DownstreamOpenError ||
            error instanceof DownstreamBusyError ||
            error instanceof DownstreamAbortedError ||
            !this.#isFailure(error);
          if (final || signal?.aborted) throw error;
          await pause(this.#backoff(number), signal);
          if (signal?.aborted) throw error;
        }
      }
    });
  }

  get health(): HealthReport {
    return {
      name: this.name,
      state: this.#state,
      since: this.#since,
      active: this.#concurrency - this.#bulkhead.executionSlots,
      waiting: this.#queue - this.#bulkhead.queueSlots,
      failuresInARow: this.#failures,
      lastError: this.#lastError,
    };
  }

  /** Told of each change of state. */
  onHealth(listener: (report: HealthReport) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #attempt<T>(
    work: (attempt: Attempt) => Promise<T>,
    number: number,
    options: CallOptions,
  ): Promise<T> {
    try {
      return await this.#bulkhead.execute(
        () => this.#breaker.execute(() => this.#timed(work, number, options)),
        options.signal,
      );
    } catch (error) {
      if (error instanceof BulkheadRejectedError) {
        throw new DownstreamBusyError(
          `${this.name} has ${this.#concurrency} calls under way and ${this.#queue} waiting`,
        );
      }
      if (error instanceof BrokenCircuitError || isBrokenCircuitError(error)) {
        throw new DownstreamOpenError(`${this.name} failed too often and is not asked for a while`);
      }
      if (error instanceof TaskCancelledError)
        throw new DownstreamAbortedError(`the call of ${this.name} was given up`);
      throw error;
    }
  }

  /** One attempt; its outcome is noted here, whoever still waits for it. */
  async #timed<T>(work: (attempt: Attempt) => Promise<T>, number: number, options: CallOptions): Promise<T> {
    const limit = options.timeoutMs ?? this.#options.timeoutMs ?? 2_000;
    const startedAt = performance.now();
    const abort = new AbortController();
    const give = () => abort.abort(new DownstreamAbortedError(`the call of ${this.name} was given up`));
    options.signal?.addEventListener("abort", give, { once: true });
    const timer = setTimeout(
      () => abort.abort(new DownstreamTimeoutError(`${this.name} did not answer within ${limit} ms`)),
      limit,
    );
    try {
      const aborted = new Promise<never>((_, reject) => {
        abort.signal.addEventListener("abort", () => reject(abort.signal.reason), { once: true });
      });
      if (options.signal?.aborted) give();
      const result = await Promise.race([aborted, work({ signal: abort.signal, number })]);
      this.#succeeded();
      return result;
    } catch (thrown) {
      // What `work` throws when it is aborted hides why.
      const error = abort.signal.aborted ? abort.signal.reason : thrown;
      if (error instanceof DownstreamAbortedError) {
        error.slow = performance.now() - startedAt >= limit / 2;
        if (error.slow) this.#failed(error);
      } else if (this.#isFailure(error)) this.#failed(error);
      else this.#succeeded();
      throw error;
    } finally {
      clearTimeout(timer);
      options.signal?.removeEventListener("abort", give);
    }
  }

  #succeeded(): void {
    this.#failures = 0;
    this.#successes++;
    if (this.#state === "degraded" && this.#successes >= (this.#options.successesToUp ?? 3))
      this.#become("up");
  }

  #failed(error: unknown): void {
    this.#failures++;
    this.#successes = 0;
    this.#lastError = error instanceof Error ? error.name : typeof error;
    if (this.#state === "up") this.#become("degraded");
  }

  #become(state: Health): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#since = Date.now();
    for (const listener of [...this.#listeners]) {
      try {
        listener(this.health);
      } catch {
        // A listener's trouble is not the system's.
      }
    }
  }

  /** A caller that gives up does not wait for a place in the bulkhead either. */
  async #unlessAborted<T>(signal: AbortSignal | undefined, run: () => Promise<T>): Promise<T> {
    if (!signal) return run();
    const gone = () => new DownstreamAbortedError(`the call of ${this.name} was given up`);
    if (signal.aborted) throw gone();
    let stop: (() => void) | undefined;
    const aborted = new Promise<never>((_, reject) => {
      stop = () => reject(gone());
      signal.addEventListener("abort", stop, { once: true });
    });
    const running = run();
    running.catch(() => {});
    try {
      return await Promise.race([running, aborted]);
    } finally {
      if (stop) signal.removeEventListener("abort", stop);
    }
  }
}

function wait(open: (attempt: number) => number, attempt: number) {
  return { duration: open(attempt), next: (context: { attempt: number }) => wait(open, context.attempt) };
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done, { once: true });
  });
}
