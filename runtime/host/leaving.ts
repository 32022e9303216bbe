/**
 * What of the partitions of this node may leave the log: from where on their actors need it, and the promise not to use anything
 * below. What is in memory may need more than what is written of it, so both are looked at in one moment.
 */
import type { Appender } from "../log/appender.ts";
import type { Cell } from "./cell.ts";
import type { CellStore } from "./cell-store.ts";
import type { Checkpoints } from "./checkpoints.ts";
import type { Partition } from "./partition.ts";

export interface LeavingParts {
  readonly partitions: ReadonlyMap<number, Partition>;
  readonly cells: ReadonlyMap<string, Cell>;
  readonly store: CellStore;
  readonly appender: Pick<Appender, "partitionOf">;
  readonly checkpoints: Checkpoints;
}

export class Leaving {
  readonly #p: LeavingParts;

  constructor(parts: LeavingParts) {
    this.#p = parts;
  }

  /** Numbers of the partitions that this node owns. */
  owned(): number[] {
    return [...this.#p.partitions.keys()];
  }

  /** Up to where a partition is dealt with, as far as written. */
  position(number: number): number {
    return this.#p.store.position(number);
  }

  /**
   * Appends checkpoints for the actors of a partition whose fold needs something below a sequence. They need it until the
   * checkpoints were read back.
   */
  async renewCheckpoints(number: number, below: number): Promise<void> {
    const partition = this.#p.partitions.get(number);
    if (partition?.awake) await this.#p.checkpoints.renew(partition, below);
  }

  /** The lowest sequence that the fold of an actor of a partition needs; undefined while that can't be said. */
  async needs(number: number): Promise<number | undefined> {
    const partition = this.#p.partitions.get(number);
    if (!partition?.awake) return undefined;
    const lowest = await this.#p.store.needs.lowest(number, partition.floor);
    return this.#lowestOf(partition, lowest.take());
  }

  /**
   * Raises the floor of a partition as far as its actors allow, to `most` at most, which must not be above its position; answers
   * it. From then on nothing below it is used any more, here or by a later owner, so it may leave the log. Undefined while that
   * can't be said. @throws when it can't be written
   */
  async raiseFloor(number: number, most: number): Promise<number | undefined> {
    const { partitions, store } = this.#p;
    const partition = partitions.get(number);
    if (!partition?.awake || partition.ended.aborted) return undefined;
    const lowest = await store.needs.lowest(number, partition.floor);
    // Nothing happens between the two: whoever folds next sees the floor.
    partition.raiseFloor(Math.min(most, this.#lowestOf(partition, lowest.take())));
    await store.needs.raiseFloor(number, partition.floor);
    return partition.ended.aborted ? undefined : partition.floor;
  }

  #lowestOf({ number, floor }: Partition, written: number): number {
    const { cells, appender } = this.#p;
    let lowest = written;
    for (const { needs, to } of cells.values()) {
      // As of rows: what has left can't be needed any more.
      if (needs >= floor && needs < lowest && appender.partitionOf(to) === number) lowest = needs;
    }
    return lowest;
  }
}
