/** What the agents of this room are told, checked, and what they answer. */
import type { z } from "zod";
import { AskError } from "../runtime/host/service.ts";
import type { JsonObject } from "../runtime/json.ts";

/** Members with a value. */
export function dropUndefined(value: Record<string, unknown>): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as JsonObject;
}

/** @throws AskError that names what is wrong */
export function valid<T extends z.ZodType>(operation: string, schema: T, input: unknown): z.output<T> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0]!;
  throw new AskError("invalid", `${operation}: ${path.join(".") || "the input"}: ${message}`);
}
