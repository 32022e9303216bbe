/**
 * Records that do not count, since their id was in the log before: as part of a node's index, in the same LevelDB.
 * - `d!<seq>` → sequence of the first record with this id
 *
 * A node that has lost its disk knows the ids that the log still has. So that it comes to the same as all others, the first
 * record with an id does not leave the log without those that repeat it.
 */
import type { Level } from "level";

export class Repeats {
  readonly #db: Level<string, string>;
  /** Noted and not yet written, by the key of the row. */
  readonly #fresh = new Map<string, number>();

  constructor(db: Level<string, string>) {
    this.#db = db;
  }

  note(seq: number, first: number): void {
    if (first < seq) this.#fresh.set(keyOf(seq), first);
  }

  /** Writes what was noted. */
  async flush(): Promise<void> {
    const rows = [...this.#fresh].map(([key, first]) => ({
      type: "put" as const,
      key,
      value: String(first),
    }));
    await this.#db.batch(rows);
    for (const { key } of rows) this.#fresh.delete(key);
  }

  /**
   * Up to where the log may be purged: `below`, or lower where that lies between a record and one that repeats it.
   * @param first sequence that the log has
   */
  async spared(first: number, below: number): Promise<number> {
    await this.flush();
    await this.#db.clear({ gte: "d!", lt: keyOf(first) });
    let lowest = below;
    // From the last on, since one that is spared may itself be repeated, or lie between another two.
    for await (const [key, of] of this.#db.iterator({ gte: "d!", lt: "d!~", reverse: true })) {
      if (Number(key.slice(2)) < lowest) break;
      // What it repeats may have left long ago.
      if (Number(of) >= first) lowest = Math.min(lowest, Number(of));
    }
    return lowest;
  }
}

function keyOf(seq: number): string {
  return `d!${seq.toString().padStart(14, "0")}`;
}
