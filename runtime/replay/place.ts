/** Where the records of a log lie whose order somebody else decides. */
import type { Bus } from "../bus/bus.ts";
import type { Envelope } from "../envelope.ts";
import type { EncodedRecord } from "../log/codec.ts";
import type { OpenedRecord } from "../log/reader.ts";

export interface PlacedRecord {
  readonly seq: number;
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  /** ms since the epoch. */
  readonly takenAt: number;
  /** Where it lies in memory. */
  readonly opened?: OpenedRecord;
}

export interface NewPlaced {
  readonly subject: string;
  readonly envelope: Envelope;
  /** Its data as JSON. */
  readonly plain: string;
  /** A record as bytes. */
  readonly encode: (envelope: Envelope) => EncodedRecord;
}

export interface LogPlace {
  /** For reading a record again, and for dead letters. */
  readonly bus: Bus;
  /** Last sequence; 0 while it is empty. */
  readonly head: number;
  /** Puts a record at the end, and answers it as it is read from there. */
  append(record: NewPlaced): PlacedRecord | Promise<PlacedRecord>;
  at(seq: number): PlacedRecord | Promise<PlacedRecord>;
}
