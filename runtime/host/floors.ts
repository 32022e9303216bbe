/**
 * From where on each partition needs the log, shared by the nodes in the bucket `PARTITIONS`, so that any of them knows what
 * may leave it. A floor only rises, and only its owner raises it: a new owner claims it first, and from then on what the one
 * before still says is refused.
 *
 * Keys of the bucket, for a partition P:
 * - `pP.floor` → `{log, epoch, floor}`
 */
import type { Kv, KvEntry } from "../bus/bus.ts";
import { KvConflictError } from "../bus/errors.ts";
import type { Fence } from "../partitions.ts";

/** Who knows the floors of all partitions. */
export interface FloorBoard {
  /** @throws when the partition is another node's */
  publish(partition: number, floor: number): Promise<void>;
  /** The lowest of all; undefined while that of one is not known. */
  lowest(): Promise<number | undefined>;
}

interface Floor {
  /** When the log was made that it is of. */
  readonly log: string;
  readonly epoch: number;
  readonly floor: number;
}

interface Claimed extends Floor {
  readonly revision: number;
}

/** The floors of a node that owns all partitions. */
export class OwnFloors implements FloorBoard {
  readonly #floors = new Map<number, number>();
  readonly #partitions: number;

  constructor(partitions: number) {
    this.#partitions = partitions;
  }

  async publish(partition: number, floor: number): Promise<void> {
    this.#floors.set(partition, floor);
  }

  async lowest(): Promise<number | undefined> {
    return this.#floors.size < this.#partitions ? undefined : Math.min(...this.#floors.values());
  }
}

export class SharedFloors implements FloorBoard {
  readonly #kv: Kv;
  readonly #partitions: number;
  readonly #log: () => string;
  readonly #claimed = new Map<number, Claimed>();

  /** @param log when the log was made, as this node knows it */
  constructor(kv: Kv, partitions: number, log: () => string) {
    this.#kv = kv;
    this.#partitions = partitions;
    this.#log = log;
  }

  /** Before a tenure begins; answers the floor that holds. @throws when a later tenure has claimed it */
  async claim(partition: number, { epoch, log }: Pick<Fence, "epoch" | "log">): Promise<number> {
    for (;;) {
      const entry = await this.#kv.get(keyOf(partition));
      const before = entry && floorOf(entry);
      const isOfThisLog = before?.log === log;
      if (isOfThisLog && before.epoch > epoch)
        throw new Error(`the floor of partition ${partition} is of epoch ${before.epoch}, this is ${epoch}`);
      const mine: Floor = { log, epoch, floor: isOfThisLog ? before.floor : 1 };
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

  async publish(partition: number, floor: number): Promise<void> {
    const mine = this.#claimed.get(partition);
    if (!mine) throw new Error(`the floor of partition ${partition} is not this node's`);
    if (floor <= mine.floor) return;
    let { revision } = mine;
    const raised: Floor = { log: mine.log, epoch: mine.epoch, floor };
    for (;;) {
      try {
        const written = await this.#write(partition, raised, revision);
        if (this.#claimed.get(partition)?.epoch === mine.epoch)
          this.#claimed.set(partition, { ...raised, revision: written });
        return;
      } catch (error) {
        const entry = await this.#kv.get(keyOf(partition));
        // An attempt whose acknowledgement was lost is made again on top of itself; another tenure's is not.
        if (!entry || entry.revision === revision || floorOf(entry).epoch !== mine.epoch) throw error;
        revision = entry.revision;
      }
    }
  }

  async lowest(): Promise<number | undefined> {
    let lowest = Number.POSITIVE_INFINITY;
    for (let partition = 0; partition < this.#partitions; partition++) {
      const entry = await this.#kv.get(keyOf(partition));
      const found = entry && floorOf(entry);
      if (found?.log !== this.#log()) return undefined;
      lowest = Math.min(lowest, found.floor);
    }
    return lowest;
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
