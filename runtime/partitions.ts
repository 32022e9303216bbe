/**
 * The partitions of this node: which ones it owns, each with its reader. A node that has its server for itself owns all of
 * them; nodes that share a server or a cluster of servers share them out (`cluster/`), and a partition changes hands under a
 * fence in the log.
 */
import type { Address } from "./address.ts";
import type { Bus } from "./bus/bus.ts";
import type { Subjects } from "./bus/subjects.ts";
import type { Clock } from "./clock.ts";
import { Coordinator, type Member, type ReleaseReason, type Timings } from "./cluster/index.ts";
import { Fences } from "./fences.ts";
import type { CellStore } from "./host/cell-store.ts";
import { type FloorBoard, OwnFloors, SharedFloors } from "./host/floors.ts";
import { Handover } from "./host/handover.ts";
import type { Host, HostLog } from "./host/host.ts";
import { sleep } from "./host/host-options.ts";
import type { Careful, Tenure } from "./host/partition.ts";
import type { JsonObject } from "./json.ts";
import type { Appender } from "./log/appender.ts";
import type { LogSource } from "./log/read.ts";
import { LogReader } from "./log/reader.ts";
import type { RecordIndex } from "./log/record-index.ts";
import { streamState } from "./log/stream.ts";

export interface ClusterOptions extends Timings {
  /** Name of this node, another one for each: letters, digits, `_`, `-`, and `.` between them. */
  readonly node: string;
  /** What only this process can hold, such as the id of its locked data directory: it comes back without waiting. */
  readonly holder?: string;
  /** Copies of the cluster's buckets. Default 1. */
  readonly replicas?: number;
  /** What the other nodes may know of this one, such as the address of its gateway. */
  readonly info?: JsonObject;
  /** Time between two writes of what a next owner would go on from, ms. Default 2,000. */
  readonly leaveEveryMs?: number;
  /** How long a start waits for the partitions to be where they belong, ms. Default 15,000. */
  readonly settleMs?: number;
}

export interface PartitionsParts {
  readonly bus: Bus;
  readonly names: Subjects;
  readonly partitions: number;
  readonly host: Host;
  readonly index: RecordIndex;
  readonly store: CellStore;
  readonly appender: Appender;
  readonly source: LogSource;
  readonly clock: Clock;
  readonly log: HostLog;
  /** Records that are read ahead in one partition. */
  readonly credit?: number;
  /** Called when a partition is not this node's any more. */
  readonly onDropped: (partition: number) => void;
  readonly onFailure?: (error: Error) => void;
}

/** Longest wait at the start for what an earlier process left to fold, ms. */
const CATCH_UP_MS = 10_000;
/**
 * Partitions that are read at once at a start. Together they take as long as all at once would, and the first of them, with all who
 * wait for an answer there, are not kept waiting for the last.
 */
const CATCHING_UP = 4;
/** Between two looks at whether it is folded, ms. */
const THROUGH_AGAIN_MS = 50;
/** A node that has its server for itself has no predecessor that could still write. */
const SOLE_EPOCH = 1;

export class Partitions {
  readonly #p: PartitionsParts;
  readonly #readers = new Map<number, LogReader>();
  #coordinator: Coordinator | undefined;
  #handover: Handover | undefined;
  #floors: FloorBoard | undefined;
  #claims: SharedFloors | undefined;
  #leaving: NodeJS.Timeout | undefined;
  #fences: Fences | undefined;
  /** Until it is noted that what an earlier process left is folded. */
  #through: Promise<void> | undefined;
  #isOver = false;
  /** Tenures that begin at the moment, by partition: one that is lost meanwhile must not begin any more. */
  readonly #beginning = new Map<number, symbol>();

  constructor(parts: PartitionsParts) {
    this.#p = parts;
  }

  /** Owns all of them. Resolves when all that was in the log is handed over, or after ten seconds. */
  async startAlone(head: number, careful: Careful): Promise<void> {
    const { host, index, partitions, store: attempts } = this.#p;
    const numbers = Array.from({ length: partitions }, (_, number) => number);
    // What is not in the log is not needed, whatever an earlier LevelDB said.
    const floors = numbers.map((number) => Math.max(index.first, attempts.needs.floor(number)));
    index.left(Math.max(...floors));
    const tenure = { epoch: SOLE_EPOCH, head, careful, attempts, since: 0, holds: () => true };
    this.#floors = new OwnFloors(partitions);
    const waiting = numbers.map((number) => this.#read(number, { ...tenure, floor: floors[number]! }));
    const worker = async (): Promise<void> => {
      for (let reading = waiting.shift(); reading; reading = waiting.shift()) {
        reading.begin();
        await reading.caughtUp;
        // What was due or open when the last process ended may have been settled by what it left to fold.
        await host.wake([reading.number]);
      }
    };
    await within(Promise.all(Array.from({ length: CATCHING_UP }, worker)), CATCH_UP_MS);
    await index.leaveToReaders();
    this.#through = this.#comeThrough(numbers, head);
  }

  /** Notes when all is folded that an earlier process left: from then on it was not that which ends this one. */
  async #comeThrough(numbers: readonly number[], head: number): Promise<void> {
    const { host, store, log } = this.#p;
    while (numbers.some((number) => host.lowestOf(number) <= head)) {
      if (this.#isOver) return;
      await sleep(THROUGH_AGAIN_MS);
    }
    if (this.#isOver) return;
    await store
      .markThrough()
      .catch((error) => log.warn("not noted that what was left is folded", { error: String(error) }));
  }

  /** Joins the others. Resolves when each partition is where it belongs, or after `settleMs`. */
  async startAmongOthers(options: ClusterOptions): Promise<void> {
    const { bus, names, partitions, store, appender, log, onFailure } = this.#p;
    const { leaveEveryMs = 2_000, settleMs = 15_000, ...cluster } = options;
    const kv = await bus.kv(names.named("PARTITIONS"), { replicas: options.replicas });
    const partitionOf = (to: Address): number => appender.partitionOf(to);
    const handover = new Handover({ kv, store, partitionOf });
    this.#handover = handover;
    this.#claims = new SharedFloors(
      kv,
      partitions,
      () => this.#p.index.log,
      (number) => handover.position(number),
    );
    this.#floors = this.#claims;
    this.#p.index.left(await this.#claims.announced());
    this.#fences = new Fences({ ...this.#p, node: options.node });
    this.#coordinator = await Coordinator.start({
      ...cluster,
      bus,
      partitions,
      buckets: { leases: names.named("LEASES"), members: names.named("MEMBERS") },
      onAcquire: (number, epoch) => this.#acquire(number, epoch),
      onRelease: (number, reason) => this.#release(number, reason),
      onError: (what, error) => log.warn(`cluster: ${what}`, { error: String((error as Error)?.message) }),
      onFailure,
    });
    this.#leaving = setInterval(() => void this.#leave(), leaveEveryMs);
    this.#leaving.unref();
    if (!(await this.#coordinator.settled(settleMs)))
      log.warn("the partitions are still being shared out", { waitedMs: settleMs });
  }

  /** Whether this node owns the partition of an actor. */
  isHere(to: Address): boolean {
    return this.#p.host.owns(to);
  }

  /** Name of the node that owns the partition of an actor; undefined while it changes hands. */
  ownerOf(to: Address): string | undefined {
    return this.#coordinator?.ownerOf(this.#p.appender.partitionOf(to))?.node;
  }

  /** Names of the other living nodes. */
  others(): string[] {
    return this.#others().map(({ node }) => node);
  }

  /** What the other living nodes tell of themselves. */
  othersInfo(): JsonObject[] {
    return this.#others().map(({ info }) => info);
  }

  #others(): Member[] {
    const own = this.#coordinator?.node;
    return this.#coordinator?.members().filter(({ node }) => node !== own) ?? [];
  }

  /** From where on the partitions need the log; undefined before the start. */
  get floors(): FloorBoard | undefined {
    return this.#floors;
  }

  status(): JsonObject | undefined {
    return this.#coordinator?.status();
  }

  /** Hands over what others can go on with, and reads no further. */
  async stop(): Promise<void> {
    clearInterval(this.#leaving);
    await this.#coordinator?.drain();
    this.#beginning.clear();
    await this.endReading();
  }

  /** Reads no further; nothing is handed over. */
  async abandon(): Promise<void> {
    clearInterval(this.#leaving);
    this.#beginning.clear();
    this.#coordinator?.abandon();
    await this.endReading();
  }

  async endReading(): Promise<void> {
    const readers = [...this.#readers.values()].map((reader) => reader.stop());
    // A reader may wait for room in the host.
    this.#p.host.close();
    this.#isOver = true;
    await Promise.all([...readers, this.#through]);
  }

  /** Takes a partition. `caughtUp` resolves when it was read to where the tenure began, or to its end. */
  #read(number: number, tenure: Tenure): { number: number; begin: () => void; caughtUp: Promise<void> } {
    const { bus, names, host, log, credit } = this.#p;
    let resolve: () => void;
    const caughtUp = new Promise<void>((done) => {
      resolve = done;
    });
    let isThere = false;
    const reader = new LogReader(bus, {
      stream: names.logStream,
      subject: names.log(number),
      from: host.own(number, tenure),
      batch: credit,
      onRecord: (record) => {
        const taken = host.handle(number, record);
        if (isThere || record.seq < tenure.head) return taken;
        return taken.then(() => {
          isThere = true;
          resolve();
        });
      },
      onRestart: (reason) => log.warn("reading starts again", { partition: number, reason }),
      onEnd: () => resolve(),
    });
    this.#readers.set(number, reader);
    return { number, begin: () => reader.start(), caughtUp };
  }

  async #acquire(number: number, lease: number): Promise<void> {
    const beginning = Symbol();
    this.#beginning.set(number, beginning);
    const goesOn = (): void => {
      if (this.#beginning.get(number) !== beginning) throw new Error("it was lost before it began");
    };
    const fence = await this.#fences!.mark(number, lease, goesOn);
    const careful = await this.#handover!.adopt(number, fence, goesOn);
    const { bus, names } = this.#p;
    // What was announced is no promise yet: an actor may have been opened again since.
    const { firstSeq } = await streamState(bus, names.logStream);
    const floor = Math.max(await this.#claims!.claim(number, fence), firstSeq);
    goesOn();
    this.#beginning.delete(number);
    const holds = (): boolean => this.#coordinator?.holds(number) ?? true;
    const attempts = this.#handover!.attemptsIn(number);
    const reading = this.#read(number, { ...fence, careful: careful && "all", attempts, floor, holds });
    reading.begin();
    void reading.caughtUp
      .then(() => this.#p.host.wake([number]))
      .catch((error) => {
        this.#p.log.error("a partition was not woken", { partition: number, error: String(error) });
      });
  }

  async #release(number: number, reason: ReleaseReason): Promise<void> {
    this.#beginning.delete(number);
    const reader = this.#readers.get(number);
    this.#readers.delete(number);
    const { host } = this.#p;
    if (reason === "lost") {
      host.drop(number);
      this.#p.onDropped(number);
      await reader?.stop();
      return;
    }
    const stopped = reader?.stop();
    await host.release(number);
    await stopped;
    this.#p.onDropped(number);
    await this.#handover?.leave([number]);
  }

  async #leave(): Promise<void> {
    const mine = [...this.#readers.keys()];
    await this.#handover
      ?.leave(mine)
      .catch((error) => this.#p.log.warn("positions not shared", { error: String(error?.message ?? error) }));
  }
}

async function within(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}
