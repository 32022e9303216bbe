/**
 * The host: takes records from the partitions' readers, folds them in cells, appends what the machines want done,
 * dispatches asks, arms timers, writes snapshots (architecture section 3, steps 1 to 5).
 */
import { type Address, formatAddress, parseAddress } from "../address.ts";
import type { Bus } from "../bus/bus.ts";
import type { Clock } from "../clock.ts";
import { UnavailableError } from "../engine.ts";
import type { NewRecord, StoredRecord } from "../envelope.ts";
import { derivedId } from "../ids.ts";
import type { Appender } from "../log/appender.ts";
import { openRecord } from "../log/codec.ts";
import type { DeadLetters, NewDeadLetter } from "../log/dead-letters.ts";
import { decodeChecked, isPassing } from "../log/read.ts";
import type { RawRecord } from "../log/reader.ts";
import type { RecordIndex } from "../log/record-index.ts";
import type { KeyRing } from "../log/sealer.ts";
import { messageAt } from "../log/stream.ts";
import { Activation, RefoldError } from "./activation.ts";
import { Asks } from "./asks.ts";
import { ANSWER, Cell, type Delivery, TIMER } from "./cell.ts";
import type { CellStore, OpenAsk } from "./cell-store.ts";
import { type ActorDefinition, type ActorView, QUARANTINED } from "./definition.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { type PersistedMachine, stateHash } from "./live-machine.ts";
import { answerId, type Outgoing } from "./outbox.ts";
import { Partition } from "./partition.ts";
import { quarantineId, SKIPPED } from "./quarantine.ts";
import { VERIFY_EVERY } from "./sampled-checks.ts";
import { Sender } from "./sender.ts";
import { Snapshots } from "./snapshots.ts";
import { type Deadline, TimerQueue } from "./timer-queue.ts";

/** What happens to a record that crashes its actor. `supervisors/cell-policy.ts` has the desk's. */
export interface RestartPolicy {
  readonly maxAttempts: number;
  /** Wait after the n-th failed attempt, n from 1, ms. */
  backoffMs(attempt: number): number;
}

export interface HostOptions {
  /** Idle time after which a cell leaves memory, ms. Default 60,000. */
  readonly passivateAfterMs?: number;
  /** Time between snapshots of what changed, ms. Default 500. */
  readonly snapshotEveryMs?: number;
  /** Records of one partition that may be under way at once. Default 512. */
  readonly maxUnderWay?: number;
  /** Records that wait in memory for one actor; its surplus is read again from the log later. Default 128. */
  readonly maxMailbox?: number;
  /** Actors in memory; above it the least used leave. Default 20,000. */
  readonly maxHotActors?: number;
  /** How long nothing can be written before the host says that it has failed, ms. Default 30,000. */
  readonly failAfterMs?: number;
  /** How long a read waits for an actor that is being brought into memory, ms. Default 5,000. */
  readonly readTimeoutMs?: number;
  /** One of so many actors that leave memory is folded again from the log and compared; 0 for none. Default 50. */
  readonly verifyEvery?: number;
}

/** What the host tells the log of the process; never personal data. */
export interface HostLog {
  warn(message: string, details: Record<string, unknown>): void;
  error(message: string, details: Record<string, unknown>): void;
}

export interface HostParts {
  readonly bus: Bus;
  readonly stream: string;
  readonly appender: Appender;
  readonly index: RecordIndex;
  readonly store: CellStore;
  readonly keys: KeyRing;
  readonly dispatcher: Dispatcher;
  readonly deadLetters: DeadLetters;
  readonly definitions: readonly ActorDefinition[];
  readonly clock: Clock;
  readonly policy: RestartPolicy;
  readonly log: HostLog;
  /** Called for each record of a sink, in log order within its partition; must not throw. */
  readonly onSink: (record: StoredRecord) => void;
  /** Called for each record handed over, likewise. */
  readonly onRecord: (record: StoredRecord) => void;
  /** Called when a record is done with, for admission. */
  readonly onDone: (record: { id: string; to: Address }) => void;
  /** Called for an actor that has just left memory; must not throw. */
  readonly onPassivated?: (cell: Cell) => void;
  /** Called once when the host can't do its work any more: it has to be started again. */
  readonly onFailure?: (error: Error) => void;
}

const HOST: Address = { kind: "host", key: "host", id: "host" };
const TRY_AGAIN_MS = 500;

/** Why a fold failed. */
interface Crash {
  readonly error: unknown;
}

export class Host {
  readonly #p: HostParts;
  readonly #o: Required<HostOptions>;
  readonly #definitions: ReadonlyMap<string, ActorDefinition>;
  readonly #cells = new Map<string, Cell>();
  readonly #partitions = new Map<number, Partition>();
  readonly #timers: TimerQueue;
  readonly #sender: Sender;
  readonly #asks: Asks;
  readonly #activation: Activation;
  readonly #snapshots: Snapshots;
  readonly #stopping = new AbortController();
  #closed = false;
  #ticker: NodeJS.Timeout | undefined;
  /** Monotonic time of the last flush that succeeded. */
  #flushedAt: number;
  /** After an unclean stop, attempts at records up to here are counted on disk. */
  #carefulUpTo = 0;
  #headAtStart = 0;
  #careful: Promise<void> = Promise.resolve();
  readonly #counts = {
    folded: 0,
    duplicates: 0,
    crashes: 0,
    quarantined: 0,
    deadLetters: 0,
    timersFired: 0,
  };

  constructor(parts: HostParts, options: HostOptions = {}) {
    const { appender, clock, dispatcher } = parts;
    this.#p = parts;
    this.#o = {
      passivateAfterMs: 60_000,
      snapshotEveryMs: 500,
      maxUnderWay: 512,
      maxMailbox: 128,
      maxHotActors: 20_000,
      failAfterMs: 30_000,
      readTimeoutMs: 5_000,
      verifyEvery: VERIFY_EVERY,
      ...options,
    };
    this.#flushedAt = clock.monotonic();
    this.#definitions = new Map(parts.definitions.map((d) => [d.kind, d]));
    this.#timers = new TimerQueue(clock, (actor, timer) => this.#timerDue(actor, timer));
    const { signal } = this.#stopping;
    const warn = (what: string, error: unknown): void => this.#warn(what, error);
    this.#sender = new Sender({
      appender,
      clock,
      signal,
      bury: (original, letter) => this.#bury(original, letter),
    });
    this.#asks = new Asks({ dispatcher, clock, appender, sender: this.#sender, signal, onError: warn });
    this.#activation = new Activation({
      ...parts,
      isSkipped: (record) => record.type === SKIPPED || this.#isQuarantined(record),
      onDamage: (actor, reason) =>
        parts.log.error("a snapshot is damaged, the log is read instead", { actor, reason }),
    });
    this.#snapshots = new Snapshots(
      {
        ...parts,
        cells: this.#cells,
        partitions: this.#partitions,
        partitionOf: (cell) => appender.partitionOf(cell.to),
        warn,
      },
      this.#o,
    );
  }

  /** Takes a partition over; answers the sequence to read from. */
  own(number: number): number {
    const from = this.#p.store.position(number);
    this.#partitions.set(number, new Partition(number, from));
    return from;
  }

  /**
   * Begins to write snapshots.
   * @param head end of the log: what records up to here led to may be in the log already.
   * @param unclean the last stop was a crash: attempts at records up to the head are counted on disk.
   */
  start(head: number, unclean: boolean): void {
    this.#headAtStart = head;
    this.#carefulUpTo = unclean ? head : 0;
    this.#flushedAt = this.#p.clock.monotonic();
    this.#ticker = setInterval(() => void this.flush().catch(() => {}), this.#o.snapshotEveryMs);
    this.#ticker.unref();
  }

  /** Arms stored timers and dispatches open asks again, once the readers are where the log ended at the start. */
  async wake(): Promise<void> {
    for await (const { to, waiting } of this.#p.store.waiting()) {
      if (!(await this.#hasKey(to))) await this.#p.store.forget(to);
      else if (waiting.asks) await this.#activeCell(to);
      else if (!this.#cells.get(formatAddress(to))?.active)
        this.#timers.set(formatAddress(to), waiting.timers);
    }
    this.#timers.start();
  }

  /**
   * Takes one record of a partition, in log order. Waits only for room, or for a key that is not at hand.
   * @throws when the keys can't be reached, and while the host stops: the record has to be handed over again.
   */
  async handle(number: number, raw: RawRecord): Promise<void> {
    const partition = this.#partitions.get(number)!;
    const room = partition.room(this.#o.maxUnderWay);
    if (room) await room;
    if (this.#closed) throw new Error("the host stops");
    const closed = this.#decode(number, raw);
    if (closed instanceof Error) {
      await this.#bury(raw.data, {
        seq: raw.seq,
        attempts: 0,
        reason: `malformed record: ${closed.message}`,
      });
      partition.pass(raw.seq);
      return;
    }
    const { envelope } = closed;
    const { id, to, type } = envelope;
    const pass = (): void => {
      this.#p.onDone(envelope);
      partition.pass(raw.seq);
    };
    if (!this.#p.index.note(raw.seq, id, to)) {
      this.#counts.duplicates++;
      pass();
      return;
    }
    if (type === ANSWER) this.#asks.answered(String(envelope.clear.ask));
    const letter = { seq: raw.seq, recordId: id, to: formatAddress(to), type, attempts: 0 };
    let record: StoredRecord;
    try {
      const recent = this.#p.keys.cached(to.key) && this.#p.appender.takeRecent(closed);
      if (recent !== undefined) record = { ...envelope, seq: raw.seq, data: JSON.parse(recent) };
      else {
        let opened = openRecord(closed, this.#p.keys);
        if (opened instanceof Promise) opened = await opened;
        // Its data subject was erased: there is nobody left whom this concerns.
        if (!opened.ok) return pass();
        record = { ...envelope, seq: raw.seq, data: opened.data };
      }
    } catch (error) {
      if (isPassing(error)) throw error;
      await this.#bury(raw.data, { ...letter, reason: `sealed part can't be opened: ${String(error)}` });
      return pass();
    }
    this.#p.onRecord(record);
    const definition = this.#definitions.get(to.kind);
    if (!definition) {
      // Asks are addressed to services, which fold nothing.
      if (to.kind !== "service")
        await this.#bury(raw.data, {
          ...letter,
          reason: `no actor of kind ${JSON.stringify(to.kind)} is known`,
        });
      return pass();
    }
    if (definition.sink) {
      this.#p.onSink(record);
      return pass();
    }
    this.#deliver(partition, this.#cell(to, definition), record);
  }

  /** The state of an actor; undefined when it has no record. @throws UnavailableError when it takes too long. */
  async read(to: Address): Promise<ActorView | undefined> {
    const cell = await this.#activeCell(to, this.#o.readTimeoutMs);
    return cell?.exists ? cell.view() : undefined;
  }

  /** Actors of a kind that are not closed. */
  async open(kind: string): Promise<Address[]> {
    const found = new Map((await this.#p.store.open(kind)).map((to) => [formatAddress(to), to]));
    for (const cell of this.#cells.values()) {
      if (cell.to.kind !== kind || !cell.exists) continue;
      if (cell.closed) found.delete(cell.name);
      else found.set(cell.name, cell.to);
    }
    return [...found.values()];
  }

  /** Folds an actor's records again from the log and compares; undefined when it has none. */
  async verify(
    to: Address,
  ): Promise<
    { seq: number; hash: string; fromLog: string; same: boolean; machine: PersistedMachine } | undefined
  > {
    const cell = await this.#activeCell(to, this.#o.readTimeoutMs);
    if (!cell?.exists) return undefined;
    const { seq, hash, machine } = cell.state();
    const again = new Cell(to, cell.definition);
    await this.#activation.fold(again, seq + 1);
    const fromLog = stateHash(again.state().machine);
    if (fromLog !== hash) this.#p.log.error("state diverges from the log", { actor: cell.name, seq });
    return { seq, hash, fromLog, same: fromLog === hash, machine };
  }

  status(): Record<string, number> {
    let unacknowledged = 0;
    let waiting = 0;
    for (const cell of this.#cells.values()) {
      unacknowledged += cell.unacknowledged;
      waiting += cell.mailbox.length;
    }
    return {
      cells: this.#cells.size,
      waiting,
      unacknowledged,
      timers: this.#timers.size,
      asks: this.#asks.dispatched,
      ...this.#counts,
    };
  }

  /** Writes snapshots of what changed and the positions that they allow, in one batch. */
  async flush(): Promise<void> {
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
    while (busy() && performance.now() < until) await sleep(5);
    this.#stopping.abort();
    await this.#snapshots.flushAll();
  }

  /** Ends at once, as a crash would: nothing is written. For tests of recovery. */
  abandon(): void {
    this.close();
    this.#stopping.abort();
  }

  #decode(number: number, raw: RawRecord) {
    try {
      const closed = decodeChecked(raw.seq, raw);
      if (this.#p.appender.partitionOf(closed.envelope.to) !== number)
        throw new TypeError(`partition ${number} is not that of its addressee`);
      return closed;
    } catch (error) {
      return error as Error;
    }
  }

  #deliver(partition: Partition, cell: Cell, record: StoredRecord): void {
    const { maxMailbox, maxUnderWay } = this.#o;
    const waiting = cell.mailbox.length;
    // An actor that is far behind must not take the room of the others of its partition.
    if (cell.surplus || waiting >= maxMailbox || (waiting > 0 && partition.underWay >= maxUnderWay / 2)) {
      cell.surplus ??= { from: record.seq, next: record.seq, last: record.seq, underWay: 0 };
      cell.surplus.last = record.seq;
      partition.pass(record.seq);
      return;
    }
    const finish = partition.begin(record.seq);
    const done = (): void => {
      finish();
      this.#p.onDone(record);
    };
    cell.mailbox.push({ record, partition: partition.number, done });
    void this.#work(cell);
  }

  /** Reads a part of an actor's surplus from the log; false when there is none, or when the last part is under way. */
  async #refill(cell: Cell): Promise<boolean> {
    const surplus = cell.surplus;
    if (!surplus || surplus.underWay > 0) return false;
    const { last } = surplus;
    const seqs = await this.#p.index.ofActor(cell.to, surplus.next - 1);
    const part = seqs.filter((seq) => seq <= last).slice(0, this.#o.maxMailbox);
    const records: StoredRecord[] = [];
    for (const seq of part) {
      const record = await this.#activation.read(cell, seq);
      if (record) records.push(record);
    }
    surplus.next = part.length === 0 || part.at(-1) === last ? last + 1 : part.at(-1)! + 1;
    surplus.underWay = records.length;
    const partition = this.#p.appender.partitionOf(cell.to);
    const partDone = (): void => {
      if (surplus.next > surplus.last) cell.surplus = undefined;
      else surplus.from = surplus.next;
    };
    if (records.length === 0) partDone();
    for (const record of records) {
      const done = (): void => {
        this.#p.onDone(record);
        if (--surplus.underWay > 0) return;
        partDone();
        void this.#work(cell);
      };
      cell.mailbox.push({ record, partition, done });
    }
    return true;
  }

  #cell(to: Address, definition: ActorDefinition): Cell {
    const name = formatAddress(to);
    let cell = this.#cells.get(name);
    if (!cell) {
      cell = new Cell(to, definition);
      this.#cells.set(name, cell);
    }
    cell.usedAt = this.#p.clock.monotonic();
    return cell;
  }

  /** False when the data subject was erased, or never was. */
  async #hasKey({ key }: Address): Promise<boolean> {
    return (this.#p.keys.cached(key) ?? (await this.#p.keys.sealer(key))) !== undefined;
  }

  /** Undefined for what is no actor, or no actor any more. */
  async #activeCell(to: Address, patienceMs = Number.POSITIVE_INFINITY): Promise<Cell | undefined> {
    const definition = this.#definitions.get(to.kind);
    if (!definition || definition.sink) return undefined;
    if (!(await this.#hasKey(to))) {
      this.#erase(to);
      return undefined;
    }
    const end = performance.now() + patienceMs;
    const cell = this.#cell(to, definition);
    for (;;) {
      if (cell.active) return cell;
      if (!cell.running) {
        cell.running = true;
        try {
          await this.#activate(cell);
        } finally {
          cell.running = false;
        }
        void this.#work(cell);
      } else if (performance.now() > end) {
        throw new UnavailableError(`${cell.name} is being brought into memory: try again`, 1_000);
      } else await sleep(1);
    }
  }

  /** Nothing of an erased data subject stays in memory, and nothing is done for it any more. */
  #erase(to: Address): void {
    const name = formatAddress(to);
    this.#timers.set(name, []);
    const cell = this.#cells.get(name);
    if (!cell || cell.running || cell.mailbox.length > 0) return;
    this.#cells.delete(name);
    void this.#p.store.forget(to).catch((error) => this.#warn("an erased actor was not forgotten", error));
  }

  /** Works a cell's mailbox off, one record at a time. Stays synchronous while nothing has to be waited for. */
  async #work(cell: Cell): Promise<void> {
    if (cell.running) return;
    cell.running = true;
    try {
      for (;;) {
        if (this.#stopping.signal.aborted) return;
        const delivery = cell.mailbox[0];
        if (!delivery) {
          if (!cell.surplus || !(await this.#refill(cell))) return;
          continue;
        }
        if (!cell.active) await this.#activate(cell);
        const { record } = delivery;
        if (record.seq <= cell.seq) delivery.done();
        else if (record.type === SKIPPED || (this.#isOld(record) && this.#isQuarantined(record)))
          this.#skip(cell, delivery);
        else if (record.seq <= this.#carefulUpTo) await this.#insistAlone(cell, delivery);
        else {
          const crash = this.#tryFold(cell, delivery);
          if (crash) await this.#insist(cell, delivery, crash);
        }
        cell.mailbox.shift();
      }
    } catch (error) {
      // The log could not be read or written at all: the record stays in the mailbox and is tried again.
      if (this.#stopping.signal.aborted) return;
      this.#warn(`cell ${cell.name} waits`, error);
      setTimeout(() => void this.#work(cell), TRY_AGAIN_MS).unref();
    } finally {
      cell.running = false;
      cell.usedAt = this.#p.clock.monotonic();
    }
  }

  /** Whether the record may have been folded by an earlier process. */
  #isOld(record: StoredRecord): boolean {
    return record.seq <= this.#headAtStart;
  }

  #isQuarantined(record: StoredRecord): boolean {
    return this.#p.index.firstSeq(quarantineId(record.id)) !== undefined;
  }

  /** One attempt. */
  #tryFold(cell: Cell, delivery: Delivery): Crash | undefined {
    const { record } = delivery;
    let out: Outgoing[];
    try {
      out = cell.fold(record);
      for (const { record: next, ask } of out) if (!ask || !this.#isRead(ask)) this.#p.appender.check(next);
    } catch (error) {
      this.#counts.crashes++;
      cell.reset();
      // The message of an error may quote the customer: only its name goes to the process's log.
      const { seq, type } = record;
      this.#p.log.warn("an actor crashed", { actor: cell.name, seq, type, error: nameOf(error) });
      return { error };
    }
    this.#folded(cell, delivery, out);
    return undefined;
  }

  /**
   * After an unclean stop: one record at a time from the count of its attempt to the end of its fold, so that what ends the
   * process is never blamed on a record that was only waiting for its turn.
   */
  #insistAlone(cell: Cell, delivery: Delivery): Promise<void> {
    const turn = this.#careful.then(() => this.#insist(cell, delivery, undefined));
    this.#careful = turn.catch(() => {});
    return turn;
  }

  /**
   * Tries as often as the policy says, from the last good state each time; then gives the record up. Without a first
   * crash the attempts are counted on disk, because the process itself may not survive one.
   */
  async #insist(cell: Cell, delivery: Delivery, first: Crash | undefined): Promise<void> {
    const { id } = delivery.record;
    const { policy, store } = this.#p;
    let crash = first;
    let failed = first ? 1 : 0;
    for (;;) {
      if (!first) failed = (await store.countAttempt(id)) - 1;
      if (failed >= policy.maxAttempts) {
        const error = crash ? crash.error : new Error("the process ended while this record was folded");
        await this.#quarantine(delivery.record, error, failed);
        if (!cell.active) await this.#activate(cell);
        this.#skip(cell, delivery);
        return;
      }
      if (!cell.active) {
        await sleep(policy.backoffMs(failed));
        await this.#activate(cell);
      }
      crash = this.#tryFold(cell, delivery);
      if (!crash) {
        if (!first) await store.clearAttempt(id);
        return;
      }
      failed++;
    }
  }

  #skip(cell: Cell, delivery: Delivery): void {
    cell.skip(delivery.record.seq);
    // An actor without a state has no snapshot to write: the log tells the next activation to skip it.
    if (cell.exists) cell.dirtySince ??= delivery.record.seq;
    delivery.done();
  }

  /** Gives a record up: that is a record itself, which every later fold obeys, and a dead letter. */
  async #quarantine(record: StoredRecord, error: unknown, attempts: number): Promise<void> {
    const { id, seq, type, to } = record;
    const message = await messageAt(this.#p.bus, this.#p.stream, seq);
    await this.#bury(message?.data ?? new Uint8Array(), {
      seq,
      recordId: id,
      to: formatAddress(to),
      type,
      attempts,
      reason: String((error as Error)?.message ?? error),
      stack: (error as Error)?.stack,
      key: to.key,
    });
    const decision: NewRecord = {
      id: quarantineId(id),
      // An actor that cannot even take this news is left alone with it.
      type: type === QUARANTINED ? SKIPPED : QUARANTINED,
      from: HOST,
      to,
      cause: id,
      correlation: record.correlation ?? id,
      clear: { record: id, type, attempts },
    };
    const kept = await this.#sender.send(decision);
    // From now on, not only once it was read back.
    if (kept) this.#p.index.note(kept.seq, decision.id, to);
    this.#counts.quarantined++;
  }

  #folded(cell: Cell, delivery: Delivery, out: readonly Outgoing[]): void {
    this.#counts.folded++;
    const { record, done } = delivery;
    cell.dirtySince ??= record.seq;
    this.#timers.set(cell.name, cell.timers);
    let open = 1;
    const oneDone = (): void => {
      if (--open === 0) done();
    };
    const partition = this.#partitions.get(delivery.partition);
    const old = this.#isOld(record);
    for (const { record: next, ask } of out) {
      // Folded before: what it led to is in the log already.
      const recorded = old && this.#p.index.firstSeq(next.id) !== undefined;
      const read = ask !== undefined && this.#isRead(ask);
      if (recorded || read) {
        if (ask && !(old && this.#isAnswered(ask.id))) this.#asks.dispatch(cell.to, ask, recorded);
        continue;
      }
      open++;
      cell.unacknowledged++;
      this.#sender
        // Nobody folds asks, so nothing can be overtaken among them.
        .send(next, { inOrder: !ask, onFailure: () => partition?.failed() })
        .then((acknowledged) => {
          if (ask && acknowledged) this.#asks.dispatch(cell.to, ask, true);
          cell.unacknowledged--;
          oneDone();
        })
        // Only a stop ends here. It stays unacknowledged: no snapshot may say that it was done.
        .catch((error) => {
          if (!this.#stopping.signal.aborted) this.#warn("an append was given up", error);
        });
    }
    oneDone();
  }

  #isRead({ service, operation }: OpenAsk): boolean {
    return this.#p.dispatcher.isRead(service, operation);
  }

  #isAnswered(askId: string): boolean {
    return this.#p.index.firstSeq(answerId(askId)) !== undefined;
  }

  #timerDue(actor: string, timer: Deadline): void {
    this.#counts.timersFired++;
    const record: NewRecord = {
      id: derivedId(actor, "timer", timer.key, timer.generation),
      type: TIMER,
      from: HOST,
      to: parseAddress(actor),
      clear: { timer: timer.key, generation: timer.generation },
    };
    this.#sender.send(record).catch((error) => {
      if (!this.#stopping.signal.aborted) this.#warn("a timer was not appended", error);
    });
  }

  /** Brings a cell up to its first waiting record; beyond what was handed over, records come through the mailbox. */
  async #activate(cell: Cell): Promise<void> {
    const partition = this.#partitions.get(this.#p.appender.partitionOf(cell.to));
    const before = (): number =>
      Math.min(
        cell.mailbox[0]?.record.seq ?? cell.surplus?.next ?? Number.POSITIVE_INFINITY,
        partition?.next ?? Number.POSITIVE_INFINITY,
      );
    for (;;) {
      try {
        await this.#activation.activate(cell, before);
        break;
      } catch (error) {
        if (!(error instanceof RefoldError)) throw error;
        // It would never come into memory again: what it can't fold any more is given up.
        const { seq, type } = error.record;
        this.#p.log.error("an actor can't fold what it folded before", { actor: cell.name, seq, type });
        await this.#quarantine(error.record, error.cause, 1);
      }
    }
    if (cell.exists) this.#timers.set(cell.name, cell.timers);
    for (const ask of cell.asks) {
      if (this.#asks.has(ask) || this.#isAnswered(ask.id)) continue;
      const recorded = this.#p.index.firstSeq(ask.id) !== undefined;
      if (recorded || this.#isRead(ask)) this.#asks.dispatch(cell.to, ask, recorded);
    }
  }

  /** Keeps a dead letter. It is all that is left of the record, so this is tried until it is kept. */
  async #bury(original: Uint8Array, letter: Omit<NewDeadLetter, "original">): Promise<void> {
    this.#counts.deadLetters++;
    for (;;) {
      try {
        await this.#p.deadLetters.put({ ...letter, original });
        return;
      } catch (error) {
        if (this.#closed) throw error;
        this.#warn("a dead letter was not kept yet", error);
        await sleep(TRY_AGAIN_MS);
      }
    }
  }

  #warn(what: string, error: unknown): void {
    this.#p.log.warn(what, { error: String((error as Error)?.message ?? error) });
  }
}

function nameOf(error: unknown): string {
  return (error as Error)?.name ?? "error";
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
