/** What comes in: bytes to text, text to JSON, JSON to the declared shape. Every refusal names the field. */
import type { z } from "zod";
import { type FieldError, invalid, ProblemError } from "./problem.ts";

/** @throws ProblemError 400 when the bytes are not UTF-8 or the text is not JSON. */
export function parseJsonBody(body: Buffer): unknown {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    throw invalid("body", "is not valid UTF-8");
  }
  if (text.trim() === "") return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    // V8 quotes the text around the fault: only the position is passed on.
    const at = / at position (\d+)/.exec((error as Error).message)?.[1];
    throw invalid("body", `is not JSON${at === undefined ? "" : ` (at character ${at})`}`);
  }
}

/** @throws ProblemError 400 that lists each field which is not as declared. */
export function readWith(schema: z.ZodType | undefined, value: unknown, prefix: string): unknown {
  if (!schema) return value;
  if (value === undefined) throw invalid("body", "is missing: send a JSON object");
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const errors: FieldError[] = result.error.issues.flatMap((issue) => {
    const path = issue.path.map(String).join(".");
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => ({
        field: `${prefix}${path ? `${path}.` : ""}${key}`,
        detail: "is not a known key",
      }));
    }
    const missing = issue.code === "invalid_type" && /received undefined$/.test(issue.message);
    return [{ field: `${prefix}${path}` || "body", detail: missing ? "is missing" : issue.message }];
  });
  const first = errors[0]!;
  throw new ProblemError(
    400,
    "Invalid request",
    `${first.field}: ${first.detail}${errors.length > 1 ? ` (and ${errors.length - 1} more)` : ""}`,
    { errors: errors.slice(0, 20) },
  );
}

/** Parameters of the path: ids of actors are letters, digits, `_` and `-`, and some are made of two with a dot or a slash. */
export function readParams(params: unknown): Record<string, string> {
  const out: Record<string, string> = {};
  for (const [name, value] of Object.entries((params ?? {}) as Record<string, string>)) {
    if (!/^[A-Za-z0-9_.:@-]{1,200}$/.test(value)) {
      throw invalid(`path.${name}`, "may hold letters, digits, _ . : @ and - only, at most 200");
    }
    out[name] = value;
  }
  return out;
}

const CONTROL = /[\p{Cc}\p{Cf}\s]/gu;
const LONE_SURROGATE = /\p{Surrogate}/u;

/** Bytes of a message's text. */
export const MAX_TEXT_BYTES = 16 * 1024;

/**
 * A text that a person wrote, checked: well-formed, at most `maxBytes` of UTF-8 (16 KiB), not empty once blanks and control
 * characters are taken away. Control characters other than line breaks and tabs are removed.
 * @throws ProblemError 400 or 413 that names the field.
 */
export function readText(field: string, text: string, maxBytes = MAX_TEXT_BYTES): string {
  if (LONE_SURROGATE.test(text)) throw invalid(field, "is not valid Unicode (a surrogate stands alone)");
  const bytes = Buffer.byteLength(text);
  if (bytes > maxBytes) {
    throw invalid(field, `has ${bytes} bytes, at most ${maxBytes} are taken: send it in parts`, 413);
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to remove
  const clean = text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g, "");
  if (clean.replace(CONTROL, "") === "") throw invalid(field, "is empty");
  return clean;
}
