/** Where the records of a log lie whose order somebody else decides. */
import type { Bus } from "../bus/bus.ts";

export interface PlacedRecord {
  readonly seq: number;
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  /** ms since the epoch. */
  readonly takenAt: number;
}

export interface LogPlace {
  /** For reading a record again, and for dead letters. */
  readonly bus: Bus;
  /** Last sequence; 0 while it is empty. */
  readonly head: number;
  /** Puts a record at the end, and answers it as it is read from there. */
  append(record: Omit<PlacedRecord, "seq">): PlacedRecord | Promise<PlacedRecord>;
  at(seq: number): PlacedRecord | Promise<PlacedRecord>;
}
