/**
 * Leases: who owns which partition. One record a partition, written when it changes hands and never in between; its
 * revision is the epoch, and a later owner's is higher because revisions grow over the bucket. What keeps a lease alive is
 * the session that it names (`session.ts`), renewed once for all of a node's partitions. The sessions are in a bucket of
 * their own: records that stay while others are rewritten all the time would leave the servers a gap each to remember.
 *
 * - A partition is taken when its record is free, or names a session that has ended; by a write that expects the record
 *   that was seen, and counts once it was read back as the last one (`View.settled`).
 * - A node believes in a lease while it holds the grant of that write and its session is not over, asked at each call.
 * - Before it releases one, and before it leaves, it gives up believing. An answer that was lost gives no grant: what is
 *   recorded as ours without one is taken anew, under a higher epoch.
 */
import type { Kv, KvEntry } from "../bus/bus.ts";
import { KvConflictError } from "../bus/errors.ts";
import type { Clock } from "../clock.ts";
import { LeaseTakenError, PartitionCountError } from "./errors.ts";
import type { Members } from "./members.ts";
import { decodeLease, encode, type LeaseRecord, partitionKey, partitionOfKey } from "./records.ts";
import type { Session } from "./session.ts";
import type { Timings } from "./timings.ts";
import { View } from "./view.ts";

const COUNT_KEY = "partitions";

export interface Lease extends LeaseRecord {
  readonly epoch: number;
}

interface Grant {
  readonly epoch: number;
  readonly session: Session;
}

export interface LeasesOptions {
  readonly node: string;
  readonly partitions: number;
  readonly members: Members;
  readonly clock: Clock;
  readonly timings: Required<Timings>;
  /** A record was written. */
  readonly onChange: () => void;
}

export class Leases {
  readonly view: View;
  readonly #kv: Kv;
  readonly #o: LeasesOptions;
  readonly #leases = new Map<number, Lease>();
  readonly #grants = new Map<number, Grant>();

  constructor(kv: Kv, options: LeasesOptions) {
    this.#kv = kv;
    this.#o = options;
    const { heartbeatMs, attemptMs } = options.timings;
    this.view = new View(kv, {
      heartbeatMs,
      timeoutMs: attemptMs * 3,
      onAll: (entries) => {
        this.#leases.clear();
        for (const entry of entries) this.#see(entry);
        options.onChange();
      },
      onEntry: (entry) => {
        this.#see(entry);
        options.onChange();
      },
    });
  }

  /** The number of partitions is fixed by the first node. @throws PartitionCountError */
  async agree(): Promise<void> {
    const { partitions } = this.#o;
    const value = Buffer.from(String(partitions));
    const found = await this.#kv.create(COUNT_KEY, value).then(
      () => partitions,
      async (error: unknown) => {
        if (!(error instanceof KvConflictError)) throw error;
        const entry = await this.#kv.get(COUNT_KEY);
        return entry ? Number(Buffer.from(entry.value).toString()) : partitions;
      },
    );
    if (found !== partitions) throw new PartitionCountError(found, partitions);
  }

  /** Record of a partition as it was seen last. */
  of(partition: number): Lease | undefined {
    return this.#leases.get(partition);
  }

  /** The living node that a partition is recorded for. */
  ownerOf(partition: number): Lease | undefined {
    const lease = this.#leases.get(partition);
    return lease && !this.#isOpen(lease) ? lease : undefined;
  }

  /** Whether this node's lease is alive and will be for `marginMs` if nothing more is heard. */
  holds(partition: number, marginMs: number): boolean {
    const grant = this.#grants.get(partition);
    return grant !== undefined && grant.session.remainingMs() > marginMs;
  }

  /** Epoch under which this node was granted a partition; undefined without a grant. */
  epochOf(partition: number): number | undefined {
    return this.#grants.get(partition)?.epoch;
  }

  /** Whether the session may take it: nobody living has it, or it is recorded for the session without a grant. */
  isTakeable(partition: number, session: Session): boolean {
    const lease = this.#leases.get(partition);
    return !lease || this.#isOpen(lease) || (lease.session === session.id && !this.#grants.has(partition));
  }

  /** Whether it is recorded for the session, with or without a grant. */
  isRecorded(partition: number, session: Session): boolean {
    const lease = this.#leases.get(partition);
    return lease !== undefined && !lease.free && lease.session === session.id;
  }

  /** Whether a granted partition was written by somebody else since: the grant is worth nothing. */
  isUsurped(partition: number): boolean {
    const grant = this.#grants.get(partition);
    const lease = this.#leases.get(partition);
    if (!grant || !lease || lease.epoch <= grant.epoch) return false;
    return lease.free === true || lease.session !== grant.session.id;
  }

  /** Takes a partition; answers its epoch. @throws LeaseTakenError, ClusterTimeoutError, what the bus throws. */
  async take(partition: number, session: Session): Promise<number> {
    const { node, clock } = this.#o;
    const key = partitionKey(partition);
    const expected = this.#leases.get(partition)?.epoch;
    const value = encode({ node, session: session.id, at: session.at, since: clock.now() });
    try {
      const revision = await (expected === undefined
        ? this.#kv.create(key, value)
        : this.#kv.update(key, value, expected));
      this.view.note({ key, value, revision });
    } catch (error) {
      if (!(error instanceof KvConflictError)) throw error;
      await this.view.refresh(key);
      throw new LeaseTakenError(partition);
    }
    await this.view.settled();
    const lease = this.#leases.get(partition);
    if (!lease || !this.isRecorded(partition, session) || session.remainingMs() <= 0) {
      throw new LeaseTakenError(partition);
    }
    this.#grants.set(partition, { epoch: lease.epoch, session });
    return lease.epoch;
  }

  /** Stops believing, at once. */
  withdraw(partition: number): void {
    this.#grants.delete(partition);
  }

  withdrawAll(): void {
    this.#grants.clear();
  }

  /** Writes that a partition is free, which `withdraw` has to come before. @throws what the bus throws. */
  async release(partition: number, session: Session): Promise<void> {
    if (this.#grants.has(partition))
      throw new Error(`partition ${partition} is released while it is believed in`);
    const key = partitionKey(partition);
    for (;;) {
      const lease = this.#leases.get(partition);
      if (!lease || !this.isRecorded(partition, session)) return;
      const { epoch, ...record } = lease;
      const value = encode({ ...record, since: this.#o.clock.now(), free: true });
      try {
        this.view.note({ key, value, revision: await this.#kv.update(key, value, epoch) });
        return;
      } catch (error) {
        if (!(error instanceof KvConflictError)) throw error;
        const entry = await this.view.refresh(key);
        // A copy that lags behind: the watch will tell.
        if (!entry || entry.revision <= epoch) throw error;
      }
    }
  }

  #isOpen(lease: Lease): boolean {
    return lease.free === true || this.#o.members.ended(lease.node, lease.session, lease.at);
  }

  #see({ key, value, revision }: KvEntry): void {
    const partition = partitionOfKey(key);
    const record = partition === undefined ? undefined : decodeLease(value);
    if (record) this.#leases.set(partition!, { ...record, epoch: revision });
  }
}
