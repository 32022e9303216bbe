/** Records as bytes: the clear envelope as JSON with the sealed part in base64 inside. */

import { formatAddress } from "../address.ts";
import { type Envelope, EnvelopeError, fromWire, toWire } from "../envelope.ts";
import type { JsonObject } from "../json.ts";
import { CHECKPOINT, HEADER_COVERS } from "./checkpoint.ts";
import type { KeyRing, Sealer } from "./sealer.ts";

export const HEADER_ID = "Nats-Msg-Id";
export const HEADER_TO = "Bw-To";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Binds the sealed part to its place: it opens nowhere else. */
function associated(id: string, to: string): string {
  return `${id} ${to}`;
}

export interface EncodedRecord {
  readonly payload: Uint8Array;
  readonly sealed: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Every record has a sealed part, if an empty one: so that destroying the key erases all that a subject did.
 * @param plain the record's data as JSON
 */
export function encodeRecord(envelope: Omit<Envelope, "data">, plain: string, sealer: Sealer): EncodedRecord {
  const to = formatAddress(envelope.to);
  const sealed = sealer.seal(encoder.encode(plain), associated(envelope.id, to)).toString("base64");
  return {
    sealed,
    payload: encoder.encode(JSON.stringify(toWire(envelope, sealed))),
    headers: {
      [HEADER_ID]: envelope.id,
      [HEADER_TO]: to,
      ...(envelope.type === CHECKPOINT ? { [HEADER_COVERS]: String(envelope.clear.covers) } : {}),
    },
  };
}

/** What a record is before its sealed part is opened. */
export interface ClosedRecord {
  readonly seq: number;
  readonly envelope: Omit<Envelope, "data">;
  readonly sealed: string;
  /** Of a checkpoint, where its headers were looked at: the last record that is in its state. */
  readonly covers?: number;
}

/** @throws EnvelopeError, AddressError, SyntaxError, TypeError (not UTF-8): the caller makes it a dead letter. */
export function decodeRecord(seq: number, payload: Uint8Array): ClosedRecord {
  const { envelope, sealed } = fromWire(JSON.parse(decoder.decode(payload)));
  if (sealed === undefined)
    throw new EnvelopeError("envelope.sealed is missing: every record has a sealed part");
  return { seq, envelope, sealed };
}

export type OpenResult =
  | { readonly ok: true; readonly data: JsonObject }
  /** The data subject's key was destroyed: the record is as good as gone. */
  | { readonly ok: false };

/** Opens the sealed part, from the cached key when there is one, so that the common case stays synchronous. */
export function openRecord(record: ClosedRecord, keys: KeyRing): OpenResult | Promise<OpenResult> {
  const key = record.envelope.to.key;
  const cached = keys.cached(key);
  if (cached) return { ok: true, data: openWith(record, cached) };
  return keys
    .sealer(key)
    .then((sealer): OpenResult => (sealer ? { ok: true, data: openWith(record, sealer) } : { ok: false }));
}

function openWith(record: ClosedRecord, sealer: Sealer): JsonObject {
  const { id, to } = record.envelope;
  const plain = sealer.open(Buffer.from(record.sealed, "base64"), associated(id, formatAddress(to)));
  return JSON.parse(decoder.decode(plain));
}
