/**
 * Legal holds: customers of whom nothing may be erased. `hold!<customer>` → since when, until when, and the reason, sealed under
 * the customer's key.
 */
import type { Clock } from "../../runtime/clock.ts";
import type { KeyRing } from "../../runtime/log/sealer.ts";
import { key, type MemoryDb } from "./database.ts";

export interface Hold {
  readonly reason: string;
  /** When it was placed, ms since the epoch. */
  readonly at: number;
  /** When it ends by itself; it has to be released unless given. */
  readonly until?: number;
}

interface StoredHold extends Omit<Hold, "reason"> {
  readonly sealed: string;
}

export class Holds {
  readonly #db: MemoryDb;
  readonly #keys: KeyRing;
  readonly #clock: Clock;

  constructor(db: MemoryDb, keys: KeyRing, clock: Clock) {
    this.#db = db;
    this.#keys = keys;
    this.#clock = clock;
  }

  /** Places a hold, or replaces the one that there is. */
  async put(customer: string, hold: Hold): Promise<Hold> {
    const at = key("hold", customer);
    const sealer = await this.#keys.sealer(customer, { create: true });
    if (!sealer) return hold;
    const { reason, ...open } = hold;
    const stored: StoredHold = { ...open, sealed: sealer.seal(Buffer.from(reason), at).toString("base64") };
    await this.#db.put(at, JSON.stringify(stored));
    return hold;
  }

  /** The hold that is in force. */
  async of(customer: string): Promise<Hold | undefined> {
    const at = key("hold", customer);
    const text = await this.#db.get(at);
    const sealer = text === undefined ? undefined : await this.#keys.sealer(customer);
    if (text === undefined || !sealer) return undefined;
    const { sealed, ...open } = JSON.parse(text) as StoredHold;
    if (open.until !== undefined && open.until <= this.#clock.now()) return undefined;
    return { ...open, reason: sealer.open(Buffer.from(sealed, "base64"), at).toString("utf8") };
  }

  /** Whether there was one. */
  async release(customer: string): Promise<boolean> {
    const at = key("hold", customer);
    if ((await this.#db.get(at)) === undefined) return false;
    await this.#db.del(at);
    return true;
  }
}
