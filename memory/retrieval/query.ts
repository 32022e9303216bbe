/** A query is encoded as a whole when it is short, in groups of sentences when it is long. */
import type { Encoder } from "../encoder/encoder.ts";
import type { Query } from "./hybrid.ts";

/** About as much as a small sentence encoder reads well. */
const WORDS_PER_PART = 40;
/** What comes after so many parts is searched by its words only. */
const MAX_PARTS = 24;

export function queryParts(text: string): string[] {
  const sentences = text.split(/(?<=[.!?])\s+|\n+/).filter((sentence) => sentence.trim() !== "");
  const parts: string[] = [];
  let open = "";
  for (const sentence of sentences) {
    const joined = open ? `${open} ${sentence}` : sentence;
    if (open && joined.split(/\s+/).length > WORDS_PER_PART) {
      parts.push(open);
      open = sentence;
    } else open = joined;
  }
  if (open) parts.push(open);
  return parts.slice(0, MAX_PARTS);
}

/** The query with its vectors; without an encoder, or while it is down, by its words alone. */
export async function encodeQuery(
  text: string,
  encoder: Encoder | undefined,
  signal?: AbortSignal,
): Promise<Query> {
  if (!encoder) return { text };
  try {
    return { text, vectors: await encoder.encode(queryParts(text), signal) };
  } catch (error) {
    if (signal?.aborted) throw error;
    return { text };
  }
}
