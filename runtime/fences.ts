/** Fences: records that say where in a partition's log each tenure begins, and whose it is. */
import type { Address } from "./address.ts";
import type { Clock } from "./clock.ts";
import type { Envelope, StoredRecord } from "./envelope.ts";
import { HOST, sleep } from "./host/host-options.ts";
import { newId } from "./ids.ts";
import type { Appender } from "./log/appender.ts";
import { type LogSource, readRecord } from "./log/read.ts";
import type { RecordIndex } from "./log/record-index.ts";

/** Where a tenure begins in the log. */
export interface Fence {
  readonly epoch: number;
  readonly head: number;
  /** See `Tenure.since`. */
  readonly since: number;
  /** When the log was made: what was left of another log of the same name says nothing of this one. */
  readonly log: string;
}

export interface FencesParts {
  readonly source: LogSource;
  readonly partitions: number;
  readonly index: RecordIndex;
  readonly appender: Appender;
  readonly clock: Clock;
  /** Name of this node. */
  readonly node: string;
}

const FENCE = "host.fence";
const INDEX_AGAIN_MS = 5;

export class Fences {
  readonly #p: FencesParts;
  /** A key of each partition. */
  readonly #keys: readonly string[];

  constructor(parts: FencesParts) {
    this.#p = parts;
    this.#keys = fenceKeys(parts.partitions, (key) => parts.appender.partitionOf({ ...HOST, key }));
  }

  /**
   * Marks in the log where a tenure begins. Everything before it is known to this node when it resolves; what the owner
   * before still writes comes after it.
   * @param lease epoch of the lease; that of the tenure is above all before it
   * @param goesOn throws when the tenure does not begin any more
   */
  async mark(number: number, lease: number, goesOn: () => void): Promise<Fence> {
    const { index, appender, clock, node } = this.#p;
    const to: Address = { kind: "host", key: this.#keys[number]!, id: "fence" };
    // Leases that were lost with their bucket begin anew, the log goes on.
    const known = await this.#last(to);
    const epoch = Math.max(lease, (known?.epoch ?? 0) + 1);
    const own = known?.clear.node === node ? await this.#since(to, known) : undefined;
    goesOn();
    const fence: Envelope = {
      id: newId(),
      type: FENCE,
      from: HOST,
      to,
      at: clock.now(),
      epoch,
      clear: {
        node,
        ...(known ? { after: known.seq } : {}),
        ...(own === undefined ? {} : { since: own }),
      },
      data: {},
    };
    const { seq } = await appender.append(fence);
    while (index.complete < seq) {
      await sleep(INDEX_AGAIN_MS);
      goesOn();
    }
    // Only now all fences are known: one may have come that this node had not seen yet.
    const before = await this.#last(to, seq);
    if (before && before.epoch >= epoch) throw new Error(`epoch ${epoch} is not above ${before.epoch}`);
    const isOwn = before ? before.clear.node === node : await this.#isFirst(to, seq);
    const since = isOwn ? before && (await this.#since(to, before)) : seq;
    return { epoch, head: seq, since: since ?? 0, log: index.log };
  }

  /** Where the fence before has left the log, or may have, nobody can tell whose it was. */
  async #isFirst(to: Address, fence: number): Promise<boolean> {
    const { index } = this.#p;
    return index.first <= 1 && !(await index.ofActor(to)).some((seq) => seq < fence);
  }

  /** From where in the log on the node of a fence had the partition without another in between; 0: from its beginning. */
  async #since(to: Address, fence: StoredRecord): Promise<number> {
    const { after, node, since } = fence.clear;
    const before = (await this.#p.index.ofActor(to)).filter((seq) => seq < fence.seq).at(-1);
    if (before === undefined) return 0;
    // What was written with the fence is right, unless another one came in between that its writer had not seen.
    if (before === after) return typeof since === "number" ? since : fence.seq;
    const last = await this.#last(to, fence.seq);
    return last?.clear.node === node ? this.#since(to, last!) : fence.seq;
  }

  async #last(to: Address, below = Number.POSITIVE_INFINITY): Promise<StoredRecord | undefined> {
    const { index, source } = this.#p;
    const last = (await index.ofActor(to)).filter((seq) => seq < below).at(-1);
    return last === undefined ? undefined : readRecord(source, last);
  }
}

/** A key of each partition, for addresses of the host in it. */
function fenceKeys(partitions: number, partitionOf: (key: string) => number): string[] {
  const keys: string[] = [];
  for (let n = 0, missing = partitions; missing > 0; n++) {
    const key = `fence-${n}`;
    const partition = partitionOf(key);
    if (keys[partition] !== undefined) continue;
    keys[partition] = key;
    missing--;
  }
  return keys;
}
