/**
 * Admission: bounded *before* the append, so that what has had its 202 is never refused (L8).
 *
 * Counts, per actor, what was appended here and is not folded yet. When another node folds it, that is not seen from here:
 * then what was appended counts for a moment only, and the owner tells of actors that are far behind.
 */
import { type Address, formatAddress } from "../address.ts";
import { OverloadedError, UnavailableError } from "../engine.ts";

export interface AdmissionOptions {
  /** Records from outside that may wait for one actor. Default 32. */
  readonly maxWaiting?: number;
  /** What a refused sender is told to wait, ms. Default 1,000. */
  readonly retryAfterMs?: number;
  /** Records that are taken for an actor whose owner is not known at the time. Default 4. */
  readonly blind?: number;
}

/** Who folds an actor's records: this node, another one, or as far as is known nobody at the moment. */
export type Where = "here" | "elsewhere" | "nowhere";

/** Actors that are known to be far behind, at most: what anybody on the bus says takes no more memory than this. */
const MOST_BEHIND = 10_000;

export class Admission {
  /** Ids that wait, with the monotonic time from which on they do not count. */
  readonly #waiting = new Map<string, Map<string, number>>();
  /** Actors that their owners said to be far behind, until then. */
  readonly #behind = new Map<string, number>();
  readonly #o: Required<AdmissionOptions>;
  #sweptAt = 0;

  constructor(options: AdmissionOptions = {}) {
    this.#o = { maxWaiting: 32, retryAfterMs: 1_000, blind: 4, ...options };
  }

  /** From how many waiting records on an owner tells the others. */
  get tellFrom(): number {
    return Math.ceil(this.#o.maxWaiting * 0.75);
  }

  /** @throws OverloadedError, UnavailableError when nobody is known to fold it and `blind` records wait already */
  enter(to: Address, id: string, where: Where = "here"): void {
    const name = formatAddress(to);
    const now = performance.now();
    this.#sweep(now);
    if ((this.#behind.get(name) ?? 0) > now) throw this.#overloaded(to, `${this.#o.maxWaiting} or more`);
    let ids = this.#waiting.get(name);
    if (!ids) {
      ids = new Map();
      this.#waiting.set(name, ids);
    }
    if (ids.has(id)) return;
    for (const [other, until] of ids) if (until < now) ids.delete(other);
    if (ids.size >= this.#o.maxWaiting) throw this.#overloaded(to, String(ids.size));
    if (where === "nowhere" && ids.size >= this.#o.blind) {
      throw new UnavailableError(
        `${to.kind} ${to.id} is moving to another node: try again in a moment`,
        this.#o.retryAfterMs,
      );
    }
    ids.set(id, where === "here" ? Number.POSITIVE_INFINITY : now + this.#o.retryAfterMs);
  }

  leave(to: Address, id: string): void {
    const name = formatAddress(to);
    const ids = this.#waiting.get(name);
    if (ids?.delete(id) && ids.size === 0) this.#waiting.delete(name);
  }

  /** Its owner says that it is far behind: nothing is taken for it for a while. */
  isBehind(name: string): void {
    const now = performance.now();
    this.#sweep(now);
    if (this.#behind.size < MOST_BEHIND) this.#behind.set(name, now + this.#o.retryAfterMs);
  }

  /** What does not count any more is forgotten, now and then. */
  #sweep(now: number): void {
    if (now < this.#sweptAt + this.#o.retryAfterMs) return;
    this.#sweptAt = now;
    for (const [name, until] of this.#behind) if (until < now) this.#behind.delete(name);
    for (const [name, ids] of this.#waiting) {
      for (const [id, until] of ids) if (until < now) ids.delete(id);
      if (ids.size === 0) this.#waiting.delete(name);
    }
  }

  /** Those whose actors `moved` says yes to are folded by somebody else from now on. */
  forget(moved: (actor: string) => boolean): void {
    for (const name of this.#waiting.keys()) if (moved(name)) this.#waiting.delete(name);
  }

  /** Whether records that were taken here wait for this actor. */
  isWaiting(to: Address): boolean {
    return this.#waiting.has(formatAddress(to));
  }

  #overloaded(to: Address, waiting: string): OverloadedError {
    return new OverloadedError(
      `${to.kind} ${to.id} has ${waiting} messages waiting: try again in a moment`,
      this.#o.retryAfterMs,
    );
  }
}
