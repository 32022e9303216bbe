/** Conversations as recordings, over HTTP: one, and which there are. */
import { z } from "zod";
import type { Engine } from "../../runtime/engine.ts";
import { type AnyRoute, notFound, route } from "../../runtime/gateway/index.ts";
import { type FacetFilter, facetsOf, matches } from "./facets.ts";
import { isWhole, type RecordedDesk, recordingOf } from "./make.ts";
import { linesOf } from "./recording.ts";
import { redact } from "./redact.ts";

export interface RecordingRoutesOptions {
  readonly engine: Engine;
  readonly desk: RecordedDesk;
  /** Told of each that leaves the desk with what people wrote. */
  readonly onRaw: (conversation: string) => void;
}

const word = z.string().min(1).max(128);
const listQuery = z.strictObject({
  outcome: z.enum(["resolved", "handed_off", "abandoned"]).optional(),
  intent: word.optional(),
  reason: word.optional(),
  channel: word.optional(),
  arm: z
    .string()
    .regex(/^[^=]{1,64}=[^=]{1,64}$/, "is no <experiment>=<arm>")
    .optional(),
  since: z.iso.datetime({ offset: true }).optional(),
  until: z.iso.datetime({ offset: true }).optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  among: z.coerce.number().int().min(1).max(100_000).default(10_000),
});
const listed = z.object({
  id: z.string(),
  startedAt: z.iso.datetime(),
  channel: z.string(),
  arms: z.array(z.string()).readonly(),
  intents: z.array(z.string()).readonly(),
  reasons: z.array(z.string()).readonly(),
  outcome: z.string().nullable(),
});

export function recordingRoutes({ engine, desk, onRaw }: RecordingRoutesOptions): AnyRoute[] {
  return [
    route({
      method: "GET",
      path: "/v1/admin/recordings",
      auth: "admin",
      tag: "operations",
      summary:
        "Conversations that can be recorded, of the latest `among`: at most `limit` of those that are like this",
      query: listQuery,
      response: z.object({ conversations: z.array(listed), examined: z.number(), cutOff: z.number() }),
      handler: async ({ query: { since, until, limit, among, ...like } }) => {
        const time = (text: string | undefined) => (text === undefined ? undefined : Date.parse(text));
        const filter: FacetFilter = { ...like, since: time(since), until: time(until) };
        const conversations: z.output<typeof listed>[] = [];
        let examined = 0;
        let cutOff = 0;
        for (const { key } of await engine.latest("conversation", among)) {
          if (conversations.length === limit) break;
          const records = await engine.recordsOfKey(key);
          // Those after it had their last record even earlier, and so began before.
          if (filter.since !== undefined && (records.at(-1)?.at ?? 0) < filter.since) break;
          examined++;
          if (!isWhole(records)) {
            cutOff++;
            continue;
          }
          const facets = facetsOf(records);
          if (!matches(facets, filter)) continue;
          const startedAt = new Date(facets.startedAt).toISOString();
          conversations.push({ id: key, ...facets, startedAt, outcome: facets.outcome ?? null });
        }
        return { body: { conversations, examined, cutOff } };
      },
    }),
    route({
      method: "GET",
      path: "/v1/admin/conversations/:id/recording",
      auth: "admin",
      tag: "operations",
      summary:
        "All records of a conversation, to be replayed; names and numbers of people are replaced unless raw",
      query: z.strictObject({ raw: z.enum(["true", "false"]).default("false") }),
      response: z.object({ lines: z.array(z.string()) }),
      handler: async ({ params, query }) => {
        const id = params.id!;
        const records = await engine.recordsOfKey(id);
        if (!records.some(({ to }) => to.kind === "conversation"))
          throw notFound("conversation", id, "`bin/bailiwick status` lists the latest ones.");
        const recording = recordingOf(id, records, desk);
        const raw = query.raw === "true";
        if (raw) onRaw(id);
        return { body: { lines: linesOf(raw ? recording : redact(recording)) } };
      },
    }),
  ];
}
