/**
 * The envelope: what travels between actors and what the log keeps.
 *
 * `clear` holds generated ids and type words only. Everything that a person said or that names a person is in `data`,
 * which is sealed under the data subject's key wherever it is written down.
 */
import { type Address, formatAddress, parseAddress } from "./address.ts";
import type { JsonObject } from "./json.ts";

export interface Envelope {
  /** Unique; the first occurrence in the log wins. */
  readonly id: string;
  readonly type: string;
  readonly from: Address;
  readonly to: Address;
  /** The writer's wall clock when it was appended, ms since the epoch: the record's log time. */
  readonly at: number;
  /** Id of the record that led to this one. */
  readonly cause?: string;
  /** Id of the first record of the chain; for tracing only. */
  readonly correlation?: string;
  /** W3C trace context. */
  readonly traceparent?: string;
  /** Epoch of the lease under which the writer wrote; 0 for gateways. */
  readonly epoch: number;
  /** Version of its addressee's machine that was current when it was written; 1 where it does not say. */
  readonly machine?: number;
  readonly clear: JsonObject;
  readonly data: JsonObject;
}

/** An envelope as read back from the log. */
export interface StoredRecord extends Envelope {
  /** Position in the log of the workspace, from 1. */
  readonly seq: number;
}

/** What somebody outside hands in; the rest is filled in on append. */
export interface NewRecord {
  readonly id: string;
  readonly type: string;
  readonly from: Address;
  readonly to: Address;
  readonly cause?: string;
  readonly correlation?: string;
  readonly traceparent?: string;
  readonly clear?: JsonObject;
  readonly data?: JsonObject;
}

export class EnvelopeError extends Error {
  override readonly name = "EnvelopeError";
}

/** The envelope as JSON, with addresses as text; the sealed part is handled by the codec of the log. */
export interface WireEnvelope {
  readonly v: 1;
  readonly id: string;
  readonly type: string;
  readonly from: string;
  readonly to: string;
  readonly at: number;
  readonly cause?: string;
  readonly correlation?: string;
  readonly traceparent?: string;
  readonly epoch: number;
  readonly machine?: number;
  readonly clear: JsonObject;
  /** Base64 of nonce, ciphertext and tag; absent when there is no sealed part. */
  readonly sealed?: string;
  /** The body lies apart, and the sealed part is its name. */
  readonly apart?: true;
}

export function toWire(e: Omit<Envelope, "data">, sealed: string | undefined, apart?: true): WireEnvelope {
  return {
    v: 1,
    id: e.id,
    type: e.type,
    from: formatAddress(e.from),
    to: formatAddress(e.to),
    at: e.at,
    cause: e.cause,
    correlation: e.correlation,
    traceparent: e.traceparent,
    epoch: e.epoch,
    machine: e.machine,
    clear: e.clear,
    sealed,
    apart,
  };
}

const ID = /^[A-Za-z0-9_-]{1,128}$/;
const TYPE = /^[a-z][A-Za-z0-9._-]{0,127}$/;

/** Whether a word can be the type of a record. */
export function isTypeWord(word: unknown): boolean {
  return typeof word === "string" && TYPE.test(word);
}

/** Validates what came over the wire. A foreign client may have written anything. */
export function fromWire(value: unknown): {
  envelope: Omit<Envelope, "data">;
  sealed?: string;
  apart: boolean;
} {
  if (typeof value !== "object" || value === null) throw new EnvelopeError("envelope is not an object");
  const w = value as Record<string, unknown>;
  const fail = (field: string, want: string): never => {
    throw new EnvelopeError(`envelope.${field} is not ${want}: ${JSON.stringify(w[field])?.slice(0, 80)}`);
  };
  const text = (field: string): string | undefined => {
    const v = w[field];
    return v === undefined ? undefined : typeof v === "string" ? v : fail(field, "text");
  };
  if (w.v !== 1) fail("v", "1 (the version of the format)");
  if (typeof w.id !== "string" || !ID.test(w.id)) fail("id", "an id");
  if (typeof w.type !== "string" || !TYPE.test(w.type)) fail("type", "a type word");
  if (typeof w.at !== "number" || !Number.isFinite(w.at)) fail("at", "a time in ms");
  if (typeof w.epoch !== "number" || !Number.isInteger(w.epoch)) fail("epoch", "an integer");
  if (w.machine !== undefined && !(Number.isSafeInteger(w.machine) && Number(w.machine) > 0))
    fail("machine", "a version from 1");
  if (typeof w.clear !== "object" || w.clear === null || Array.isArray(w.clear)) fail("clear", "an object");
  if (w.apart !== undefined && w.apart !== true) fail("apart", "true, or not there");
  return {
    envelope: {
      id: w.id as string,
      type: w.type as string,
      from: parseAddress(String(w.from)),
      to: parseAddress(String(w.to)),
      at: w.at as number,
      cause: text("cause"),
      correlation: text("correlation"),
      traceparent: text("traceparent"),
      epoch: w.epoch as number,
      ...(w.machine === undefined ? {} : { machine: w.machine as number }),
      clear: w.clear as JsonObject,
    },
    sealed: text("sealed"),
    apart: w.apart === true,
  };
}
