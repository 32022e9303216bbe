/** Takes the records of a partition in log order: what counts goes to its actor, everything else to where it belongs. */
import { formatAddress } from "../address.ts";
import type { StoredRecord } from "../envelope.ts";
import { BodyLostError } from "../log/bodies.ts";
import { type ClosedRecord, openRecord } from "../log/codec.ts";
import { decodeChecked, isPassing } from "../log/read.ts";
import type { RawRecord } from "../log/reader.ts";
import type { Asks } from "./asks.ts";
import { ANSWER } from "./cell.ts";
import type { Cells } from "./cells.ts";
import type { GivingUp } from "./giving-up.ts";
import type { HostParts } from "./host-options.ts";
import type { Partition } from "./partition.ts";
import { authorityOf } from "./sender.ts";
import type { Turns } from "./turns.ts";

export interface IntakeParts extends HostParts {
  readonly cells: Cells;
  readonly turns: Turns;
  readonly asks: Asks;
  readonly givingUp: GivingUp;
}

export class Intake {
  readonly counts = { duplicates: 0, stale: 0 };
  readonly #p: IntakeParts;
  readonly #maxUnderWay: number;

  constructor(parts: IntakeParts, maxUnderWay: number) {
    this.#p = parts;
    this.#maxUnderWay = maxUnderWay;
  }

  /**
   * Takes one record. Waits only for room, or for a key that is not at hand.
   * @throws when the keys can't be reached, and while the partition is let go of: the record has to be handed over again.
   */
  async take(partition: Partition, raw: RawRecord): Promise<void> {
    const { index, givingUp } = this.#p;
    const room = partition.room(this.#maxUnderWay);
    if (room) await room;
    if (partition.closed) throw new Error("the partition is let go of");
    const closed = this.#decode(partition, raw);
    if (closed instanceof Error) {
      const reason = `malformed record: ${closed.message}`;
      await givingUp.bury(raw.data, { seq: raw.seq, attempts: 0, reason });
      partition.pass(raw.seq);
      return;
    }
    const { envelope } = closed;
    const { id, to, type } = envelope;
    const pass = (): void => {
      this.#p.onDone(envelope);
      partition.pass(raw.seq);
    };
    if (!index.note(raw.seq, id, to, closed.covers)) {
      this.counts.duplicates++;
      pass();
      return;
    }
    this.#noteStale(partition, closed);
    if (type === ANSWER) this.#p.asks.answered(String(envelope.clear.ask));
    const letter = { seq: raw.seq, recordId: id, to: formatAddress(to), type, attempts: 0 };
    let record: StoredRecord;
    try {
      const plain = raw.opened?.plain ?? (this.#p.keys.cached(to.key) && this.#p.appender.takeRecent(closed));
      if (plain !== undefined) record = { ...envelope, seq: raw.seq, data: JSON.parse(plain) };
      else {
        let opened = openRecord(closed, this.#p.keys, this.#p.bodies);
        if (opened instanceof Promise) opened = await opened;
        // Its data subject was erased: there is nobody left whom this concerns.
        if (!opened.ok) return pass();
        record = { ...envelope, seq: raw.seq, data: opened.data };
      }
    } catch (error) {
      if (isPassing(error)) throw error;
      if (error instanceof BodyLostError) {
        await this.#giveUp(partition, raw, error);
        return pass();
      }
      const reason = `sealed part can't be opened: ${String(error)}`;
      await givingUp.bury(raw.data, { ...letter, reason });
      return pass();
    }
    // While it was waited for, the partition may have become another node's.
    if (partition.ended.aborted) throw new Error("the partition is let go of");
    // What the hosts tell each other of a partition is for nobody else.
    if (to.kind === "host") return pass();
    this.#p.onRecord(record);
    const definition = this.#p.cells.definition(to.kind);
    if (!definition) {
      // Asks are addressed to services, which fold nothing.
      if (to.kind !== "service") {
        const reason = `no actor of kind ${JSON.stringify(to.kind)} is known`;
        await givingUp.bury(raw.data, { ...letter, reason });
      }
      return pass();
    }
    if (definition.sink) {
      this.#p.onSink(record);
      return pass();
    }
    this.#p.turns.deliver(partition, this.#p.cells.of(to, definition), record);
  }

  /**
   * The record of a lost body. Where it was for an actor, that is told: what it does without it is for a person to mend, and a
   * body that is brought back must not change what was folded meanwhile.
   */
  async #giveUp(partition: Partition, raw: RawRecord, error: BodyLostError): Promise<void> {
    const { givingUp, cells, log } = this.#p;
    const { record } = error;
    log.error("a record can't be read", { error: error.message });
    const definition = cells.definition(record.to.kind);
    if (definition && !definition.sink) {
      if (!givingUp.isQuarantined(record)) await givingUp.quarantine(record, error, 0);
    } else {
      const letter = { seq: raw.seq, recordId: record.id, to: formatAddress(record.to), type: record.type };
      await givingUp.bury(raw.data, { ...letter, attempts: 0, reason: error.message });
    }
    if (partition.ended.aborted) throw new Error("the partition is let go of");
  }

  #decode(partition: Partition, raw: RawRecord): ClosedRecord | Error {
    try {
      const closed = raw.opened
        ? { seq: raw.seq, envelope: raw.opened.envelope, sealed: "", apart: false }
        : decodeChecked(raw.seq, raw);
      if (this.#p.appender.partitionOf(closed.envelope.to) !== partition.number)
        throw new TypeError(`partition ${partition.number} is not that of its addressee`);
      return closed;
    } catch (error) {
      return error as Error;
    }
  }

  /**
   * What an earlier owner still wrote after its tenure counts like any other record: the first occurrence of an id does, and
   * this node comes to the same ids. One to which it does not come is a divergence.
   */
  #noteStale(partition: Partition, { seq, envelope }: ClosedRecord): void {
    const { epoch, head } = partition.tenure;
    if (envelope.epoch <= 0 || envelope.epoch >= epoch || seq <= head) return;
    // Answers and timers come from outside of the actor: they are right whoever wrote them, and may be the only ones.
    if (envelope.from.kind === "host" || envelope.type === ANSWER) return;
    // Records of other partitions' owners are judged by other tenures.
    if (this.#p.appender.partitionOf(authorityOf(envelope)) !== partition.number) return;
    this.counts.stale++;
    partition.stale.set(envelope.id, { seq, type: envelope.type, readAt: this.#p.clock.monotonic() });
  }
}
