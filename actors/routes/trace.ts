/** The trace of a conversation: each record with who sent it, why, how long it waited and how long it took. */
import { z } from "zod";
import { address, formatAddress } from "../../runtime/address.ts";
import type { Engine } from "../../runtime/engine.ts";
import type { StoredRecord } from "../../runtime/envelope.ts";
import { type AnyRoute, notFound, route } from "../../runtime/gateway/index.ts";
import { askedAt, askedIn } from "../../runtime/host/calls.ts";
import type { JsonObject } from "../../runtime/json.ts";
import { LeftLogError } from "../../runtime/log/checkpoint.ts";

export interface TraceRow {
  readonly seq: number;
  readonly at: string;
  readonly id: string;
  readonly type: string;
  readonly from: string;
  readonly to: string;
  /** Why: the record that led to this one. */
  readonly cause?: { readonly id: string; readonly seq?: number; readonly type?: string };
  /**
   * How long the cause waited until its actor was free, ms: it was appended, but what the actor did for its record
   * before was not yet. From the records' times alone, so it is at most this long. For the answer to a read: until it was
   * asked.
   */
  readonly queueWaitMs?: number;
  /** From when the actor was free for the cause until this was appended, ms; for an answer, since it was asked. */
  readonly durationMs?: number;
  /** What of that a model server took, ms. */
  readonly modelMs?: number;
  /** In a few words: which operation was asked, with what result. */
  readonly what?: string;
  readonly clear: JsonObject;
  /** Present when asked for; holds what people wrote. */
  readonly data?: JsonObject;
}

/** @param withData adds the opened sealed parts. */
export function traceOf(records: readonly StoredRecord[], withData = false): TraceRow[] {
  const byId = new Map(records.map((r) => [r.id, r]));
  /** When each actor was last busy with a record other than the given one. */
  const effects = new Map<string, { cause: string; at: number }[]>();
  for (const r of records) {
    const did = done(r);
    if (!did) continue;
    let list = effects.get(did.who);
    if (!list) {
      list = [];
      effects.set(did.who, list);
    }
    list.push(did);
  }
  return records.map((r) => {
    const cause = r.cause === undefined ? undefined : byId.get(r.cause);
    let queueWaitMs: number | undefined;
    let durationMs: number | undefined;
    const did = done(r);
    if (cause && did) {
      const earlier = (effects.get(did.who) ?? []).filter((e) => {
        const other = byId.get(e.cause);
        return other !== undefined && other.seq < cause.seq && e.at > cause.at && e.at <= did.at;
      });
      const free = Math.max(cause.at, ...earlier.map((e) => e.at));
      queueWaitMs = free - cause.at;
      durationMs = Math.max(0, did.at - free);
    }
    const asked = askedAt(r) ?? cause?.at;
    if (r.from.kind === "service" && asked !== undefined) durationMs = Math.max(0, r.at - asked);
    return {
      seq: r.seq,
      at: new Date(r.at).toISOString(),
      id: r.id,
      type: r.type,
      from: formatAddress(r.from),
      to: formatAddress(r.to),
      ...(r.cause === undefined
        ? {}
        : { cause: { id: r.cause, ...(cause ? { seq: cause.seq, type: cause.type } : {}) } }),
      ...(queueWaitMs === undefined ? {} : { queueWaitMs }),
      ...(durationMs === undefined ? {} : { durationMs }),
      ...modelMsOf(r),
      what: inWords(r),
      clear: r.clear,
      ...(withData ? { data: r.data } : {}),
    };
  });
}

function modelMsOf({ from, data }: StoredRecord): { modelMs?: number } {
  if (from.kind !== "service") return {};
  const { modelMs } = (data.value ?? {}) as { modelMs?: unknown };
  return typeof modelMs === "number" ? { modelMs } : {};
}

/** What an actor did for a record, and when: appended another, or asked for a read. */
function done(r: StoredRecord): { who: string; cause: string; at: number } | undefined {
  if (r.cause === undefined) return undefined;
  const asked = askedAt(r);
  if (asked !== undefined) return { who: formatAddress(r.to), cause: r.cause, at: asked };
  return r.from.kind === "service" ? undefined : { who: formatAddress(r.from), cause: r.cause, at: r.at };
}

function inWords(r: StoredRecord): string | undefined {
  const { name, ok, timer } = r.clear;
  const asked = askedIn(r);
  const what = asked ? `${name}: ${asked.service}.${asked.operation}` : `${name}:`;
  if (typeof ok === "boolean") {
    const value = r.data.value as { code?: unknown } | undefined;
    return ok ? `${what} done` : `${what} failed (${String(value?.code ?? "?")})`;
  }
  if (asked) return what;
  if (typeof timer === "string") return timer;
  return undefined;
}

export function traceRoutes(engine: Engine): AnyRoute[] {
  return [
    route({
      method: "GET",
      path: "/v1/admin/conversations/:id/trace",
      auth: "admin",
      tag: "operations",
      summary: "Each record of a conversation: who sent it, why, queue wait, how long it took",
      query: z.strictObject({ data: z.enum(["true", "false"]).default("false") }),
      handler: async ({ params, query }) => {
        const id = params.id!;
        const records = await engine.recordsOfKey(id);
        const left = await engine.leftOfKey(id);
        if (!records.some((r) => r.to.kind === "conversation")) {
          if (left > 0) throw new LeftLogError(address("conversation", id));
          throw notFound("conversation", id, "`bin/bailiwick status` lists the latest ones.");
        }
        return {
          body: {
            conversationId: id,
            records: traceOf(records, query.data === "true"),
            ...(left > 0 ? { leftUpTo: left } : {}),
          },
        };
      },
    }),
  ];
}
