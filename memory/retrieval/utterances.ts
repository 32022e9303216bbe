/**
 * Finds what was said about something in a customer's conversations.
 *
 * What is said in one turn is often only understood from those beside it (“When was that?” – “Last May.”), so an
 * utterance counts a part of its neighbours' scores as well; they themselves are returned only where they are among the
 * first. Words and meaning are fused with equal weight: words as a share of the best, meaning as the distance of a cosine
 * from the mean in standard deviations, since the cosines of one person's small talk all lie close together. Measured with
 * `eval memory`: docs/memory.md.
 */
import { Bm25Index } from "./bm25.ts";
import type { Query } from "./hybrid.ts";
import { isFiniteVector } from "./rows.ts";
import { terms } from "./terms.ts";
import { VectorIndex } from "./vectors.ts";

export interface Utterance {
  /** Unique among those that are searched. */
  readonly id: string;
  /** Those of one conversation stand beside each other, in the order in which they were said. */
  readonly conversation: string;
  /** Name of who said it, where it is known. */
  readonly speaker?: string;
  readonly text: string;
  /** Unit vector of `spoken(…)`. */
  readonly vector?: Float32Array;
}

export interface UtteranceHit<T extends Utterance> {
  readonly utterance: T;
  /** Higher is better; only comparable within one search. */
  readonly score: number;
}

export interface UtteranceOptions<T extends Utterance = Utterance> {
  /** Hits at most, neighbours included. Default 10. */
  readonly k?: number;
  /** Share of the score by meaning, 0 … 1; without vectors words alone count. Default 0.5. */
  readonly vectorShare?: number;
  /** Part of a neighbour's score that counts, by its distance. Default 0.3 beside, 0.1 one further. */
  readonly neighbours?: readonly number[];
  /** Whether something was said in the time that the question names; it counts more than the rest. */
  readonly inTime?: (utterance: T) => boolean;
  /** So many times as much. Default 1.5. */
  readonly timeWeight?: number;
}

const NEIGHBOURS = [0.3, 0.1];
/** So many standard deviations above the mean are as good as the best hit by words. */
const DEVIATIONS = 4;

/** What of an utterance is encoded: a name in it tells whose wishes and plans it is about. */
export function spoken({ speaker, text }: Pick<Utterance, "speaker" | "text">): string {
  return speaker ? `${speaker}: ${text}` : text;
}

/** @param utterances of all conversations that may be searched, each conversation's in order */
export function findUtterances<T extends Utterance>(
  utterances: readonly T[],
  query: Query,
  options: UtteranceOptions<T> = {},
): UtteranceHit<T>[] {
  const { k = 10, vectorShare = 0.5, neighbours = NEIGHBOURS, inTime, timeWeight = 1.5 } = options;
  const byWords = wordScores(utterances, query.text);
  const byMeaning = vectorShare > 0 ? meaningScores(utterances, query) : undefined;
  const share = byMeaning ? vectorShare : 0;
  const own = utterances.map(({ id }) => {
    const words = (1 - share) * (byWords.get(id) ?? 0);
    return words + share * (byMeaning?.get(id) ?? 0);
  });
  const score = (i: number): number => {
    const { conversation } = utterances[i]!;
    let sum = own[i]!;
    for (const [n, weight] of neighbours.entries()) {
      for (const at of [i - n - 1, i + n + 1])
        if (utterances[at]?.conversation === conversation) sum += weight * own[at]!;
    }
    return inTime?.(utterances[i]!) ? timeWeight * sum : sum;
  };
  return utterances
    .map((utterance, i) => ({ utterance, score: score(i), i }))
    .filter((hit) => hit.score > 0)
    .sort((a, b) => b.score - a.score || a.i - b.i)
    .slice(0, k)
    .map(({ utterance, score }) => ({ utterance, score }));
}

/** 0 … 1, by id. */
function wordScores(utterances: readonly Utterance[], text: string): Map<string, number> {
  const index = new Bm25Index();
  for (const { id, speaker, text } of utterances) {
    index.add(id, [
      { terms: terms(text), weight: 1 },
      { terms: speaker ? terms(speaker) : [], weight: 1 },
    ]);
  }
  const found = index.search(terms(text));
  const best = Math.max(0, ...found.values());
  return new Map([...found].map(([id, value]) => [id, value / best]));
}

/** Undefined when nothing can be compared by its meaning. */
function meaningScores(
  utterances: readonly Utterance[],
  { vectors = [] }: Query,
): Map<string, number> | undefined {
  const dimension = vectors[0]?.length;
  if (dimension === undefined) return undefined;
  const index = new VectorIndex(dimension);
  for (const { id, vector } of utterances)
    if (vector?.length === dimension && isFiniteVector(vector)) index.add(id, [vector]);
  const found = [...index.search(vectors)];
  const mean = found.reduce((sum, [, { cosine }]) => sum + cosine, 0) / found.length;
  const variance = found.reduce((sum, [, { cosine }]) => sum + (cosine - mean) ** 2, 0) / found.length;
  if (!(variance > 0)) return undefined;
  const unit = DEVIATIONS * Math.sqrt(variance);
  return new Map(found.map(([id, { cosine }]) => [id, (cosine - mean) / unit]));
}
