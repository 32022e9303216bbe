/** One record by its sequence. */

import { formatAddress } from "../address.ts";
import type { Bus } from "../bus/bus.ts";
import { BusError } from "../bus/errors.ts";
import type { StoredRecord } from "../envelope.ts";
import { type Bodies, BodyLostError } from "./bodies.ts";
import { coversOf, HEADER_COVERS } from "./checkpoint.ts";
import { type ClosedRecord, decodeRecord, HEADER_ID, HEADER_TO, openRecord } from "./codec.ts";
import type { KeyRing } from "./sealer.ts";
import { JetStreamError, messageAt } from "./stream.ts";

/** Whether trying again may help: the log or the bucket of keys could not be reached. */
export function isPassing(error: unknown): boolean {
  return error instanceof BusError || error instanceof JetStreamError;
}

/**
 * Decodes a record and holds it against its headers, which are all that the index goes by: a record that says one
 * thing there and another inside would be folded live and missing ever after.
 *
 * @throws EnvelopeError, AddressError, SyntaxError, TypeError: the caller makes it a dead letter.
 */
export function decodeChecked(
  seq: number,
  message: { readonly data: Uint8Array; header(name: string): string | undefined },
): ClosedRecord {
  const closed = decodeRecord(seq, message.data);
  const id = message.header(HEADER_ID);
  const to = message.header(HEADER_TO);
  if (id !== undefined && id !== closed.envelope.id)
    throw new TypeError(`header ${HEADER_ID} differs from the envelope's id`);
  if (to !== undefined && to !== formatAddress(closed.envelope.to))
    throw new TypeError(`header ${HEADER_TO} differs from the envelope's addressee`);
  const covers = message.header(HEADER_COVERS);
  if (covers === undefined) return closed;
  if (covers !== String(closed.envelope.clear.covers))
    throw new TypeError(`header ${HEADER_COVERS} differs from what the envelope covers`);
  return { ...closed, covers: coversOf(covers) };
}

/** What it takes to read a record. */
export interface LogSource {
  readonly bus: Bus;
  /** The log. */
  readonly stream: string;
  readonly keys: KeyRing;
  readonly bodies: Bodies;
}

/**
 * Undefined when nobody can read it: it is gone, it is malformed (and a dead letter therefore), or its data subject was
 * erased. @throws BusError, JetStreamError when the log can't be reached; BodyLostError
 */
export async function readRecord(
  { bus, stream, keys, bodies }: LogSource,
  seq: number,
): Promise<StoredRecord | undefined> {
  const message = await messageAt(bus, stream, seq);
  if (!message) return undefined;
  try {
    const closed = decodeChecked(seq, message);
    const opened = await openRecord(closed, keys, bodies);
    return opened.ok ? { ...closed.envelope, seq, data: opened.data } : undefined;
  } catch (error) {
    if (isPassing(error) || error instanceof BodyLostError) throw error;
    return undefined;
  }
}
