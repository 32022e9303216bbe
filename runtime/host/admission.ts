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
    if (ids?.delete(id) && ids.size === 0) this.#waiting.delete(name);
  }

  /** Whether records that were taken here wait for this actor. */
  isWaiting(to: Address): boolean {
    return this.#waiting.has(formatAddress(to));
  }
}
