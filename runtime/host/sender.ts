/**
 * Appends what the host writes until the log has acknowledged it.
 *
 * What one actor tells another goes one after the other: the second is not sent before the first is acknowledged, so
 * that a retry of the first can't be overtaken. Everything else is sent at once.
 */
import { type Address, formatAddress } from "../address.ts";
import type { Clock } from "../clock.ts";
import type { Envelope, NewRecord } from "../envelope.ts";
import { type Acknowledged, type Appender, RecordErasedError, RecordRefusedError } from "../log/appender.ts";
import type { NewDeadLetter } from "../log/dead-letters.ts";
import type { Partition } from "./partition.ts";

export interface SenderParts {
  readonly appender: Appender;
  readonly clock: Clock;
  /** The partition that gives the right to write a record; undefined when this node does not own it. */
  readonly authority: (record: NewRecord) => Partition | undefined;
  /** Keeps what the log refuses for good. */
  readonly bury: (original: Uint8Array, letter: Omit<NewDeadLetter, "original">) => Promise<void>;
}

export interface SendOptions {
  /** Keeps the order among records of the same sender and addressee. */
  readonly inOrder?: boolean;
  /** What the log refuses becomes a dead letter; false where nothing is lost without it, then it throws. Default true. */
  readonly keepsRefused?: boolean;
  /** Called at the first failed attempt; answers what to call when it was acknowledged after all. */
  readonly onFailure?: () => (() => void) | undefined;
}

/** Who has the right to write a record: its sender's owner, and of what the host itself writes to an actor that actor's. */
export function authorityOf({ from, to }: Pick<NewRecord, "from" | "to">): Address {
  return from.kind === "host" ? to : from;
}

/** The partition on whose behalf it would be written is another node's, or is about to be. */
export class NotOwnedError extends Error {
  override readonly name = "NotOwnedError";
}

export class Sender {
  readonly #p: SenderParts;
  readonly #lanes = new Map<string, Promise<unknown>>();
  #underWay = 0;

  constructor(parts: SenderParts) {
    this.#p = parts;
  }

  /** Records that are not acknowledged yet. */
  get underWay(): number {
    return this.#underWay;
  }

  /**
   * Answers once it is acknowledged; undefined when the log will never take it, which is a dead letter then.
   * @throws only when the partition's tenure is over or the host stops: the record will be written again by whoever folds
   * its cause again. RecordRefusedError, see `keepsRefused`.
   */
  async send(record: NewRecord, options: SendOptions = {}): Promise<Acknowledged | undefined> {
    this.#underWay++;
    try {
      if (!options.inOrder) return await this.#append(record, options);
      const lane = `${formatAddress(record.from)} ${formatAddress(record.to)}`;
      const before = this.#lanes.get(lane);
      // After a stop in front of it a record must not be written either.
      const mine = before ? before.then(() => this.#append(record, options)) : this.#append(record, options);
      this.#lanes.set(lane, mine);
      try {
        return await mine;
      } finally {
        if (this.#lanes.get(lane) === mine) this.#lanes.delete(lane);
      }
    } finally {
      this.#underWay--;
    }
  }

  async #append(
    record: NewRecord,
    { onFailure, keepsRefused = true }: SendOptions,
  ): Promise<Acknowledged | undefined> {
    const { appender, clock, authority, bury } = this.#p;
    const partition = authority(record);
    if (!partition)
      throw new NotOwnedError(`${record.type} would be written for a partition of another node`);
    const { tenure, ended } = partition;
    const envelope: Envelope = { clear: {}, data: {}, ...record, at: clock.now(), epoch: tenure.epoch };
    const may = (): void => {
      if (ended.aborted || !tenure.holds()) throw new NotOwnedError("its lease is over, or nearly");
    };
    let resume: (() => void) | undefined;
    let failed = false;
    try {
      const kept = await appender.appendUntilAcknowledged(
        envelope,
        ended,
        () => {
          if (!failed) resume = onFailure?.();
          failed = true;
        },
        may,
      );
      partition.stale.delete(record.id);
      return kept;
    } catch (error) {
      if (!(error instanceof RecordRefusedError)) throw error;
      // Nobody is left whom it concerns.
      if (error instanceof RecordErasedError) return undefined;
      if (!keepsRefused) throw error;
      await bury(new Uint8Array(), {
        recordId: record.id,
        to: formatAddress(record.to),
        type: record.type,
        attempts: 1,
        reason: error.message,
      });
      return undefined;
    } finally {
      resume?.();
    }
  }
}
