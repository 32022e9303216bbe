/** The trace of a conversation: each record with who sent it, why, how long it waited and how long it took. */
import { z } from "zod";
import { formatAddress } from "../../runtime/address.ts";
import type { Engine } from "../../runtime/engine.ts";
import type { StoredRecord } from "../../runtime/envelope.ts";
import { type AnyRoute, notFound, route } from "../../runtime/gateway/index.ts";
import type { JsonObject } from "../../runtime/json.ts";

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
   * before was not yet. From the records' times alone, so it is at most this long.
   */
  readonly queueWaitMs?: number;
  /** From when the actor was free for the cause until this was appended, ms; for an answer, since its ask. */
  readonly durationMs?: number;
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
    if (r.cause === undefined || r.from.kind === "service") continue;
    const who = formatAddress(r.from);
    let list = effects.get(who);
    if (!list) {
      list = [];
      effects.set(who, list);
    }
    list.push({ cause: r.cause, at: r.at });
  }
  return records.map((r) => {
    const cause = r.cause === undefined ? undefined : byId.get(r.cause);
    let queueWaitMs: number | undefined;
    let durationMs: number | undefined;
    if (cause && r.from.kind === "service") durationMs = Math.max(0, r.at - cause.at);
    else if (cause) {
      const earlier = (effects.get(formatAddress(r.from)) ?? []).filter((e) => {
        const other = byId.get(e.cause);
        return other !== undefined && other.seq < cause.seq && e.at > cause.at && e.at <= r.at;
      });
      const free = Math.max(cause.at, ...earlier.map((e) => e.at));
      queueWaitMs = free - cause.at;
      durationMs = Math.max(0, r.at - free);
    }
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
      what: inWords(r),
      clear: r.clear,
      ...(withData ? { data: r.data } : {}),
    };
  });
}

function inWords(r: StoredRecord): string | undefined {
  const { service, operation, name, ok, timer } = r.clear;
  if (typeof service === "string") return `${name}: ${service}.${String(operation)}`;
  if (typeof ok === "boolean") {
    const value = r.data.value as { code?: unknown } | undefined;
    return ok ? `${String(name)}: done` : `${String(name)}: failed (${String(value?.code ?? "?")})`;
  }
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
        const records = await engine.recordsOfKey(params.id!);
        if (!records.some((r) => r.to.kind === "conversation")) {
          throw notFound("conversation", params.id!, "`bin/bailiwick status` lists the latest ones.");
        }
        return { body: { conversationId: params.id, records: traceOf(records, query.data === "true") } };
      },
    }),
  ];
}
