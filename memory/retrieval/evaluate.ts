/** `eval retrieval`: how well the right documents are found. */
import type { Encoder } from "../encoder/encoder.ts";
import { percentile, rounded } from "../figures.ts";
import { partsOf } from "./documents.ts";
import { type Hit, HybridIndex, type Query } from "./hybrid.ts";
import { encodeQuery } from "./query.ts";

export interface EvalDocument {
  readonly id: string;
  readonly title?: string;
  readonly text: string;
}
export interface EvalQuery {
  readonly id: string;
  readonly text: string;
  readonly relevant: readonly string[];
}

/** Means over queries; `p95Ms` is one search with its encoding. */
export type RetrievalScores = {
  [recall: `recall@${number}`]: number;
  mrr: number;
  "ndcg@10": number;
  p50Ms: number;
  p95Ms: number;
};

/** The three ways of searching that are compared. */
export type Method = "hybrid" | "lexical" | "vector";
const LEXICAL_WEIGHT: Record<Method, number> = { hybrid: 0.5, lexical: 1, vector: 0 };

/** Indexes documents, `progress` counting them. */
export async function indexDocuments(
  documents: readonly EvalDocument[],
  encoder: Encoder | undefined,
  method: Method,
  progress: (done: number) => void = () => {},
): Promise<HybridIndex> {
  const index = new HybridIndex({ lexicalWeight: LEXICAL_WEIGHT[method] });
  for (const [i, { id, title, text }] of documents.entries()) {
    const vectors = encoder && method !== "lexical" ? await encoder.encode(partsOf(title, text).texts) : [];
    index.add({ id, title, text, vectors });
    progress(i + 1);
  }
  return index;
}

export async function scoreRetrieval(
  index: HybridIndex,
  queries: readonly EvalQuery[],
  encoder: Encoder | undefined,
  ks: readonly number[],
): Promise<RetrievalScores> {
  const depth = Math.max(100, ...ks);
  const times: number[] = [];
  const totals = { mrr: 0, ndcg: 0, recall: ks.map(() => 0) };
  for (const { text, relevant } of queries) {
    const start = performance.now();
    const query: Query = await encodeQuery(text, encoder);
    const found = index.search(query, { k: depth }).map(({ id }: Hit) => id);
    times.push(performance.now() - start);
    const right = new Set(relevant);
    const first = found.findIndex((id) => right.has(id));
    if (first >= 0) totals.mrr += 1 / (first + 1);
    totals.ndcg += ndcg(found.slice(0, 10), right);
    for (const [i, k] of ks.entries()) {
      totals.recall[i]! += found.slice(0, k).filter((id) => right.has(id)).length / right.size;
    }
  }
  const n = Math.max(1, queries.length);
  times.sort((a, b) => a - b);
  return {
    ...Object.fromEntries(ks.map((k, i) => [`recall@${k}`, rounded(totals.recall[i]! / n)])),
    mrr: rounded(totals.mrr / n),
    "ndcg@10": rounded(totals.ndcg / n),
    p50Ms: rounded(percentile(times, 0.5)),
    p95Ms: rounded(percentile(times, 0.95)),
  };
}

function ndcg(found: readonly string[], right: ReadonlySet<string>): number {
  const gain = (rank: number) => 1 / Math.log2(rank + 2);
  const got = found.reduce((sum, id, rank) => sum + (right.has(id) ? gain(rank) : 0), 0);
  const best = Array.from({ length: Math.min(found.length, right.size) }, (_, rank) => gain(rank));
  return got / (best.reduce((sum, value) => sum + value, 0) || 1);
}
