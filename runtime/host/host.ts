/**
 * The host: takes records from the partitions' readers, folds them in cells, appends what the machines want done,
 * dispatches asks, arms timers, writes snapshots (architecture section 3, steps 1 to 5), for the partitions that this node
 * owns at the time.
 */
import { type Address, formatAddress, parseAddress } from "../address.ts";
import { UnavailableError } from "../engine.ts";
import type { NewRecord } from "../envelope.ts";
import { derivedId } from "../ids.ts";
import { LeftLogError } from "../log/checkpoint.ts";
import type { RawRecord } from "../log/reader.ts";
import { Asks } from "./asks.ts";
import { Cell, TIMER } from "./cell.ts";
import type { CellState } from "./cell-store.ts";
import { Cells } from "./cells.ts";
import { Checkpoints } from "./checkpoints.ts";
import type { ActorView } from "./definition.ts";
import { GivingUp } from "./giving-up.ts";
import {
  HOST,
  HOST_DEFAULTS,
  type HostOptions,
  type HostParts,
  sleep,
  TRY_AGAIN_MS,
} from "./host-options.ts";
import { Intake } from "./intake.ts";
import { Leaving } from "./leaving.ts";
import { type PersistedMachine, stateHash, type TimerState } from "./live-machine.ts";
import { Migrations } from "./migrations.ts";
import { Partition, type Tenure } from "./partition.ts";
import { authorityOf, Sender } from "./sender.ts";
import { Snapshots } from "./snapshots.ts";
import { type Deadline, TimerQueue } from "./timer-queue.ts";
import { Turns } from "./turns.ts";
import { checkVersions, UnknownVersionError } from "./versions.ts";

export type { HostLog, HostOptions, HostParts, RestartPolicy } from "./host-options.ts";

const BUSY_AGAIN_MS = 5;

export class Host {
  /** What of its partitions may leave the log. */
  readonly leaving: Leaving;
  readonly #p: HostParts;
  readonly #o: Required<HostOptions>;
  readonly #partitions = new Map<number, Partition>();
  readonly #timers: TimerQueue;
  readonly #sender: Sender;
  readonly #asks: Asks;
  readonly #cells: Cells;
  readonly #turns: Turns;
  readonly #intake: Intake;
  readonly #givingUp: GivingUp;
  readonly #checkpoints: Checkpoints;
  readonly #migrations: Migrations;
  readonly #snapshots: Snapshots;
  readonly #counts = { timersFired: 0, timersSkipped: 0, disowned: 0 };
  #closed = false;
  #ticker: NodeJS.Timeout | undefined;
  /** Monotonic time of the last flush that succeeded. */
  #flushedAt: number;

  constructor(parts: HostParts, options: HostOptions = {}) {
    const { appender, clock, dispatcher } = parts;
    for (const definition of parts.definitions) checkVersions(definition);
    this.#p = parts;
    this.#o = { ...HOST_DEFAULTS, ...options };
    this.#flushedAt = clock.monotonic();
    this.#timers = new TimerQueue(clock, (actor, timer) => this.#timerDue(actor, timer));
    const warn = (what: string, error: unknown): void => this.#warn(what, error);
    this.#givingUp = new GivingUp(
      parts,
      () => this.#sender,
      () => this.#closed,
    );
    this.#sender = new Sender({
      appender,
      clock,
      authority: (record) => this.#partitions.get(appender.partitionOf(authorityOf(record))),
      bury: (original, letter) => this.#givingUp.bury(original, letter),
    });
    this.#asks = new Asks({ dispatcher, clock, appender, sender: this.#sender, onError: warn });
    this.#migrations = new Migrations({
      ...parts,
      sender: this.#sender,
      timers: this.#timers,
      partitionOf: (to) => this.#cells.partitionOf(to),
      bring: (to) => this.#cells.active(to),
      work: (cell) => void this.#turns.work(cell),
      warn,
    });
    const common = {
      ...parts,
      partitions: this.#partitions,
      timers: this.#timers,
      asks: this.#asks,
      sender: this.#sender,
      givingUp: this.#givingUp,
      migrations: this.#migrations,
      warn,
    };
    this.#cells = new Cells({ ...common, work: (cell) => void this.#turns.work(cell) });
    const room = () => this.#snapshots.room();
    this.#turns = new Turns({ ...common, cells: this.#cells, room }, this.#o);
    this.#intake = new Intake({ ...common, cells: this.#cells, turns: this.#turns }, this.#o.maxUnderWay);
    this.#checkpoints = new Checkpoints({ ...common, cells: this.#cells });
    this.leaving = new Leaving({ ...common, cells: this.#cells.all, checkpoints: this.#checkpoints });
    this.#snapshots = new Snapshots(
      {
        ...common,
        cells: this.#cells.all,
        partitionOf: (cell) => appender.partitionOf(cell.to),
        onClosed: (cell) => parts.checkpoints && this.#checkpoints.close(cell),
        onSeen: (cell) => this.#migrations.look(cell),
      },
      this.#o,
    );
  }

  /** Takes a partition over; answers the sequence to read from. */
  own(number: number, tenure: Tenure): number {
    const from = this.#p.store.position(number);
    this.#partitions.set(number, new Partition(number, from, tenure));
    return from;
  }

  /** First sequence of a partition that is not done with; beyond every sequence where it is not this node's. */
  lowestOf(number: number): number {
    return this.#partitions.get(number)?.lowest ?? Number.POSITIVE_INFINITY;
  }

  /**
   * Lets go of a partition, whose reader has stopped, so that another node can go on with it: finishes what is under way, for
   * `releaseMs` at most, and writes snapshots. Until it resolves its tenure has to last.
   */
  async release(number: number): Promise<void> {
    const partition = this.#partitions.get(number);
    if (!partition) return;
    partition.close();
    const until = performance.now() + this.#o.releaseMs;
    const busy = (): boolean => partition.underWay > 0 || this.#asks.openOf(partition) > 0;
    while (busy() && !partition.ended.aborted && performance.now() < until) await sleep(BUSY_AGAIN_MS);
    await this.#snapshots.flushAll().catch((error) => this.#warn("snapshots not written", error));
    this.drop(number);
  }

  /** Lets go of a partition at once: it is another node's already, or may be. */
  drop(number: number): void {
    const partition = this.#partitions.get(number);
    if (!partition) return;
    partition.end();
    this.#partitions.delete(number);
    this.#cells.drop(number);
    this.#asks.forget(partition);
    this.#timers.forget((actor) => this.#p.appender.partitionOf(parseAddress(actor)) === number);
  }

  owns(to: Address): boolean {
    return this.#cells.partitionOf(to) !== undefined;
  }

  /** Begins to fire timers and to write snapshots. */
  start(): void {
    this.#flushedAt = this.#p.clock.monotonic();
    this.#timers.start();
    this.#ticker = setInterval(() => void this.flush().catch(() => {}), this.#o.snapshotEveryMs);
    this.#ticker.unref();
  }

  /**
   * Arms stored timers and dispatches open asks again, once the readers of these partitions are where the log ended when they
   * were taken over.
   */
  async wake(numbers: readonly number[]): Promise<void> {
    for (const number of numbers) {
      const partition = this.#partitions.get(number);
      // Tried until it is done: whoever is not woken would wait for ever.
      for (let done = false; partition && !done && !partition.ended.aborted; ) {
        try {
          await this.#wake(partition);
          done = true;
        } catch (error) {
          this.#warn("a partition is not awake yet", error);
          await sleep(TRY_AGAIN_MS);
        }
      }
    }
  }

  async #wake(partition: Partition): Promise<void> {
    for await (const { to, waiting } of this.#p.store.waiting(partition.number)) {
      if (partition.ended.aborted) return;
      if (!(await this.#cells.hasKey(to))) await this.#p.store.forget(to);
      else if (waiting.asks) {
        try {
          await this.#cells.active(to);
        } catch (error) {
          if (error instanceof LeftLogError) await this.#p.store.forget(to);
          else if (error instanceof UnknownVersionError) this.#warn("an actor is not woken", error);
          else throw error;
        }
      } else if (!this.#cells.all.get(formatAddress(to))?.active)
        this.#timers.set(formatAddress(to), waiting.timers);
    }
    partition.awake = true;
    const { late } = partition;
    partition.late = [];
    for (const { actor, timer } of late) this.#timerDue(actor, timer);
    void this.#migrations
      .lookThrough(partition)
      .catch((error) => this.#warn("not all actors were looked at for a migration", error));
  }

  /**
   * Takes one record of a partition, in log order. Waits only for room, or for a key that is not at hand.
   * @throws when the keys can't be reached, and while the partition is let go of: the record has to be handed over again.
   */
  handle(number: number, raw: RawRecord): Promise<void> {
    const partition = this.#partitions.get(number);
    if (!partition) return Promise.reject(new Error("the partition is not owned any more"));
    return this.#intake.take(partition, raw);
  }

  /** The state of an actor; undefined when it has no record. @throws UnavailableError when it takes too long. */
  async read(to: Address): Promise<ActorView | undefined> {
    await this.#caughtUp(to);
    const cell = await this.#cells.active(to, this.#o.readTimeoutMs);
    return cell?.exists ? cell.view() : undefined;
  }

  /** What was done at the owner before is not to be seen undone. */
  async #caughtUp(to: Address): Promise<void> {
    const until = performance.now() + this.#o.readTimeoutMs;
    for (;;) {
      const partition = this.#cells.partitionOf(to);
      if (!partition || partition.awake) return;
      if (performance.now() > until)
        throw new UnavailableError("its records are being read: try again", 1_000);
      await sleep(BUSY_AGAIN_MS);
    }
  }

  /** Actors of a kind that are not closed, of the partitions that this node owns. */
  async open(kind: string): Promise<Address[]> {
    const found = new Map<string, Address>();
    for (const number of [...this.#partitions.keys()]) {
      for (const to of await this.#p.store.openIn(number, kind)) found.set(formatAddress(to), to);
    }
    for (const cell of this.#cells.all.values()) {
      if (cell.to.kind !== kind || !cell.exists) continue;
      if (cell.closed) found.delete(cell.name);
      else found.set(cell.name, cell.to);
    }
    return [...found.values()];
  }

  /** The whole state of an actor, with its hash; undefined when it has no record. @throws UnavailableError, LeftLogError */
  async state(to: Address): Promise<CellState | undefined> {
    const cell = await this.#cells.active(to, this.#o.readTimeoutMs);
    return cell?.exists ? cell.state() : undefined;
  }

  /** Timers that an actor has set; none when it has no record. @throws UnavailableError, LeftLogError */
  async timers(to: Address): Promise<readonly TimerState[]> {
    return (await this.#cells.active(to, this.#o.readTimeoutMs))?.timers ?? [];
  }

  /** Folds an actor's records again from the log and compares; undefined when it has none. */
  async verify(
    to: Address,
  ): Promise<
    { seq: number; hash: string; fromLog: string; same: boolean; machine: PersistedMachine } | undefined
  > {
    const cell = await this.#cells.active(to, this.#o.readTimeoutMs);
    if (!cell?.exists) return undefined;
    const { seq, hash, machine } = cell.state();
    const again = new Cell(to, cell.definition);
    const floor = (): number => this.#cells.partitionOf(to)?.floor ?? 1;
    let from: number;
    do {
      from = floor();
      again.reset();
      await this.#cells.activation.again(again, seq, from, cell.extent.first);
      // What was read may have left in the middle of it.
    } while (floor() > from);
    const fromLog = stateHash(again.state().machine);
    if (fromLog !== hash) this.#p.log.error("state diverges from the log", { actor: cell.name, seq });
    return { seq, hash, fromLog, same: fromLog === hash, machine };
  }

  status(): Record<string, number> {
    let unacknowledged = 0;
    let waiting = 0;
    let refused = 0;
    for (const cell of this.#cells.all.values()) {
      if (cell.refused) refused++;
      unacknowledged += cell.unacknowledged;
      waiting += cell.mailbox.length;
    }
    return {
      cells: this.#cells.all.size,
      waiting,
      unacknowledged,
      refused,
      timers: this.#timers.size,
      asks: this.#asks.dispatched,
      ...this.#intake.counts,
      ...this.#turns.counts,
      ...this.#givingUp.counts,
      ...this.#checkpoints.counts,
      ...this.#migrations.counts,
      ...this.#counts,
    };
  }

  /** Writes snapshots of what changed, and the positions that they allow. */
  async flush(): Promise<void> {
    this.#reportDisowned();
    try {
      await this.#snapshots.flush();
      this.#flushedAt = this.#p.clock.monotonic();
    } catch (error) {
      this.#warn("snapshots not written", error);
      // LevelDB does not recover from every failed write while it is open, not even when there is room again.
      const failingMs = this.#p.clock.monotonic() - this.#flushedAt;
      if (failingMs > this.#o.failAfterMs && !this.#closed) {
        this.#flushedAt = Number.POSITIVE_INFINITY;
        this.#p.onFailure?.(new Error("nothing can be written into the data directory", { cause: error }));
      }
      throw error;
    }
  }

  /** Takes nothing more: whoever waits for room is let go. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#ticker);
    this.#timers.stop();
    for (const partition of this.#partitions.values()) partition.close();
  }

  /**
   * Waits until what was handed over is folded and acknowledged, at most `graceMs`, then writes everything.
   * @throws when it can't be written.
   */
  async stop(graceMs = 5_000): Promise<void> {
    this.close();
    const until = performance.now() + graceMs;
    const busy = (): boolean => {
      if (this.#sender.underWay > 0) return true;
      for (const p of this.#partitions.values()) if (p.underWay > 0) return true;
      return false;
    };
    while (busy() && performance.now() < until) await sleep(BUSY_AGAIN_MS);
    this.#end();
    await this.#snapshots.flushAll();
  }

  /** Ends at once, as a crash would: nothing is written. For tests of recovery. */
  abandon(): void {
    this.close();
    this.#end();
  }

  #end(): void {
    for (const partition of this.#partitions.values()) partition.end();
  }

  #timerDue(actor: string, timer: Deadline): void {
    const to = parseAddress(actor);
    const partition = this.#cells.partitionOf(to);
    if (!partition) return;
    if (!partition.awake) {
      partition.late.push({ actor, timer });
      return;
    }
    const { key, generation, deadline } = timer;
    const lateMs = Math.max(0, this.#p.clock.now() - deadline);
    const skipped = this.#cells.definition(to.kind)?.late?.(key, lateMs) === "skip";
    if (skipped) this.#counts.timersSkipped++;
    else this.#counts.timersFired++;
    const record: NewRecord = {
      id: derivedId(actor, "timer", key, generation),
      type: TIMER,
      from: HOST,
      to,
      clear: { timer: key, generation, ...(skipped ? { skipped } : {}) },
    };
    this.#sender.send(record).catch((error) => {
      if (!partition.ended.aborted) this.#warn("a timer was not appended", error);
    });
  }

  /** What an earlier owner wrote after its tenure, and this node never has. */
  #reportDisowned(): void {
    const before = this.#p.clock.monotonic() - this.#o.disownedAfterMs;
    for (const { number, stale } of this.#partitions.values()) {
      for (const [id, { seq, type, readAt }] of stale) {
        if (readAt > before) continue;
        stale.delete(id);
        this.#counts.disowned++;
        const details = { partition: number, seq, type };
        this.#p.log.error(
          "a record of the partition's earlier owner is none that this node would write",
          details,
        );
      }
    }
  }

  #warn(what: string, error: unknown): void {
    this.#p.log.warn(what, { error: String((error as Error)?.message ?? error) });
  }
}
