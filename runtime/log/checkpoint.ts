/**
 * Checkpoint records: a record in an actor's own log that carries the actor's state, so that its fold can begin there and
 * what lies before can leave the log. The state is sealed like everything else; a header says up to where it reaches, so that
 * the index knows it without opening it.
 */
import { type Address, formatAddress } from "../address.ts";
import type { JsonObject } from "../json.ts";

/** Type of the record. Its clear part is a `CheckpointClear`, its sealed part `{state}`. */
export const CHECKPOINT = "host.checkpoint";
/** Header: the last record that the state has folded. */
export const HEADER_COVERS = "Bw-Covers";

export interface CheckpointClear extends JsonObject {
  /** Every record of the actor up to this sequence is in the state, and what it led to is in the log. */
  readonly covers: number;
  /** Sequence of the first record that the actor ever folded. */
  readonly first: number;
  /** Version of the machine that the state is of. */
  readonly version: number;
  /** The actor was in another version before: every fold has to begin here or later. */
  readonly anew: boolean;
}

/** What a checkpoint covers, from its header; undefined for any other record. */
export function coversOf(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const covers = Number(header);
  return Number.isSafeInteger(covers) && covers > 0 ? covers : undefined;
}

/** The records of an actor have left the log: it was closed for longer than `retention.logMs`. Trying again does not help. */
export class LeftLogError extends Error {
  override readonly name = "LeftLogError";
  constructor(to: Address) {
    super(`${formatAddress(to)} was closed a long time ago, and its records have left the log`);
  }
}
