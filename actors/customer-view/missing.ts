/** What could not be had, in words for an operator. */
import { AskError } from "../../runtime/host/service.ts";
import type { Missing, PartName } from "./answer.ts";

export function missingOf(part: PartName, source: string, error: unknown): Missing {
  if (error instanceof AskError) return { part, source, code: error.code, reason: error.message };
  const { name, message } = error as Error;
  if (name === "UnavailableError") return { part, source, code: "unavailable", reason: message };
  // Nobody has foreseen it, so its text may hold anything.
  return { part, source, code: "failed", reason: `${source} could not be read (${name})` };
}
