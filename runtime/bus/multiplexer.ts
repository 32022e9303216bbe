/**
 * Requests over one inbox subscription. The library makes a promise, a timer and a race for each request; one Map and
 * one sweep for all time-outs take a third of that.
 */
import { type BusError, BusTimeoutError } from "./errors.ts";

/** How often time-outs are looked for, ms: a request fails at most this much late. */
const SWEEP_MS = 20;

interface Pending<T> {
  readonly subject: string;
  readonly timeoutMs: number;
  readonly deadline: number;
  readonly resolve: (answer: T) => void;
  readonly reject: (error: BusError) => void;
}

export class Multiplexer<T> {
  readonly #pending = new Map<string, Pending<T>>();
  #next = 0;
  #timer: NodeJS.Timeout | undefined;
  #idle: (() => void)[] = [];

  get size(): number {
    return this.#pending.size;
  }

  /** Opens a request: the token is the last part of its reply subject. */
  open(subject: string, timeoutMs: number): { token: string; answer: Promise<T> } {
    const token = (this.#next++).toString(36);
    const answer = new Promise<T>((resolve, reject) => {
      const deadline = performance.now() + timeoutMs;
      this.#pending.set(token, { subject, timeoutMs, deadline, resolve, reject });
    });
    this.#timer ??= setInterval(() => this.#sweep(), SWEEP_MS);
    return { token, answer };
  }

  has(token: string): boolean {
    return this.#pending.has(token);
  }

  /** An answer came. One that comes after its time-out is dropped. */
  settle(token: string, answer: T, error?: (subject: string) => BusError | undefined): void {
    const pending = this.#take(token);
    if (!pending) return;
    const failure = error?.(pending.subject);
    if (failure) pending.reject(failure);
    else pending.resolve(answer);
  }

  fail(token: string, error: BusError): void {
    this.#take(token)?.reject(error);
  }

  failAll(error: BusError): void {
    for (const token of [...this.#pending.keys()]) this.fail(token, error);
  }

  /** Resolves when no request is under way; each of them ends by its time-out at the latest. */
  idle(): Promise<void> {
    if (this.#pending.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #take(token: string): Pending<T> | undefined {
    const pending = this.#pending.get(token);
    if (!pending) return undefined;
    this.#pending.delete(token);
    if (this.#pending.size === 0) this.#rest();
    return pending;
  }

  #sweep(): void {
    const now = performance.now();
    for (const [token, p] of this.#pending) {
      if (p.deadline <= now) this.fail(token, new BusTimeoutError(p.subject, p.timeoutMs));
    }
  }

  /** Without a request there is nothing to sweep; the timer is kept for a busy moment's gap of no request. */
  #rest(): void {
    for (const resolve of this.#idle.splice(0)) resolve();
    const timer = this.#timer;
    if (!timer) return;
    setImmediate(() => {
      if (this.#pending.size > 0 || this.#timer !== timer) return;
      clearInterval(timer);
      this.#timer = undefined;
    });
  }
}
