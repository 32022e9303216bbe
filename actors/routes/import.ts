/**
 * Records into the embedded back office of a running desk, in portions: each portion names the load that the first one
 * began, the last one makes all of them visible at once. The other side is `adminTarget`.
 */
import { z } from "zod";
import { type AnyRoute, notFound, ProblemError, route } from "../../runtime/gateway/index.ts";
import { newId } from "../../runtime/ids.ts";
import type { JsonObject } from "../../runtime/json.ts";
import { type BackOffice, type Settings, settingsSchema } from "../skills/backoffice/index.ts";
import { IMPORT_PATH, type ImportLoad, storeTarget } from "../skills/import/index.ts";
import { shaped } from "../skills/import/shape.ts";

/** A load that nobody went on with for so long is forgotten, ms. */
const ABANDONED_MS = 10 * 60_000;
const MAX_LOADS = 16;
const BODY_BYTES = 16 * 1024 * 1024;

/** Only what is given: a default would overwrite what the dataset has. */
const settings = z.record(z.string(), z.unknown()).transform((given, context): Partial<Settings> => {
  const parsed = settingsSchema.safeParse(given);
  if (parsed.success) {
    return Object.fromEntries(Object.entries(parsed.data).filter(([key]) => Object.hasOwn(given, key)));
  }
  for (const issue of parsed.error.issues) {
    context.addIssue({ code: "custom", path: [...issue.path], message: issue.message });
  }
  return z.NEVER;
});

const body = z.strictObject({
  dataset: z.string().regex(/^[A-Za-z0-9_-]{1,32}$/, "is 1 to 32 letters, digits, _ or -"),
  load: z.string().optional(),
  records: z
    .array(
      z.strictObject({
        collection: z.string().regex(/^[a-z][a-z0-9_-]{0,31}$/, "is a word of small letters"),
        record: z.record(z.string(), z.unknown()),
      }),
    )
    .max(5_000),
  /** Makes everything visible. */
  last: z.boolean().default(false),
  settings: settings.optional(),
});

interface OpenLoad {
  readonly dataset: string;
  readonly load: ImportLoad;
  records: number;
  timer: NodeJS.Timeout;
}

export function importRoutes(office: BackOffice): AnyRoute[] {
  const target = storeTarget(office);
  const loads = new Map<string, OpenLoad>();
  const forget = async (id: string): Promise<void> => {
    const open = loads.get(id);
    if (!open) return;
    loads.delete(id);
    clearTimeout(open.timer);
    await open.load.discard();
  };
  const watch = (id: string): NodeJS.Timeout =>
    // The office may be closed by then; what was staged is dropped when it opens again.
    setTimeout(() => void forget(id).catch(() => {}), ABANDONED_MS).unref();
  const begin = async (dataset: string): Promise<string> => {
    if (loads.size >= MAX_LOADS) {
      throw new ProblemError(
        429,
        "Too many requests",
        `${MAX_LOADS} imports are under way: try again later.`,
        {
          headers: { "retry-after": "10" },
        },
      );
    }
    const id = newId();
    loads.set(id, { dataset, load: await target.begin(dataset), records: 0, timer: watch(id) });
    return id;
  };

  return [
    route({
      method: "POST",
      path: IMPORT_PATH,
      auth: "admin",
      tag: "operations",
      summary: "Loads records into a dataset of the embedded back office, in portions, all of them or none",
      body,
      bodyLimit: BODY_BYTES,
      response: z.object({ load: z.string(), records: z.int() }),
      handler: async ({ body: b }) => {
        const known = b.load === undefined ? undefined : loads.get(b.load);
        if (b.load !== undefined && !known) throw notFound("import", b.load, "Begin again without `load`.");
        if (known && known.dataset !== b.dataset) {
          throw new ProblemError(409, "Conflict", `dataset: this import goes into ${known.dataset}.`, {
            errors: [{ field: "dataset", detail: "is not that of the import" }],
          });
        }
        const ready = b.records.map(({ collection, record }, i) => {
          const result = shaped(collection, record as JsonObject);
          if ("record" in result) return { collection, record: result.record };
          const field = `records.${i}.record.${result.problem.field}`;
          throw new ProblemError(400, "Invalid request", `${field}: ${result.problem.message}`, {
            errors: [{ field, detail: result.problem.message }],
          });
        });
        const id = b.load ?? (await begin(b.dataset));
        const open = loads.get(id)!;
        clearTimeout(open.timer);
        try {
          for (const { collection, record } of ready) await open.load.put(collection, record);
          open.records += ready.length;
          if (!b.last) {
            open.timer = watch(id);
            return { body: { load: id, records: open.records } };
          }
          const records = await open.load.commit(b.settings);
          loads.delete(id);
          return { body: { load: id, records } };
        } catch (error) {
          await forget(id).catch(() => {});
          throw error;
        }
      },
    }),
    route({
      method: "DELETE",
      path: `${IMPORT_PATH}/:load`,
      auth: "admin",
      tag: "operations",
      summary: "Forgets an import that is under way",
      handler: async ({ params }) => {
        if (!loads.has(params.load!)) throw notFound("import", params.load!);
        await forget(params.load!);
        return { body: { load: params.load, forgotten: true } };
      },
    }),
  ];
}
