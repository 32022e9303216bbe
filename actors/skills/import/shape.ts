/** Bringing a record into the shape of its collection, or saying what is wrong with it. */
import type { z } from "zod";
import type { JsonObject } from "../../../runtime/json.ts";
import { COLLECTIONS, type CollectionName } from "../backoffice/index.ts";

export const isKnown = (collection: string): collection is CollectionName =>
  Object.hasOwn(COLLECTIONS, collection);

export interface Problem {
  readonly field: string;
  readonly message: string;
}

/** The record as it is stored, or what is wrong. Collections of unknown shape take anything with an id. */
export function shaped(
  collection: string,
  record: JsonObject,
  options: { fromText?: boolean } = {},
): { record: JsonObject } | { problem: Problem } {
  if (typeof record.id !== "string" || record.id === "") {
    return {
      problem: { field: "id", message: "is missing: name the field that identifies a record with --key" },
    };
  }
  if (!isKnown(collection)) return { record };
  const schema: z.ZodType = COLLECTIONS[collection];
  let parsed = schema.safeParse(record);
  if (!parsed.success && options.fromText) parsed = schema.safeParse(fromText(record, parsed.error.issues));
  if (parsed.success) return { record: parsed.data as JsonObject };
  const issue = parsed.error.issues[0]!;
  return { problem: { field: issue.path.map(String).join(".") || "the record", message: issue.message } };
}

/** In CSV everything is text: what should be a number or yes/no is made one where that is certain. */
function fromText(record: JsonObject, issues: readonly z.core.$ZodIssue[]): JsonObject {
  const copy = structuredClone(record) as Record<string, unknown>;
  for (const issue of issues) {
    if (issue.code !== "invalid_type") continue;
    let here: any = copy;
    for (const part of issue.path.slice(0, -1)) here = here?.[part];
    const last = issue.path.at(-1);
    const value = here?.[last as string];
    if (typeof value !== "string") continue;
    if (issue.expected === "number" && /^-?\d+(\.\d+)?$/.test(value)) here[last as string] = Number(value);
    if (issue.expected === "boolean" && /^(true|false)$/i.test(value))
      here[last as string] = /^true$/i.test(value);
  }
  return copy as JsonObject;
}

/** A row of CSV as an object: `address.city` and `items.0.name` are members of members; empty cells are left out. */
export function nested(row: Readonly<Record<string, string>>): JsonObject {
  const result: Record<string, unknown> = {};
  for (const [column, value] of Object.entries(row)) {
    if (value === "") continue;
    const parts = column.split(".");
    let here: any = result;
    parts.forEach((part, i) => {
      if (part === "__proto__" || part === "constructor" || part === "prototype") return;
      if (i === parts.length - 1) here[part] = value;
      else {
        if (!Object.hasOwn(here, part)) here[part] = /^\d+$/.test(parts[i + 1]!) ? [] : {};
        here = here[part];
      }
    });
  }
  return result as JsonObject;
}
