/**
 * The language of maps: how the files of another system become records of the back office. `docs/import.md` explains
 * it with examples; this is its schema.
 */
import { z } from "zod";
import { COLLECTIONS, someSettingsSchema } from "../backoffice/index.ts";

/** `a.b.0.c` from the record (or, inside of `each`, from the element); `$key` is its key, `$record.a` the whole record's. */
const path = z
  .string()
  .regex(/^(\$key|(\$record\.)?[^.\s][^.]*(\.[^.]+)*)$/, "must be a path such as name.first_name, or $key");

/** What may be done to a value, in this order. */
const transforms = {
  /** Takes this text off its beginning. */
  strip: z.string().min(1).optional(),
  trim: z.literal(true).optional(),
  lower: z.literal(true).optional(),
  upper: z.literal(true).optional(),
  /** Replaces whole values; a value that is not listed is an error, unless there is `else`. */
  values: z.record(z.string(), z.json()).optional(),
  else: z.json().optional(),
  /** Text to number, `1.234,50` with `decimal: ","`. */
  number: z.union([z.literal(true), z.strictObject({ decimal: z.enum([".", ","]) })]).optional(),
  /** ISO text, or seconds or milliseconds since 1970, to ISO text in UTC. */
  date: z.union([z.literal(true), z.enum(["iso", "s", "ms"])]).optional(),
  /** Number or yes/no to text. */
  text: z.literal(true).optional(),
  /** Used when there is nothing (before the transforms). */
  default: z.json().optional(),
};

export type Expression =
  | string
  | { value: z.infer<ReturnType<typeof z.json>> }
  | ({ from: string } & Transforms)
  | { template: string }
  | { fields: Record<string, Expression>; from?: string }
  | {
      each: string;
      fields?: Record<string, Expression>;
      take?: Expression;
      flat?: true;
      where?: Record<string, unknown>;
    }
  | { sum: string; of: string }
  | { case: string; of: Record<string, Expression>; else?: Expression };
export type Transforms = { [K in keyof typeof transforms]?: z.infer<(typeof transforms)[K]> };

const expression: z.ZodType<Expression> = z.lazy(() =>
  z.union([
    path,
    z.strictObject({ value: z.json() }),
    z.strictObject({ from: path, ...transforms }),
    /** `{brand} ending {last_four}` */
    z.strictObject({ template: z.string().min(1) }),
    z.strictObject({ fields: z.record(z.string(), expression), from: path.optional() }),
    /** The elements of a list, or the values of an object: one result each. */
    z
      .strictObject({
        each: path,
        fields: z.record(z.string(), expression).optional(),
        take: expression.optional(),
        /** A result that is a list adds its elements. */
        flat: z.literal(true).optional(),
        /** Only elements with these values. */
        where: z.record(path, z.json()).optional(),
      })
      .refine((e) => (e.fields === undefined) !== (e.take === undefined), "each needs either fields or take"),
    /** Total of a member of a list, rounded to cents. */
    z.strictObject({ sum: path, of: path }),
    z.strictObject({ case: path, of: z.record(z.string(), expression), else: expression.optional() }),
  ]),
) as z.ZodType<Expression>;

export const mapSchema = z.strictObject({
  /** Version of the language. */
  map: z.literal(1),
  name: z.string().regex(/^[a-z0-9][a-z0-9-]*$/),
  description: z.string().min(1),
  settings: someSettingsSchema.optional(),
  files: z
    .array(
      z.strictObject({
        /** Base name of the file, with `*` for anything: `orders*.json`. */
        file: z.string().min(1),
        /** Members that every record of such a file has: by them the map is recognised. */
        signature: z.array(z.string()).min(1),
        into: z.enum(Object.keys(COLLECTIONS) as [keyof typeof COLLECTIONS]),
        fields: z.record(z.string(), expression),
      }),
    )
    .min(1),
});

export type ImportMap = z.infer<typeof mapSchema>;
export type FileMap = ImportMap["files"][number];
