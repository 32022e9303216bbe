/**
 * Admission: bounded *before* the append, so that what has had its 202 is never refused (L8).
 *
 * Counts, per actor, what was appended here and is not folded yet.
 */
import { type Address, formatAddress } from "../address.ts";
import { OverloadedError } from "../engine.ts";

export interface AdmissionOptions {
  /** Records from outside that may wait for one actor. Default 32. */
  readonly maxWaiting?: number;
  /** What a refused sender is told to wait, ms. Default 1,000. */
  readonly retryAfterMs?: number;
}

export class Admission {
  readonly #waiting = new Map<string, Set<string>>();
  readonly #onSettled = new Map<string, (() => void)[]>();
  readonly #o: Required<AdmissionOptions>;

  constructor(options: AdmissionOptions = {}) {
    this.#o = { maxWaiting: 32, retryAfterMs: 1_000, ...options };
  }

  /** @throws OverloadedError */
  enter(to: Address, id: string): void {
    const name = formatAddress(to);
    let ids = this.#waiting.get(name);
    if (!ids) {
      ids = new Set();
      this.#waiting.set(name, ids);
    }
    if (ids.has(id)) return;
    if (ids.size >= this.#o.maxWaiting) {
      throw new OverloadedError(
        `${to.kind} ${to.id} has ${ids.size} messages waiting: try again in a moment`,
        this.#o.retryAfterMs,
      );
    }
    ids.add(id);
  }

  leave(to: Address, id: string): void {
    const name = formatAddress(to);
    const ids = this.#waiting.get(name);
    if (!ids?.delete(id) || ids.size > 0) return;
    this.#waiting.delete(name);
    const listeners = this.#onSettled.get(name);
    this.#onSettled.delete(name);
    for (const listener of listeners ?? []) listener();
  }

  /** Whether records that were taken here wait for this actor. */
  isWaiting(to: Address): boolean {
    return this.#waiting.has(formatAddress(to));
  }

  /** Resolves when nothing that was taken here waits for this actor any more, at the latest after `ms`. */
  settled(to: Address, ms: number): Promise<void> {
    const name = formatAddress(to);
    if (!this.#waiting.has(name)) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      const listeners = this.#onSettled.get(name) ?? [];
      listeners.push(() => {
        clearTimeout(timer);
        resolve();
      });
      this.#onSettled.set(name, listeners);
    });
  }
}
