/**
 * What the actors of a node need of the log, in the node's LevelDB, and from where on each partition needs anything:
 * - `b!<partition>!<address>` → first sequence that the actor's fold needs; absent once a checkpoint covers all of a closed one
 * - `f!<partition>`           → floor: no actor of the partition needs anything below
 */
import type { Level } from "level";
import { type Address, formatAddress, parseAddress } from "../address.ts";

type Put = { readonly type: "put"; readonly key: string; readonly value: string };
type Del = { readonly type: "del"; readonly key: string };
type Watch = (partition: number, base: number) => void;

function prefixOf(partition: number): string {
  return `b!${partition.toString().padStart(4, "0")}!`;
}

export class Needs {
  readonly #db: Level<string, string>;
  readonly #partitionOf: (to: Address) => number;
  readonly #watching = new Set<Watch>();

  constructor(db: Level<string, string>, partitionOf: (to: Address) => number) {
    this.#db = db;
    this.#partitionOf = partitionOf;
  }

  /** The row of an actor, to be written with its state. @param base undefined where it needs nothing */
  row(to: Address, base: number | undefined): Put | Del {
    const partition = this.#partitionOf(to);
    const key = `${prefixOf(partition)}${formatAddress(to)}`;
    if (base === undefined) return { type: "del", key };
    for (const watch of this.#watching) watch(partition, base);
    return { type: "put", key, value: String(base) };
  }

  /**
   * Looks for the lowest sequence that an actor of a partition needs, as far as written. Actors that are written meanwhile
   * count, up to when the answer is taken. Rows below `floor`, of an earlier tenure, say nothing any more.
   */
  async lowest(partition: number, floor: number): Promise<{ take(): number }> {
    let lowest = Number.POSITIVE_INFINITY;
    const watch: Watch = (of, base) => {
      if (of === partition && base >= floor && base < lowest) lowest = base;
    };
    this.#watching.add(watch);
    const take = (): number => {
      this.#watching.delete(watch);
      return lowest;
    };
    try {
      for await (const [, base] of this.rows(partition)) watch(partition, base);
      return { take };
    } catch (error) {
      take();
      throw error;
    }
  }

  /** Actors of a partition that need something below a sequence. */
  async *below(partition: number, seq: number): AsyncGenerator<Address> {
    for await (const [to, base] of this.rows(partition)) if (base < seq) yield to;
  }

  /** @param snapshot of LevelDB, to read as of one moment */
  async *rows(
    partition: number,
    snapshot?: ReturnType<Level["snapshot"]>,
  ): AsyncGenerator<[Address, number]> {
    const prefix = prefixOf(partition);
    for await (const [key, base] of this.#db.iterator({ gte: prefix, lt: `${prefix}~`, snapshot }))
      yield [parseAddress(key.slice(prefix.length)), Number(base)];
  }

  /** Says again what a row said, once it is on disk: who began to look while it was on its way has not seen it. */
  written(to: Address, base: number): void {
    for (const watch of this.#watching) watch(this.#partitionOf(to), base);
  }

  /** First sequence that an actor's fold needs, as far as written. */
  baseOf(to: Address): number | undefined {
    const base = this.#db.getSync(`${prefixOf(this.#partitionOf(to))}${formatAddress(to)}`);
    return base === undefined ? undefined : Number(base);
  }

  floor(partition: number): number {
    return Number(this.#db.getSync(`f!${partition}`) ?? 1);
  }

  /** @throws when it can't be written: then nothing may leave the log on its account. */
  async raiseFloor(partition: number, floor: number): Promise<void> {
    await this.#db.put(`f!${partition}`, String(floor), { sync: true } as object);
  }
}

/** Drops the snapshots of actors that `hasLeft` says yes to. */
export async function dropSnapshotsOf(
  db: Level<string, string>,
  hasLeft: (to: Address) => boolean,
): Promise<void> {
  for await (const key of db.keys({ gte: "s!", lt: "s!~" }))
    if (hasLeft(parseAddress(key.slice(2)))) await db.del(key);
}
