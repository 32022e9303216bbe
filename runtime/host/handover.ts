/**
 * What the owner of a partition leaves to whoever owns it next, in a bucket that all nodes share: up to where the partition
 * was dealt with, and who in it is open or waits for something. Everything else the next owner has from the log.
 *
 * A position and those who wait belong together: any such pair is right, the later is only the cheaper one to go on from.
 * So this is written lazily, and a node's own pair is taken where it is the later one.
 *
 * It also says from where each tenure began: an owner that got no further than the one before it may have been ended by a
 * record, as that one was.
 *
 * Keys of the bucket: `p<partition>` → `{position, parts, turn}`; `p<partition>.<turn>.<n>` → its n-th part of those who wait;
 * `p<partition>.from` → the position at which the last tenure began. The parts are written before the first, under a turn that is not in use, so that nothing half-written is ever read.
 */
import type { Kv } from "../bus/bus.ts";
import type { CellStore, Kept } from "./cell-store.ts";

export interface HandoverOptions {
  readonly kv: Kv;
  readonly store: CellStore;
  readonly partitionOf: (key: string) => number;
  /** Actors in one value of the bucket: one has to stay below the server's limit. Default 2,000. */
  readonly perPart?: number;
}

interface Header {
  readonly position: number;
  readonly parts: number;
  readonly turn: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class Handover {
  readonly #o: Required<HandoverOptions>;
  /** What this node wrote last, by partition. */
  readonly #written = new Map<number, Header>();

  constructor(options: HandoverOptions) {
    this.#o = { perPart: 2_000, ...options };
  }

  /**
   * Before a partition is owned: takes over what its last owner left, unless this node's own is the later.
   * @returns whether the last tenure got nowhere, so that whatever ended it may end this one too
   */
  async adopt(partition: number): Promise<boolean> {
    const { kv, store } = this.#o;
    await this.#adopt(partition);
    const position = store.position(partition);
    const before = await kv.get(`p${partition}.from`);
    await kv.put(`p${partition}.from`, encoder.encode(String(position)));
    return before !== undefined && decoder.decode(before.value) === String(position);
  }

  async #adopt(partition: number): Promise<void> {
    const { kv, store } = this.#o;
    const entry = await kv.get(`p${partition}`);
    if (!entry) return;
    const header: Header = JSON.parse(decoder.decode(entry.value));
    this.#written.set(partition, header);
    if (header.position <= store.position(partition)) return;
    const kept: Kept[] = [];
    for (let n = 0; n < header.parts; n++) {
      const part = await kv.get(partKey(partition, header.turn, n));
      // Replaced in this moment by an owner that is not one any more: what it knew, the log knows.
      if (!part) return;
      kept.push(...JSON.parse(decoder.decode(part.value)));
    }
    await store.adopt(header.position, partition, kept, this.#o.partitionOf);
  }

  /** Leaves what the last snapshots said of these partitions, where it is news. */
  async leave(partitions: readonly number[]): Promise<void> {
    const { position, kept } = await this.#o.store.summary();
    const news = new Map<number, Kept[]>();
    for (const partition of partitions) {
      if (position(partition) > (this.#written.get(partition)?.position ?? 1)) news.set(partition, []);
    }
    for (const each of kept) news.get(this.#o.partitionOf(each.key))?.push(each);
    for (const [partition, those] of news) await this.#write(partition, position(partition), those);
  }

  async #write(partition: number, position: number, kept: readonly Kept[]): Promise<void> {
    const { kv, perPart } = this.#o;
    const before = this.#written.get(partition);
    const turn = before ? 1 - before.turn : 0;
    const parts = Math.ceil(kept.length / perPart);
    for (let n = 0; n < parts; n++) {
      const part = kept.slice(n * perPart, (n + 1) * perPart);
      await kv.put(partKey(partition, turn, n), encoder.encode(JSON.stringify(part)));
    }
    const header: Header = { position, parts, turn };
    await kv.put(`p${partition}`, encoder.encode(JSON.stringify(header)));
    this.#written.set(partition, header);
  }
}

function partKey(partition: number, turn: number, n: number): string {
  return `p${partition}.${turn}.${n}`;
}
