/**
 * The host: takes records from the partitions' readers, folds them in cells, appends what the machines want done,
 * dispatches asks, arms timers, writes snapshots (architecture section 3, steps 1 to 5).
 */
import { type Address, formatAddress, parseAddress } from "../address.ts";
import type { Bus } from "../bus/bus.ts";
import type { Clock } from "../clock.ts";
import type { Envelope, NewRecord, StoredRecord } from "../envelope.ts";
import { derivedId } from "../ids.ts";
import { type Acknowledged, type Appender, RecordRefusedError } from "../log/appender.ts";
import { type ClosedRecord, decodeRecord, openRecord } from "../log/codec.ts";
import type { DeadLetters } from "../log/dead-letters.ts";
import type { RawRecord } from "../log/reader.ts";
import type { RecordIndex } from "../log/record-index.ts";
import type { KeyRing } from "../log/sealer.ts";
import { messageAt } from "../log/stream.ts";
import { ANSWER, Cell, type Delivery, TIMER } from "./cell.ts";
import type { CellStore, OpenAsk } from "./cell-store.ts";
import { type ActorDefinition, type ActorView, QUARANTINED } from "./definition.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { stateHash } from "./live-machine.ts";
import { answerId, type Outgoing } from "./outbox.ts";
import { Partition } from "./partition.ts";
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
  /** Called for each record of a sink, in log order within its partition. */
  readonly onSink: (record: StoredRecord) => void;
  /** Called for each record handed over, likewise. */
  readonly onRecord: (record: StoredRecord) => void;
  /** Called when a record is done with, for admission. */
  readonly onDone: (record: { id: string; to: Address }) => void;
}

/** A record that only says that another one is passed over. */
const SKIPPED = "host.skipped";
const HOST: Address = { kind: "host", key: "host", id: "host" };

export class Host {
  readonly #p: HostParts;
  readonly #o: Required<HostOptions>;
  readonly #definitions: ReadonlyMap<string, ActorDefinition>;
  readonly #cells = new Map<string, Cell>();
  readonly #partitions = new Map<number, Partition>();
  readonly #timers: TimerQueue;
  readonly #dispatched = new Set<string>();
  readonly #stopping = new AbortController();
  #flushing: Promise<void> | undefined;
  #ticker: NodeJS.Timeout | undefined;
  /** After an unclean stop, attempts at records up to here are counted on disk. */
  #carefulUpTo = 0;
  #headAtStart = 0;
  #appending = 0;
  readonly counts = {
    folded: 0,
    duplicates: 0,
    crashes: 0,
    quarantined: 0,
    deadLetters: 0,
    timersFired: 0,
    asks: 0,
  };

  constructor(parts: HostParts, options: HostOptions = {}) {
    this.#p = parts;
    this.#o = { passivateAfterMs: 60_000, snapshotEveryMs: 500, maxUnderWay: 512, ...options };
    this.#definitions = new Map(parts.definitions.map((d) => [d.kind, d]));
    this.#timers = new TimerQueue(parts.clock, (actor, timer) => this.#timerDue(actor, timer));
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
    this.#ticker = setInterval(
      () => void this.flush().catch((e) => this.#warn("snapshots not written", e)),
      this.#o.snapshotEveryMs,
    );
    this.#ticker.unref();
  }

  /** Arms stored timers and dispatches open asks again, once the readers are where the log ended at the start. */
  async wake(): Promise<void> {
    for await (const { to, waiting } of this.#p.store.waiting()) {
      if (!this.#cells.get(formatAddress(to))?.active) this.#timers.set(formatAddress(to), waiting.timers);
      if (waiting.asks) await this.#activeCell(to);
    }
    this.#timers.start();
  }

  /** Takes one record of a partition, in log order. Waits only for room, or for a key that is not at hand. */
  async handle(number: number, raw: RawRecord): Promise<void> {
    const partition = this.#partitions.get(number)!;
    const room = partition.room(this.#o.maxUnderWay);
    if (room) await room;
    let closed: ClosedRecord;
    try {
      closed = decodeRecord(raw.seq, raw.data);
    } catch (error) {
      await this.#bury(raw.data, { seq: raw.seq, attempts: 0, reason: `malformed record: ${String(error)}` });
      partition.pass(raw.seq);
      return;
    }
    const { envelope } = closed;
    if (!this.#p.index.note(raw.seq, envelope.id, envelope.to)) {
      this.counts.duplicates++;
      this.#p.onDone(envelope);
      partition.pass(raw.seq);
      return;
    }
    let record: StoredRecord;
    try {
      let opened = openRecord(closed, this.#p.keys);
      if (opened instanceof Promise) opened = await opened;
      if (!opened.ok) {
        // The data subject was erased: there is nobody left whom this concerns.
        this.#p.onDone(envelope);
        partition.pass(raw.seq);
        return;
      }
      record = { ...envelope, seq: raw.seq, data: opened.data };
    } catch (error) {
      const { id, to, type } = envelope;
      await this.#bury(raw.data, {
        seq: raw.seq,
        recordId: id,
        to: formatAddress(to),
        type,
        attempts: 0,
        reason: `sealed part can't be opened: ${String(error)}`,
      });
      this.#p.onDone(envelope);
      partition.pass(raw.seq);
      return;
    }
    this.#p.onRecord(record);
    const definition = this.#definitions.get(record.to.kind);
    if (!definition) {
      // Asks are addressed to services, which fold nothing.
      if (record.to.kind !== "service") {
        await this.#bury(raw.data, {
          seq: raw.seq,
          recordId: record.id,
          to: formatAddress(record.to),
          type: record.type,
          attempts: 0,
          reason: `no actor of kind ${JSON.stringify(record.to.kind)} is known`,
        });
      }
      partition.pass(raw.seq);
      return;
    }
    if (definition.sink) {
      this.#p.onSink(record);
      partition.pass(raw.seq);
      return;
    }
    const finish = partition.begin(raw.seq);
    const cell = this.#cell(record.to, definition);
    cell.mailbox.push({
      record,
      partition: number,
      done: () => {
        finish();
        this.#p.onDone(record);
      },
    });
    void this.#work(cell);
  }

  /** The state of an actor; undefined when it has no record. */
  async read(to: Address): Promise<ActorView | undefined> {
    const cell = await this.#activeCell(to);
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
  ): Promise<{ seq: number; hash: string; fromLog: string; same: boolean } | undefined> {
    const cell = await this.#activeCell(to);
    if (!cell?.exists) return undefined;
    const { seq, hash } = cell.state();
    const again = new Cell(to, cell.definition);
    await this.#foldFromLog(again, seq + 1);
    const fromLog = stateHash(again.state().machine);
    if (fromLog !== hash) this.#p.log.error("state diverges from the log", { actor: cell.name, seq });
    return { seq, hash, fromLog, same: fromLog === hash };
  }

  status(): Record<string, number> {
    let unacknowledged = 0;
    let waiting = 0;
    for (const cell of this.#cells.values()) {
      unacknowledged += cell.unacknowledged;
      waiting += cell.mailbox.length;
    }
    return { cells: this.#cells.size, waiting, unacknowledged, timers: this.#timers.size, ...this.counts };
  }

  /** Writes snapshots of what changed and the positions that they allow, in one batch. */
  flush(): Promise<void> {
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined;
    });
    return this.#flushing;
  }

  /** Waits until what was handed over is folded and acknowledged, at most `graceMs`, then writes everything. */
  async stop(graceMs = 5_000): Promise<void> {
    clearInterval(this.#ticker);
    this.#timers.stop();
    const until = performance.now() + graceMs;
    const busy = (): boolean => {
      if (this.#appending > 0) return true;
      for (const p of this.#partitions.values()) if (p.underWay > 0) return true;
      return false;
    };
    while (busy() && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 5));
    this.#stopping.abort();
    await this.#flushing;
    await this.flush();
  }

  /** Ends at once, as a crash would: nothing is written. For tests of recovery. */
  abandon(): void {
    clearInterval(this.#ticker);
    this.#timers.stop();
    this.#stopping.abort();
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

  async #activeCell(to: Address): Promise<Cell | undefined> {
    const definition = this.#definitions.get(to.kind);
    if (!definition || definition.sink) return undefined;
    const cell = this.#cell(to, definition);
    while (cell.running && !cell.active) await sleep(1);
    if (!cell.active) {
      cell.running = true;
      try {
        await this.#activate(cell, Number.POSITIVE_INFINITY);
      } finally {
        cell.running = false;
      }
      void this.#work(cell);
    }
    return cell;
  }

  /** Works a cell's mailbox off, one record at a time. Stays synchronous while nothing has to be waited for. */
  async #work(cell: Cell): Promise<void> {
    if (cell.running) return;
    cell.running = true;
    try {
      for (;;) {
        const delivery = cell.mailbox[0];
        if (!delivery || this.#stopping.signal.aborted) return;
        if (!cell.active) await this.#activate(cell, delivery.record.seq);
        const careful = delivery.record.seq <= this.#carefulUpTo;
        if (delivery.record.seq <= cell.seq) delivery.done();
        else if (delivery.record.type === SKIPPED) this.#skip(cell, delivery);
        else if (careful || !this.#tryFold(cell, delivery))
          await this.#foldCarefully(cell, delivery, careful);
        cell.mailbox.shift();
      }
    } catch (error) {
      // The log could not be read or written at all: the record stays in the mailbox and is tried again.
      if (this.#stopping.signal.aborted) return;
      this.#warn(`cell ${cell.name} waits`, error);
      setTimeout(() => void this.#work(cell), 500).unref();
    } finally {
      cell.running = false;
      cell.usedAt = this.#p.clock.monotonic();
    }
  }

  /** One attempt; false when the machine crashed. */
  #tryFold(cell: Cell, delivery: Delivery): boolean {
    const { record } = delivery;
    let out: Outgoing[];
    try {
      out = cell.fold(record);
    } catch (error) {
      this.#crashed(cell, record, error);
      return false;
    }
    this.#folded(cell, delivery, out);
    return true;
  }

  #lastCrash: unknown;

  #crashed(cell: Cell, record: StoredRecord, error: unknown): void {
    this.counts.crashes++;
    this.#lastCrash = error;
    cell.reset();
    // The message of an error may quote the customer: only its name goes to the process's log.
    this.#p.log.warn("an actor crashed", {
      actor: cell.name,
      seq: record.seq,
      type: record.type,
      error: (error as Error)?.name ?? "error",
    });
  }

  /** Tries as often as the policy says, from the last good state each time; then gives the record up. */
  async #foldCarefully(cell: Cell, delivery: Delivery, counted: boolean): Promise<void> {
    const { record } = delivery;
    if (this.#p.index.firstSeq(quarantineId(record.id)) !== undefined) return this.#skip(cell, delivery);
    const { policy, store } = this.#p;
    let attempt = counted ? 0 : 1; // the attempt that brought us here
    for (;;) {
      if (counted) {
        attempt = await store.countAttempt(record.id);
        if (attempt > policy.maxAttempts) {
          this.#lastCrash ??= new Error("the process ended while this record was folded");
          return this.#quarantine(cell, delivery, attempt - 1);
        }
      } else if (attempt >= policy.maxAttempts) {
        return this.#quarantine(cell, delivery, attempt);
      }
      if (!cell.active) {
        await sleep(policy.backoffMs(attempt));
        await this.#activate(cell, record.seq);
      }
      if (this.#tryFold(cell, delivery)) {
        if (counted) await store.clearAttempt(record.id);
        return;
      }
      attempt++;
    }
  }

  #skip(cell: Cell, delivery: Delivery): void {
    cell.skip(delivery.record.seq);
    // An actor without a state has no snapshot to write: the log tells the next activation to skip it.
    if (cell.exists) cell.dirtySince ??= delivery.record.seq;
    delivery.done();
  }

  /** Gives a record up: that is a record itself, which every later fold obeys, and a dead letter. */
  async #quarantine(cell: Cell, delivery: Delivery, attempts: number): Promise<void> {
    const { record } = delivery;
    this.counts.quarantined++;
    const error = this.#lastCrash as Error;
    this.#lastCrash = undefined;
    const message = await messageAt(this.#p.bus, this.#p.stream, record.seq);
    await this.#bury(message?.data ?? new Uint8Array(), {
      seq: record.seq,
      recordId: record.id,
      to: cell.name,
      type: record.type,
      attempts,
      reason: String(error?.message ?? error),
      stack: error?.stack,
      key: record.to.key,
    });
    // An actor that cannot even take this news is left alone with it.
    await this.#append({
      id: quarantineId(record.id),
      type: record.type === QUARANTINED ? SKIPPED : QUARANTINED,
      from: HOST,
      to: cell.to,
      cause: record.id,
      correlation: record.correlation ?? record.id,
      clear: { record: record.id, type: record.type, attempts },
    });
    if (!cell.active) await this.#activate(cell, record.seq);
    this.#skip(cell, delivery);
  }

  #folded(cell: Cell, delivery: Delivery, out: readonly Outgoing[]): void {
    this.counts.folded++;
    const { record, done } = delivery;
    cell.dirtySince ??= record.seq;
    this.#timers.set(cell.name, cell.timers);
    let open = 1;
    const oneDone = (): void => {
      if (--open === 0) done();
    };
    for (const { record: next, ask } of out) {
      // Folded before: what it led to is in the log already.
      if (record.seq <= this.#headAtStart && this.#p.index.firstSeq(next.id) !== undefined) {
        if (ask) this.#dispatch(cell.to, ask, next);
        continue;
      }
      open++;
      cell.unacknowledged++;
      this.#append(next, delivery.partition)
        .then(() => {
          if (ask) this.#dispatch(cell.to, ask, next);
          cell.unacknowledged--;
          oneDone();
        })
        .catch((error) => {
          // Only a stop ends here: the record is not done, and so is read again.
          cell.unacknowledged--;
          if (!this.#stopping.signal.aborted) this.#warn("an append was given up", error);
        });
    }
    oneDone();
  }

  /** Appends until acknowledged. What the server refuses for good becomes a dead letter. */
  async #append(record: NewRecord, partition?: number): Promise<Acknowledged | undefined> {
    const envelope: Envelope = {
      clear: {},
      data: {},
      ...record,
      at: this.#p.clock.now(),
      epoch: 1,
    };
    let resume: (() => void) | undefined;
    this.#appending++;
    try {
      return await this.#p.appender.appendUntilAcknowledged(envelope, this.#stopping.signal, () => {
        if (partition !== undefined) resume ??= this.#partitions.get(partition)?.failed();
      });
    } catch (error) {
      if (!(error instanceof RecordRefusedError)) throw error;
      await this.#bury(new Uint8Array(), {
        recordId: record.id,
        to: formatAddress(record.to),
        type: record.type,
        attempts: 1,
        reason: error.message,
      });
      return undefined;
    } finally {
      this.#appending--;
      resume?.();
    }
  }

  /** Sends an ask to its agent and appends what comes back. Once per process: the id makes the rest harmless. */
  #dispatch(asker: Address, ask: OpenAsk, record: NewRecord): void {
    if (this.#dispatched.has(ask.id) || this.#p.index.firstSeq(answerId(ask.id)) !== undefined) return;
    this.#dispatched.add(ask.id);
    this.counts.asks++;
    void this.#p.dispatcher
      .ask({
        service: ask.service,
        operation: ask.operation,
        input: (record.data?.input ?? {}) as Record<string, never>,
        key: ask.key,
        deadline: ask.deadline,
        traceparent: record.traceparent,
      })
      .then((answer) => {
        if (this.#stopping.signal.aborted) return undefined;
        return this.#append({
          id: answerId(ask.id),
          type: ANSWER,
          from: { kind: "service", key: asker.key, id: ask.service },
          to: asker,
          cause: ask.id,
          correlation: record.correlation,
          traceparent: record.traceparent,
          clear: { ask: ask.id, name: ask.name, ok: answer.ok },
          data: { value: answer.ok ? answer.value : { ...answer.error } },
        });
      })
      .catch((error) => this.#warn("an answer was not kept", error))
      .finally(() => this.#dispatched.delete(ask.id));
  }

  #timerDue(actor: string, timer: Deadline): void {
    this.counts.timersFired++;
    void this.#append({
      id: derivedId(actor, "timer", timer.key, timer.generation),
      type: TIMER,
      from: HOST,
      to: parseAddress(actor),
      clear: { timer: timer.key, generation: timer.generation },
    }).catch((error) => this.#warn("a timer was not appended", error));
  }

  /** Brings a cell to its state before `before`: from its snapshot, else from the log, and the records in between. */
  async #activate(cell: Cell, before: number): Promise<void> {
    cell.reset();
    const state = await this.#p.store.load(cell.to, (reason) =>
      this.#p.log.error("a snapshot is damaged, the log is read instead", { actor: cell.name, reason }),
    );
    if (state && state.version === cell.definition.version && state.seq < before) {
      try {
        cell.restore(state);
      } catch (error) {
        cell.reset();
        this.#warn(`snapshot of ${cell.name} can't be restored, the log is read instead`, error);
      }
    }
    await this.#foldFromLog(cell, before);
    cell.active = true;
    if (cell.exists) this.#timers.set(cell.name, cell.timers);
    for (const ask of cell.asks) {
      if (this.#dispatched.has(ask.id) || this.#p.index.firstSeq(answerId(ask.id)) !== undefined) continue;
      const seq = this.#p.index.firstSeq(ask.id);
      const record = seq === undefined ? undefined : await this.#recordAt(seq);
      if (record) this.#dispatch(cell.to, ask, record);
    }
  }

  /** Folds what the log has between the cell's state and `before`; its effects are in the log already. */
  async #foldFromLog(cell: Cell, before: number): Promise<void> {
    const mailboxFrom = cell.mailbox[0]?.record.seq ?? Number.POSITIVE_INFINITY;
    const partition = this.#partitions.get(this.#p.appender.partitionOf(cell.to));
    // Beyond what its partition's reader handed over, records come through the mailbox.
    const end = Math.min(before, mailboxFrom, partition ? partition.next : Number.POSITIVE_INFINITY);
    for (const seq of await this.#p.index.ofActor(cell.to, cell.seq)) {
      if (seq >= end) break;
      const record = await this.#recordAt(seq);
      if (
        !record ||
        record.type === SKIPPED ||
        this.#p.index.firstSeq(quarantineId(record.id)) !== undefined
      ) {
        cell.skip(seq);
        continue;
      }
      cell.fold(record);
    }
  }

  async #recordAt(seq: number): Promise<StoredRecord | undefined> {
    const message = await messageAt(this.#p.bus, this.#p.stream, seq);
    if (!message) return undefined;
    const closed = decodeRecord(seq, message.data);
    const opened = await openRecord(closed, this.#p.keys);
    return opened.ok ? { ...closed.envelope, seq, data: opened.data } : undefined;
  }

  async #flush(): Promise<void> {
    const now = this.#p.clock.monotonic();
    const dirty: Cell[] = [];
    const positions = new Map<number, number>();
    for (const [number, partition] of this.#partitions) positions.set(number, partition.lowest);
    for (const cell of this.#cells.values()) {
      if (cell.dirtySince === undefined) {
        const idle = now - cell.usedAt > (cell.closed ? 1_000 : this.#o.passivateAfterMs);
        if (idle && !cell.running && cell.mailbox.length === 0 && cell.unacknowledged === 0) {
          this.#cells.delete(cell.name);
        }
      } else if (cell.unacknowledged === 0 && cell.exists && cell.active) {
        dirty.push(cell);
      } else {
        const number = this.#p.appender.partitionOf(cell.to);
        positions.set(number, Math.min(positions.get(number)!, cell.dirtySince));
      }
    }
    const since = dirty.map((cell) => cell.dirtySince);
    const states = dirty.map((cell) => ({ to: cell.to, state: cell.state(), closed: cell.closed }));
    for (const cell of dirty) cell.dirtySince = undefined;
    try {
      await this.#p.store.write(states, positions);
    } catch (error) {
      dirty.forEach((cell, i) => {
        cell.dirtySince = Math.min(since[i]!, cell.dirtySince ?? Number.POSITIVE_INFINITY);
      });
      throw error;
    }
    await this.#p.index.flush();
  }

  async #bury(
    original: Uint8Array,
    letter: Omit<Parameters<DeadLetters["put"]>[0], "original">,
  ): Promise<void> {
    this.counts.deadLetters++;
    try {
      await this.#p.deadLetters.put({ ...letter, original });
    } catch (error) {
      this.#warn("a dead letter was not kept", error);
    }
  }

  #warn(what: string, error: unknown): void {
    this.#p.log.warn(what, { error: String((error as Error)?.message ?? error) });
  }
}

function quarantineId(recordId: string): string {
  return derivedId(recordId, "quarantine");
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
