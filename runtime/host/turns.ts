/** Folds the records that wait in cells, one at a time per actor, and sends on what each fold led to. */
import type { StoredRecord } from "../envelope.ts";
import { CHECKPOINT, LeftLogError } from "../log/checkpoint.ts";
import type { Asks } from "./asks.ts";
import type { Cell, Delivery } from "./cell.ts";
import type { Cells } from "./cells.ts";
import type { GivingUp } from "./giving-up.ts";
import { type HostOptions, type HostParts, sleep, TRY_AGAIN_MS } from "./host-options.ts";
import { answerId, type Outgoing, outputId } from "./outbox.ts";
import type { Partition } from "./partition.ts";
import { SKIPPED } from "./quarantine.ts";
import type { Sender } from "./sender.ts";
import type { TimerQueue } from "./timer-queue.ts";
import { UNKNOWN_AGAIN_MS, UnknownVersionError } from "./versions.ts";

export interface TurnsParts extends HostParts {
  readonly cells: Cells;
  readonly asks: Asks;
  readonly sender: Sender;
  readonly timers: TimerQueue;
  readonly givingUp: GivingUp;
  /** To be waited for before an actor is brought into memory; undefined while there is room. */
  readonly room: () => Promise<void> | undefined;
  readonly warn: (what: string, error: unknown) => void;
}

/** Why a fold failed. */
interface Crash {
  readonly error: unknown;
}

export class Turns {
  readonly counts = { folded: 0, crashes: 0 };
  readonly #p: TurnsParts;
  readonly #o: Required<HostOptions>;
  #careful: Promise<void> = Promise.resolve();
  /** While a record is tried whose attempts are counted. */
  #trying: Promise<void> | undefined;

  constructor(parts: TurnsParts, options: Required<HostOptions>) {
    this.#p = parts;
    this.#o = options;
  }

  deliver(partition: Partition, cell: Cell, record: StoredRecord): void {
    const { maxMailbox, maxUnderWay } = this.#o;
    const waiting = cell.mailbox.length;
    if (waiting > 1) this.#p.onBehind?.(cell.to, waiting);
    // An actor that is far behind must not take the room of the others of its partition.
    if (
      cell.surplus ||
      waiting >= maxMailbox ||
      (waiting > 0 && (cell.refused || partition.underWay >= maxUnderWay / 2))
    ) {
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
    cell.mailbox.push({ record, partition, done });
    void this.work(cell);
  }

  /** Works a cell's mailbox off, one record at a time. Stays synchronous while nothing has to be waited for. */
  async work(cell: Cell): Promise<void> {
    if (cell.running) return;
    cell.running = true;
    try {
      for (;;) {
        if (cell.gone) return;
        const delivery = cell.mailbox[0];
        if (!delivery) {
          if (!cell.surplus || !(await this.#refill(cell))) return;
          continue;
        }
        const { record, partition } = delivery;
        // Of a tenure that is over: whoever owns it now reads it again.
        if (partition.ended.aborted) {
          cell.mailbox.shift();
          continue;
        }
        if (!cell.active && !(await this.#activate(cell, delivery))) continue;
        if (cell.gone) return;
        // It was closed, and what it would be folded from may leave the log at any time.
        if (cell.exists && cell.extent.base < partition.floor) {
          cell.reset();
          continue;
        }
        const old = partition.isOld(record.seq);
        if (record.seq <= cell.seq) {
          // The state is from a snapshot that is ahead: what is known of the actor without it may not be.
          if (cell.exists) cell.dirtySince ??= record.seq;
          delivery.done();
        } else if (record.type === SKIPPED || (old && this.#p.givingUp.isQuarantined(record)))
          this.#skip(cell, delivery);
        else if (record.type === CHECKPOINT) this.#passCheckpoint(cell, delivery);
        else if (old && this.#isSuspect(partition, record)) {
          cell.mayFold(record);
          await this.#insistAlone(cell, delivery);
        } else if (this.#trying) {
          // What ends the process now would be blamed on the one that is tried.
          await this.#trying;
          continue;
        } else {
          cell.mayFold(record);
          const crash = this.#tryFold(cell, delivery);
          if (crash) await this.#insist(cell, delivery, crash);
        }
        cell.mailbox.shift();
      }
    } catch (error) {
      // The log could not be read or written at all: the record stays in the mailbox and is tried again.
      if (cell.gone || cell.mailbox[0]?.partition.ended.aborted) return;
      const isUnknown = error instanceof UnknownVersionError;
      if (!isUnknown || !cell.refused) this.#p.warn(`cell ${cell.name} waits`, error);
      cell.refused = isUnknown;
      setTimeout(() => void this.work(cell), isUnknown ? UNKNOWN_AGAIN_MS : TRY_AGAIN_MS).unref();
    } finally {
      cell.running = false;
      cell.usedAt = this.#p.clock.monotonic();
    }
  }

  /** Whether a record that an earlier process may have folded may also be what ended it. */
  #isSuspect({ tenure: { careful } }: Partition, { id }: StoredRecord): boolean {
    if (careful !== "unproven") return careful === "all";
    // What it led to is in the log: its fold came to an end.
    const first = outputId(id, 0);
    const { index } = this.#p;
    return index.firstSeq(first) === undefined && index.firstSeq(answerId(first)) === undefined;
  }

  /** False when the record in front was given up instead: the log has nothing left that it could be folded into. */
  async #activate(cell: Cell, { record, done }: Delivery): Promise<boolean> {
    const room = this.#p.room();
    if (room) {
      await room;
      // It may have been let go of meanwhile.
      if (cell.gone) return false;
    }
    try {
      await this.#p.cells.activate(cell);
      return true;
    } catch (error) {
      if (!(error instanceof LeftLogError)) throw error;
      const { givingUp } = this.#p;
      const says = record.type === SKIPPED || record.type === CHECKPOINT;
      if (!says && !givingUp.isQuarantined(record)) await givingUp.quarantine(record, error, 1, SKIPPED);
      cell.dirtySince = undefined;
      cell.mailbox.shift();
      done();
      return false;
    }
  }

  #passCheckpoint(cell: Cell, { record, done }: Delivery): void {
    cell.passCheckpoint(record);
    if (cell.exists) cell.dirtySince ??= record.seq;
    done();
  }

  /** Reads a part of an actor's surplus from the log; false when there is none, or when the last part is under way. */
  async #refill(cell: Cell): Promise<boolean> {
    const surplus = cell.surplus;
    const partition = this.#p.cells.partitionOf(cell.to);
    if (!surplus || surplus.underWay > 0 || !partition) return false;
    const { last } = surplus;
    const seqs = await this.#p.index.ofActor(cell.to, surplus.next - 1);
    const part = seqs.filter((seq) => seq <= last).slice(0, this.#o.maxMailbox);
    const records: StoredRecord[] = [];
    for (const seq of part) {
      const record = await this.#p.cells.read(cell, seq);
      if (record) records.push(record);
    }
    surplus.next = part.length === 0 || part.at(-1) === last ? last + 1 : part.at(-1)! + 1;
    surplus.underWay = records.length;
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
        void this.work(cell);
      };
      cell.mailbox.push({ record, partition, done });
    }
    return true;
  }

  /** One attempt. */
  #tryFold(cell: Cell, delivery: Delivery): Crash | undefined {
    const { record } = delivery;
    let out: Outgoing[];
    try {
      out = cell.fold(record);
      for (const { record: next, ask } of out) {
        if (!ask || !this.#p.cells.isRepeatable(ask)) this.#p.appender.check(next);
      }
    } catch (error) {
      this.counts.crashes++;
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
   * After an unclean stop: one record at a time from the count of its attempt to the end of its fold, and nothing else is
   * folded meanwhile, so that what ends the process is never blamed on a record that was only waiting for its turn.
   */
  #insistAlone(cell: Cell, delivery: Delivery): Promise<void> {
    const turn = this.#careful.then(() => {
      // Another node's to try by now.
      if (cell.gone || delivery.partition.ended.aborted) return;
      const attempt = this.#insist(cell, delivery, undefined);
      const trying = attempt
        .catch(() => {})
        .then(() => {
          if (this.#trying === trying) this.#trying = undefined;
        });
      this.#trying = trying;
      return attempt;
    });
    this.#careful = turn.catch(() => {});
    return turn;
  }

  /**
   * Tries as often as the policy says, from the last good state each time; then gives the record up. Without a first
   * crash the attempts are counted outside of the process, because it may not survive one.
   */
  async #insist(cell: Cell, delivery: Delivery, first: Crash | undefined): Promise<void> {
    const { id } = delivery.record;
    const { policy, cells, givingUp } = this.#p;
    const { attempts } = delivery.partition.tenure;
    let crash = first;
    let failed = first ? 1 : 0;
    for (;;) {
      if (!first) failed = (await attempts.countAttempt(id)) - 1;
      if (failed >= policy.maxAttempts) {
        const error = crash ? crash.error : new Error("the process ended while this record was folded");
        await givingUp.quarantine(delivery.record, error, failed);
        if (!cell.active) await cells.activate(cell);
        this.#skip(cell, delivery);
        return;
      }
      if (!cell.active) {
        await sleep(policy.backoffMs(failed));
        await cells.activate(cell);
      }
      if (cell.gone) return;
      crash = this.#tryFold(cell, delivery);
      if (!crash) {
        if (!first) await attempts.clearAttempt(id);
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

  #folded(cell: Cell, delivery: Delivery, out: readonly Outgoing[]): void {
    this.counts.folded++;
    const { record, partition, done } = delivery;
    const { asks, cells, index, sender, timers } = this.#p;
    const { since } = partition.tenure;
    cell.dirtySince ??= record.seq;
    timers.set(cell.name, cell.timers);
    let open = 1;
    const oneDone = (): void => {
      if (--open === 0) done();
    };
    const old = partition.isOld(record.seq);
    for (const { record: next, ask } of out) {
      // Folded before: what it led to is in the log already.
      const seq = old ? index.firstSeq(next.id) : undefined;
      const recorded = seq !== undefined;
      const repeatable = ask !== undefined && cells.isRepeatable(ask);
      if (recorded || repeatable) {
        partition.stale.delete(next.id);
        if (ask && !(old && cells.isAnswered(ask.id)))
          asks.dispatch(partition, cell.to, ask, recorded, recorded && seq < since);
        continue;
      }
      open++;
      cell.unacknowledged++;
      sender
        // Nobody folds asks, so nothing can be overtaken among them.
        .send(next, { inOrder: !ask, onFailure: () => partition.failed() })
        .then((acknowledged) => {
          if (ask && acknowledged) asks.dispatch(partition, cell.to, ask, true, acknowledged.seq < since);
          cell.unacknowledged--;
          oneDone();
        })
        // Only a stop ends here. It stays unacknowledged: no snapshot may say that it was done.
        .catch((error) => {
          if (!partition.ended.aborted) this.#p.warn("an append was given up", error);
        });
    }
    oneDone();
  }
}

function nameOf(error: unknown): string {
  return (error as Error)?.name ?? "error";
}
