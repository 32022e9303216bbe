/**
 * From where on each partition needs the log, shared by the nodes in the bucket `PARTITIONS`, so that any of them knows what
 * may leave it. What it *needs* is what is so at the time. Its *floor* is a promise: nothing below it is used any more, by this
 * owner or a later one. It only rises, and only the owner raises it: a new owner claims it first, and from then on what the one
 * before still says is refused.
 *
 * Keys of the bucket, for a partition P:
 * - `pP.floor` → `{log, epoch, floor, needs}`
 */
import type { Kv, KvEntry } from "../bus/bus.ts";
import { KvConflictError } from "../bus/errors.ts";
import type { Fence } from "../fences.ts";

export interface Marks {
  readonly floor: number;
  readonly needs: number;
}

/** Who knows the marks of all partitions. */
export interface FloorBoard {
  /** A floor below the one that was said is not taken back. @throws when the partition is another node's */
  publish(partition: number, marks: Partial<Marks>): Promise<void>;
  /** From where whoever owns a partition next would read it, if that was now. */
  position(partition: number): number;
  /** The lowest of each; undefined while those of a partition are not known. */
  lowest(): Promise<Marks | undefined>;
}

interface Floor extends Marks {
  /** When the log was made that it is of. */
  readonly log: string;
  readonly epoch: number;
}

const BOTTOM: Marks = { floor: 1, needs: 1 };

function raised(before: Marks, { floor = 1, needs = before.needs }: Partial<Marks>): Marks {
  return { floor: Math.max(before.floor, floor), needs };
}

function lowestOf(marks: Iterable<Marks>): Marks {
  let floor = Number.POSITIVE_INFINITY;
  let needs = Number.POSITIVE_INFINITY;
  for (const each of marks) {
    floor = Math.min(floor, each.floor);
    needs = Math.min(needs, each.needs);
  }
  return { floor, needs };
}

interface Claimed extends Floor {
  readonly revision: number;
}

/** The floors of a node that owns all partitions. */
export class OwnFloors implements FloorBoard {
  readonly #floors = new Map<number, Marks>();
  readonly #partitions: number;

  constructor(partitions: number) {
    this.#partitions = partitions;
  }

  async publish(partition: number, marks: Partial<Marks>): Promise<void> {
    this.#floors.set(partition, raised(this.#floors.get(partition) ?? BOTTOM, marks));
  }

  position(): number {
    return Number.POSITIVE_INFINITY;
  }

  async lowest(): Promise<Marks | undefined> {
    return this.#floors.size < this.#partitions ? undefined : lowestOf(this.#floors.values());
  }
}

export class SharedFloors implements FloorBoard {
  readonly #kv: Kv;
  readonly #partitions: number;
  readonly #log: () => string;
  readonly #positionOf: (partition: number) => number;
  readonly #claimed = new Map<number, Claimed>();

  /**
   * @param log when the log was made, as this node knows it
   * @param positionOf the position that is left for a next owner
   */
  constructor(kv: Kv, partitions: number, log: () => string, positionOf: (partition: number) => number) {
    this.#kv = kv;
    this.#partitions = partitions;
    this.#log = log;
    this.#positionOf = positionOf;
  }

  position(partition: number): number {
    return this.#positionOf(partition);
  }

  /** Before a tenure begins; answers the floor that holds. @throws when a later tenure has claimed it */
  async claim(partition: number, { epoch, log }: Pick<Fence, "epoch" | "log">): Promise<number> {
    for (;;) {
      const entry = await this.#kv.get(keyOf(partition));
      const before = entry && floorOf(entry);
      const isOfThisLog = before?.log === log;
      if (isOfThisLog && before.epoch > epoch)
        throw new Error(`the floor of partition ${partition} is of epoch ${before.epoch}, this is ${epoch}`);
      const { floor, needs } = isOfThisLog ? before : BOTTOM;
      const mine: Floor = { log, epoch, floor, needs };
      try {
        const revision = await this.#write(partition, mine, entry?.revision);
        this.#claimed.set(partition, { ...mine, revision });
        return mine.floor;
      } catch (error) {
        // Raised in this moment by the owner before: that counts.
        if (!(error instanceof KvConflictError)) throw error;
      }
    }
  }

  async publish(partition: number, marks: Partial<Marks>): Promise<void> {
    const mine = this.#claimed.get(partition);
    if (!mine) throw new Error(`the floor of partition ${partition} is not this node's`);
    const { log, epoch } = mine;
    const now: Floor = { log, epoch, ...raised(mine, marks) };
    if (now.floor === mine.floor && now.needs === mine.needs) return;
    let { revision } = mine;
    for (;;) {
      try {
        const written = await this.#write(partition, now, revision);
        if (this.#claimed.get(partition)?.epoch === epoch)
          this.#claimed.set(partition, { ...now, revision: written });
        return;
      } catch (error) {
        const entry = await this.#kv.get(keyOf(partition));
        // An attempt whose acknowledgement was lost is made again on top of itself; another tenure's is not.
        if (!entry || entry.revision === revision || floorOf(entry).epoch !== epoch) throw error;
        revision = entry.revision;
      }
    }
  }

  async lowest(): Promise<Marks | undefined> {
    const all = await this.#all();
    return all.length < this.#partitions ? undefined : lowestOf(all);
  }

  /** Below it no gateway takes anything any more, as far as that was written down. */
  async announced(): Promise<number> {
    const all = await this.#all();
    const { needs } = all.length < this.#partitions ? BOTTOM : lowestOf(all);
    return Math.max(needs, ...all.map(({ floor }) => floor));
  }

  /** The marks of all partitions of this log. */
  async #all(): Promise<Marks[]> {
    const all: Marks[] = [];
    for (let partition = 0; partition < this.#partitions; partition++) {
      const entry = await this.#kv.get(keyOf(partition));
      const found = entry && floorOf(entry);
      if (found?.log === this.#log()) all.push(found);
    }
    return all;
  }

  #write(partition: number, floor: Floor, revision: number | undefined): Promise<number> {
    const value = new TextEncoder().encode(JSON.stringify(floor));
    const key = keyOf(partition);
    return revision === undefined ? this.#kv.create(key, value) : this.#kv.update(key, value, revision);
  }
}

function keyOf(partition: number): string {
  return `p${partition}.floor`;
}

function floorOf({ value }: KvEntry): Floor {
  return JSON.parse(new TextDecoder().decode(value));
}
