/**
 * Erasures that were begun here and are not over, so that one whose process ended in the middle is gone on with:
 * `erasing!<customer>` → its event's id, the customer's conversations, and the events that are to be deleted. The last can't be
 * told any more once the key is destroyed.
 */
import { key, type MemoryDb, secondWords } from "../store/database.ts";

export interface BegunErasure {
  /** Of the event that says so: the same when it is gone on with, so that it is written once. */
  readonly id: string;
  readonly conversations: readonly string[];
  /** Sequences. */
  readonly events: readonly number[];
}

export class BegunErasures {
  readonly #db: MemoryDb;

  constructor(db: MemoryDb) {
    this.#db = db;
  }

  /** On disk when it resolves. */
  async begin(customer: string, erasure: BegunErasure): Promise<void> {
    await this.#db.put(key("erasing", customer), JSON.stringify(erasure), { sync: true });
  }

  async of(customer: string): Promise<BegunErasure | undefined> {
    const text = await this.#db.get(key("erasing", customer));
    return text === undefined ? undefined : (JSON.parse(text) as BegunErasure);
  }

  async end(customer: string): Promise<void> {
    await this.#db.del(key("erasing", customer));
  }

  customers(): AsyncGenerator<string> {
    return secondWords(this.#db, "erasing");
  }
}
