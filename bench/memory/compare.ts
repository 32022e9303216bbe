/** What is found among many, beside what is found when every vector is compared. */
import type { Encoder } from "../../memory/encoder/index.ts";
import { ArticleVectors } from "../../memory/knowledge/article-vectors.ts";
import { loadArticles } from "../../memory/knowledge/articles.ts";
import { HybridIndex, type Query } from "../../memory/retrieval/hybrid.ts";
import { type Nearest, VectorIndex } from "../../memory/retrieval/vectors.ts";
import { openDatabase } from "../../memory/store/database.ts";
import { Latencies, type Percentiles } from "../harness/index.ts";

export interface Compare {
  readonly dir: string;
  readonly articles: string;
  readonly encoder: Encoder;
  readonly queries: readonly Query[];
}

export interface Compared {
  /** Share of the ten nearest articles that are found. */
  readonly nearest: number;
  /** The same by words and vectors together. */
  readonly hits: number;
  /** One search by vectors alone. */
  readonly near: Percentiles;
  readonly all: Percentiles;
}

const AT = 10;
const READ_AT_ONCE = 64;

export async function compareSearches({
  dir,
  articles: folder,
  encoder,
  queries,
}: Compare): Promise<Compared> {
  const vectors = new VectorIndex(encoder.dimension);
  const some = new HybridIndex();
  const whole = new HybridIndex({
    allCandidates: Number.POSITIVE_INFINITY,
    exactRows: Number.POSITIVE_INFINITY,
  });
  const db = await openDatabase(`${dir}/memory`);
  try {
    const stored = new ArticleVectors(db, encoder);
    const { articles } = await loadArticles([folder]);
    for (let i = 0; i < articles.length; i += READ_AT_ONCE) {
      const read = articles.slice(i, i + READ_AT_ONCE);
      for (const [n, own] of (await stored.get(read)).entries()) {
        const { id, title, text } = read[n]!;
        vectors.add(id, own ?? []);
        for (const index of [some, whole]) index.add({ id, title, text, vectors: own });
      }
    }
  } finally {
    await db.close();
  }
  const [near, all] = [new Latencies(), new Latencies()];
  let nearest = 0;
  let hits = 0;
  for (const query of queries) {
    const asked = query.vectors ?? [];
    const found = timed(near, () => vectors.near(asked).found);
    const truth = timed(all, () => vectors.search(asked));
    nearest += shared(best(found), best(truth));
    const idsOf = (index: HybridIndex): string[] => index.search(query, { k: AT }).map(({ id }) => id);
    hits += shared(idsOf(some), idsOf(whole));
  }
  const share = (sum: number): number => sum / Math.max(1, queries.length);
  return { nearest: share(nearest), hits: share(hits), near: near.percentiles()!, all: all.percentiles()! };
}

function best(found: ReadonlyMap<string, Nearest>): string[] {
  return [...found]
    .sort(([, a], [, b]) => b.cosine - a.cosine)
    .slice(0, AT)
    .map(([id]) => id);
}

/** Share of what is wanted that is there. */
function shared(found: readonly string[], wanted: readonly string[]): number {
  return wanted.filter((id) => found.includes(id)).length / Math.max(1, wanted.length);
}

function timed<T>(latencies: Latencies, act: () => T): T {
  const from = performance.now();
  const result = act();
  latencies.record(performance.now() - from);
  return result;
}
