/**
 * What of a conversation crosses its boundary: what comes from and goes to customers, people, skills, models and timers. Everything
 * else is the desk's own business, and may be another in another release.
 */
import { type Address, formatAddress } from "../../runtime/address.ts";
import type { StoredRecord } from "../../runtime/envelope.ts";
import { askedIn } from "../../runtime/host/calls.ts";
import { ANSWER, TIMER } from "../../runtime/host/cell.ts";
import { QUARANTINED } from "../../runtime/host/definition.ts";
import { ASK } from "../../runtime/host/outbox.ts";
import { SKIPPED } from "../../runtime/host/quarantine.ts";
import { canonicalJson, hashJson, type Json } from "../../runtime/json.ts";
import { CHECKPOINT } from "../../runtime/log/checkpoint.ts";
import type { Recording } from "./recording.ts";

type Row = Pick<StoredRecord, "type" | "from" | "to" | "clear" | "data">;

/** What the engine keeps beside a conversation: it follows from it, or is nobody's. */
const OWN = new Set<string>([CHECKPOINT, SKIPPED, QUARANTINED]);

/**
 * - `own`: the engine's own, nothing that anybody said
 * - `desk`: from one of the conversation's own actors
 * - `answer`, `timer`: what came of what they asked for
 * - `input`: everything else from outside
 */
export type Side = "own" | "desk" | "answer" | "timer" | "input";

/** @param folded kinds of durable actors @param key that the conversation's actors share */
export function sideOf({ type, from, to }: Row, folded: ReadonlySet<string>, key: string): Side {
  if (OWN.has(type) || to.kind === "host") return "own";
  if (type === ANSWER) return "answer";
  if (type === TIMER) return "timer";
  return folded.has(from.kind) && from.key === key ? "desk" : "input";
}

/** Actors that have records, sorted by address. @param folded kinds of durable actors */
export function actorsOf(records: readonly Pick<Row, "to">[], folded: ReadonlySet<string>): Address[] {
  const actors = new Map(
    records.filter(({ to }) => folded.has(to.kind)).map(({ to }) => [formatAddress(to), to]),
  );
  return [...actors.keys()].sort().map((name) => actors.get(name)!);
}

/** Whether what an actor emitted leaves the desk: to the customer, or to a skill or model. */
export function leaves({ type, to }: Pick<Row, "type" | "to">): boolean {
  return to.kind === "channel" || type === ASK;
}

/** What of a record counts when two are compared: not ids, places and times, which are the engine's. */
export function contentOf({ type, to, clear, data }: Row): Json {
  if (type === ASK) {
    const { service, operation } = clear;
    return { call: `${service}.${operation}`, input: data.input ?? null };
  }
  // Which messages a reply answers is said by their ids, which are the same in both.
  return { type, to: to.kind, ...(clear as object), ...(data as object) } as Json;
}

/** The same of what crosses the boundary: what a read was asked with is kept with its answer. */
export function crossingOf(record: Row, side: Side): Json {
  if (side !== "answer") return contentOf(record);
  const { value = null, input = null } = record.data;
  return { answer: record.clear.ok === true, value, input } as Json;
}

export function sameContent(a: Row, b: Row): boolean {
  return canonicalJson(contentOf(a)) === canonicalJson(contentOf(b));
}

/** `[role, text]`, or of a call `["skill", name, arguments]`, in order. */
export function transcriptOf(records: readonly Row[]): Json[] {
  const said: Json[] = [];
  for (const r of records) {
    const { type, to, data } = r;
    if (type === "customer.message" && to.kind === "conversation") said.push(["customer", data.text ?? null]);
    else if (type === "reply" && to.kind === "channel")
      said.push([data.role === "human" ? "human" : "desk", data.text ?? null]);
    else {
      const asked = askedIn(r);
      if (asked) said.push(["skill", `${asked.service}.${asked.operation}`, data.input ?? null]);
    }
  }
  return said;
}

export function transcriptHash(records: readonly Row[]): string {
  return hashJson(transcriptOf(records));
}

/** In a few words, for whoever reads where two went apart. */
export function inWords(r: Row): string {
  const { type, to, clear, data } = r;
  const cut = (text: string): string => (text.length > 160 ? `${text.slice(0, 159)}…` : text);
  if (type === ASK) return cut(`asks ${clear.service}.${clear.operation} ${canonicalJson(data.input)}`);
  if (type === ANSWER) {
    const what = clear.service === undefined ? String(clear.name) : `${clear.service}.${clear.operation}`;
    return cut(`${what} answers ${clear.ok ? "" : "with an error "}${canonicalJson(data.value)}`);
  }
  if (type === TIMER) return `timer ${clear.timer}`;
  if (to.kind === "channel" && type === "reply") return cut(`says “${data.text}”`);
  if (type === "customer.message") return cut(`writes “${data.text}”`);
  return cut(`${type} to ${to.kind} ${canonicalJson({ ...clear, ...data })}`);
}

/**
 * A recording to be compared with another for which some services were really asked: what they answered does not count.
 * @param counts.live services that were really asked @param counts.inputs whether it counts what is asked with
 */
export function withoutAnswers(
  recording: Recording,
  counts: { readonly live: (service: string) => boolean; readonly inputs: boolean },
): Recording {
  const byId = new Map(recording.records.map((record) => [record.id, record]));
  const records = recording.records.map((record): StoredRecord => {
    const ask = record.type === ANSWER ? (byId.get(String(record.clear.ask)) ?? record) : record;
    const asked = askedIn(ask);
    if (!asked) return record;
    const { input, ...data } = record.data;
    const kept = counts.inputs && input !== undefined ? { ...data, input } : data;
    if (record.type !== ANSWER || !counts.live(asked.service)) return { ...record, data: kept };
    return { ...record, clear: { ...record.clear, ok: true }, data: { ...kept, value: null } };
  });
  return { ...recording, records };
}
