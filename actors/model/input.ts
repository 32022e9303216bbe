/** What an operation of the model agent is given. */
import { z } from "zod";
import { AskError } from "../../runtime/host/service.ts";

/** A model that a conversation has instead of the desk's. */
export const otherModel = z.string().min(1).max(200).optional();

/** @throws AskError naming the place */
export function checked<T>(schema: z.ZodType<T>, raw: unknown): T {
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0]!;
  throw new AskError("invalid", `bad_input: ${path.map(String).join(".") || "input"}: ${message}`);
}
