/**
 * Records as bytes: the clear envelope as JSON with the sealed part in base64 inside. The body is the sealed part, or where it is
 * large lies apart, and the sealed part is its name.
 */

import { formatAddress } from "../address.ts";
import { type Envelope, EnvelopeError, fromWire, toWire } from "../envelope.ts";
import type { JsonObject } from "../json.ts";
import { type ApartBody, type Bodies, BodyLostError } from "./bodies.ts";
import { CHECKPOINT, HEADER_COVERS } from "./checkpoint.ts";
import { type KeyRing, SealError, type Sealer } from "./sealer.ts";

export const HEADER_ID = "Nats-Msg-Id";
export const HEADER_TO = "Bw-To";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Binds the sealed part to its place: it opens nowhere else, nor a body as the name of one or the other way round. */
function associated(id: string, to: string, apart: boolean): string {
  return apart ? `${id} ${to} apart` : `${id} ${to}`;
}

/** Several records may share a body: it is bound to its data subject and its content. */
function bodyAssociated(key: string, name: string): string {
  return `body ${key} ${name}`;
}

export interface EncodedRecord {
  readonly payload: Uint8Array;
  readonly sealed: string;
  readonly headers: Readonly<Record<string, string>>;
  /** To be stored before the record is appended. */
  readonly body?: ApartBody;
}

/**
 * Every record has a sealed part, if an empty one: so that destroying the key erases all that a subject did.
 * @param plain the record's data as JSON
 * @param inlineBytes a body above it, UTF-8 bytes, lies apart
 */
export function encodeRecord(
  envelope: Omit<Envelope, "data">,
  plain: string,
  sealer: Sealer,
  inlineBytes = Number.POSITIVE_INFINITY,
): EncodedRecord {
  const to = formatAddress(envelope.to);
  const bytes = encoder.encode(plain);
  let body: ApartBody | undefined;
  if (bytes.byteLength > inlineBytes) {
    const name = sealer.name(bytes);
    body = { name, sealed: sealer.seal(bytes, bodyAssociated(envelope.to.key, name)) };
  }
  const inside = body ? encoder.encode(body.name) : bytes;
  const sealed = sealer.seal(inside, associated(envelope.id, to, body !== undefined)).toString("base64");
  return {
    sealed,
    payload: encoder.encode(JSON.stringify(toWire(envelope, sealed, body && true))),
    headers: {
      [HEADER_ID]: envelope.id,
      [HEADER_TO]: to,
      ...(envelope.type === CHECKPOINT ? { [HEADER_COVERS]: String(envelope.clear.covers) } : {}),
    },
    ...(body ? { body } : {}),
  };
}

/** What a record is before its sealed part is opened. */
export interface ClosedRecord {
  readonly seq: number;
  readonly envelope: Omit<Envelope, "data">;
  readonly sealed: string;
  /** Its body lies apart, and the sealed part is the name. */
  readonly apart: boolean;
  /** Of a checkpoint, where its headers were looked at: the last record that is in its state. */
  readonly covers?: number;
}

/** @throws EnvelopeError, AddressError, SyntaxError, TypeError (not UTF-8): the caller makes it a dead letter. */
export function decodeRecord(seq: number, payload: Uint8Array): ClosedRecord {
  const { envelope, sealed, apart } = fromWire(JSON.parse(decoder.decode(payload)));
  if (sealed === undefined)
    throw new EnvelopeError("envelope.sealed is missing: every record has a sealed part");
  return { seq, envelope, sealed, apart };
}

export type OpenResult =
  | { readonly ok: true; readonly data: JsonObject }
  /** The data subject's key was destroyed: the record is as good as gone. */
  | { readonly ok: false };

const ERASED: OpenResult = { ok: false };

/**
 * Opens the body, from the cached key when there is one and the body is in the record, so that the common case stays synchronous.
 * @throws SealError; BodyLostError; SyntaxError, TypeError when it is no JSON; BusError, JetStreamError
 */
export function openRecord(
  record: ClosedRecord,
  keys: KeyRing,
  bodies: Bodies,
): OpenResult | Promise<OpenResult> {
  const { key } = record.envelope.to;
  const open = (sealer: Sealer | undefined): OpenResult | Promise<OpenResult> => {
    if (!sealer) return ERASED;
    const plain = openSealed(record, sealer);
    if (record.apart) return openApart(record, decoder.decode(plain), sealer, keys, bodies);
    return { ok: true, data: JSON.parse(decoder.decode(plain)) };
  };
  const cached = keys.cached(key);
  return cached ? open(cached) : keys.sealer(key).then(open);
}

function openSealed({ envelope: { id, to }, sealed, apart }: ClosedRecord, sealer: Sealer): Buffer {
  return sealer.open(Buffer.from(sealed, "base64"), associated(id, formatAddress(to), apart));
}

async function openApart(
  { envelope, seq }: ClosedRecord,
  name: string,
  sealer: Sealer,
  keys: KeyRing,
  bodies: Bodies,
): Promise<OpenResult> {
  const { key } = envelope.to;
  const lost = (what: "missing" | "damaged", options?: ErrorOptions) =>
    new BodyLostError({ ...envelope, seq, data: {} }, what, bodies.stream, options);
  const sealed = await bodies.get(key, name);
  if (!sealed) {
    // Bodies of an erased data subject are deleted.
    if (await keys.isDestroyed(key)) return ERASED;
    throw lost("missing");
  }
  try {
    const plain = sealer.open(sealed, bodyAssociated(key, name));
    return { ok: true, data: JSON.parse(decoder.decode(plain)) };
  } catch (error) {
    throw error instanceof SealError ? lost("damaged", { cause: error }) : error;
  }
}
