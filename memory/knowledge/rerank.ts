/** The best passages by words and vectors, in the order that a cross-encoder gives them, where there is one and it is in time. */
import type { Reranker } from "../encoder/reranker.ts";

export interface RerankOptions {
  readonly reranker: Reranker;
  /** Passages that are ranked once more. Default 20. */
  readonly candidates?: number;
  /** What that may take, ms; then they stay as they are. Default 300. */
  readonly withinMs?: number;
}

interface Candidate {
  readonly title: string;
  readonly text: string;
  readonly score: number;
}

/** Each with the score that it was given; its confidence is that of the search. As they are when it can't be done in time. */
export async function reranked<T extends Candidate>(
  question: string,
  found: readonly T[],
  { reranker, withinMs = 300 }: RerankOptions,
  signal?: AbortSignal,
): Promise<T[]> {
  if (found.length < 2) return [...found];
  const late = AbortSignal.timeout(withinMs);
  const texts = found.map(({ title, text }) => `${title}\n${text}`);
  try {
    const scores = await reranker.rank(question, texts, signal ? AbortSignal.any([signal, late]) : late);
    return found.map((one, i) => ({ ...one, score: scores[i]! })).sort((a, b) => b.score - a.score);
  } catch (error) {
    if (signal?.aborted) throw error;
    return [...found];
  }
}
