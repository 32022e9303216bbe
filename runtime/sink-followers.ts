/** Who follows the records of sinks live, by key: each gets every record once, in log order. */
import type { Address } from "./address.ts";
import type { StoredRecord } from "./envelope.ts";

type Listener = (record: StoredRecord) => void;

export interface SinkFollowersParts {
  /** A record of the log, opened; undefined when nobody can read it any more. */
  readonly read: (seq: number) => Promise<StoredRecord | undefined>;
  readonly warn: (message: string, details: Record<string, unknown>) => void;
}

const READ_AGAIN_MS = 100;

export class SinkFollowers {
  readonly #p: SinkFollowersParts;
  readonly #listeners = new Map<string, Set<Listener>>();
  /** What is being read for a key, one record after the other. */
  readonly #reading = new Map<string, Promise<void>>();

  constructor(parts: SinkFollowersParts) {
    this.#p = parts;
  }

  follow(key: string, listener: Listener): () => void {
    let listeners = this.#listeners.get(key);
    if (!listeners) {
      listeners = new Set();
      this.#listeners.set(key, listeners);
    }
    const those = listeners.add(listener);
    return () => {
      those.delete(listener);
      if (those.size === 0 && this.#listeners.get(key) === those) this.#listeners.delete(key);
    };
  }

  /** A record that was read. */
  take(record: StoredRecord): void {
    for (const listener of this.#listeners.get(record.to.key) ?? []) {
      try {
        listener(record);
      } catch (error) {
        // One listener's trouble is not another's.
        this.#p.warn("a listener failed", { error: (error as Error)?.name ?? "error" });
      }
    }
  }

  /** A record that was seen in the log, in its order: read only where somebody follows. */
  see(seq: number, to: Address): void {
    const { key } = to;
    if (!this.#listeners.has(key)) return;
    const before = this.#reading.get(key) ?? Promise.resolve();
    const mine = before.then(() => this.#read(seq, key));
    this.#reading.set(key, mine);
    void mine.then(() => {
      if (this.#reading.get(key) === mine) this.#reading.delete(key);
    });
  }

  /** Tried for as long as somebody follows: what came after it must not overtake it. */
  async #read(seq: number, key: string): Promise<void> {
    while (this.#listeners.has(key)) {
      try {
        const record = await this.#p.read(seq);
        if (record) this.take(record);
        return;
      } catch (error) {
        this.#p.warn("a live event is not read yet", { seq, error: (error as Error)?.name ?? "error" });
        await new Promise((resolve) => setTimeout(resolve, READ_AGAIN_MS));
      }
    }
  }
}
