/** A conversation as a recording, over HTTP. */
import { z } from "zod";
import type { Engine } from "../../runtime/engine.ts";
import { type AnyRoute, notFound, route } from "../../runtime/gateway/index.ts";
import { type RecordedDesk, recordingOf } from "./make.ts";
import { linesOf } from "./recording.ts";
import { redact } from "./redact.ts";

export interface RecordingRoutesOptions {
  readonly engine: Engine;
  readonly desk: RecordedDesk;
  /** Told of each that leaves the desk with what people wrote. */
  readonly onRaw: (conversation: string) => void;
}

export function recordingRoutes({ engine, desk, onRaw }: RecordingRoutesOptions): AnyRoute[] {
  return [
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
