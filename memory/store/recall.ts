/** Which of a customer's facts bear on what is said: by words and by meaning, each with its source. */
import type { Encoder } from "../encoder/encoder.ts";
import { HybridIndex } from "../retrieval/hybrid.ts";
import { encodeQuery } from "../retrieval/query.ts";
import { isFiniteVector } from "../retrieval/rows.ts";
import type { Fact } from "./facts.ts";

export interface RankedFact {
  readonly fact: Fact;
  /** 0 … 1 within this recall. */
  readonly score: number;
}

/**
 * Ranks facts, which are filtered by scope and time already. Without a text the newest come first. Facts whose vector is
 * missing, damaged or another encoder's, are encoded now.
 */
export async function rankFacts(
  facts: readonly Fact[],
  text: string | undefined,
  k: number,
  encoder: Encoder | undefined,
  signal?: AbortSignal,
): Promise<RankedFact[]> {
  if (!text?.trim() || facts.length === 0) return facts.slice(0, k).map((fact) => ({ fact, score: 0 }));
  const query = await encodeQuery(text, encoder, signal);
  const vectors = query.vectors && encoder ? await vectorsOf(facts, encoder, signal) : undefined;
  const index = new HybridIndex();
  for (const [i, { type, text: words }] of facts.entries()) {
    // Places in the list are the ids: equal scores then leave the newer fact first.
    index.add({
      id: String(i).padStart(6, "0"),
      title: type,
      text: words,
      vectors: vectors && [vectors[i]!],
    });
  }
  return index.search(query, { k }).map(({ id, score }) => ({ fact: facts[Number(id)]!, score }));
}

async function vectorsOf(
  facts: readonly Fact[],
  encoder: Encoder,
  signal?: AbortSignal,
): Promise<Float32Array[] | undefined> {
  const missing = facts.filter(({ vector }) => vector?.model !== encoder.id || !isFiniteVector(vector.data));
  try {
    const fresh =
      missing.length > 0
        ? await encoder.encode(
            missing.map(({ text }) => text),
            signal,
          )
        : [];
    const byId = new Map(missing.map(({ id }, i) => [id, fresh[i]!]));
    return facts.map(({ id, vector }) => byId.get(id) ?? vector!.data);
  } catch (error) {
    if (signal?.aborted) throw error;
    return undefined;
  }
}
