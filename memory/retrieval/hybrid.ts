/**
 * Lexical and vector search over the same documents, fused.
 *
 * Both kinds of score are brought to 0 … 1 within the candidates of one query and added with equal weight. Measured on
 * two collections (questions of laymen against short answers; long situations against internal documents) this was
 * better than either alone, and better than reciprocal ranks, which forget how much better the first one is.
 */
import { Bm25Index } from "./bm25.ts";
import { terms } from "./terms.ts";
import { VectorIndex } from "./vectors.ts";

export interface HybridDocument {
  readonly id: string;
  readonly title?: string;
  readonly text: string;
  /** Vectors of its parts, the title's first if there is a title; none while there is no encoder. */
  readonly vectors?: readonly Float32Array[];
}

export interface Query {
  readonly text: string;
  /** Vectors of the text, or of its parts when it is long; none searches by words alone. */
  readonly vectors?: readonly Float32Array[];
}

export interface Hit {
  readonly id: string;
  /** 0 … 1 within this search: good for ranking, not a probability. */
  readonly score: number;
  readonly evidence: Evidence;
  /** Which of the document's vectors was nearest. */
  readonly part?: number;
}

/** What speaks for a hit, comparable between searches. */
export interface Evidence {
  /** Cosine with the nearest part; 0 without vectors. */
  readonly cosine: number;
  /** How far that stands out among the candidates, in standard deviations, 0 without vectors. */
  readonly prominence: number;
  /** Share of the query's terms that the document has, weighted by how telling they are. */
  readonly coverage: number;
  /** Distance of the score to the best other hit's: negative for all but the first. */
  readonly lead: number;
}

/**
 * How much evidence a question finds although its answer is not there, on average: each document's title is asked
 * with the document itself taken away. Collections of one subject have much of it, mixed ones little.
 */
export interface Background {
  readonly cosine: number;
  readonly coverage: number;
  /** Titles that were asked. */
  readonly asked: number;
}

/** Titles asked for the background; a sample is enough. */
const BACKGROUND_SAMPLE = 64;

export interface HybridOptions {
  /** Share of the lexical score, 0 … 1. Default 0.5. */
  readonly lexicalWeight?: number;
  /** How often a word of the title counts. Default 2. */
  readonly titleWeight?: number;
}

export interface SearchOptions {
  /** Hits wanted. Default 10. */
  readonly k?: number;
  /** Documents that may be found; the others take no part in the ranking either. */
  readonly allow?: (id: string) => boolean;
}

export class HybridIndex {
  readonly #lexical = new Bm25Index();
  readonly #ids = new Set<string>();
  readonly #lexicalWeight: number;
  readonly #titleWeight: number;
  /** Titles with their vectors, by document. */
  readonly #titles = new Map<string, Query>();
  #vectors: VectorIndex | undefined;
  #background: Background | undefined;

  constructor({ lexicalWeight = 0.5, titleWeight = 2 }: HybridOptions = {}) {
    this.#lexicalWeight = lexicalWeight;
    this.#titleWeight = titleWeight;
  }

  get size(): number {
    return this.#ids.size;
  }

  /** Adds a document, or replaces the one with the same id. */
  add({ id, title, text, vectors = [] }: HybridDocument): void {
    this.#ids.add(id);
    this.#background = undefined;
    this.#titles.delete(id);
    if (title) this.#titles.set(id, { text: title, vectors: vectors.slice(0, 1) });
    this.#lexical.add(id, [
      { terms: terms(title ?? ""), weight: this.#titleWeight },
      { terms: terms(text), weight: 1 },
    ]);
    const first = vectors[0];
    if (first) {
      if (!this.#vectors) this.#vectors = new VectorIndex(first.length);
      this.#vectors.add(id, vectors);
    } else this.#vectors?.remove(id);
  }

  remove(id: string): void {
    this.#ids.delete(id);
    this.#background = undefined;
    this.#titles.delete(id);
    this.#lexical.remove(id);
    this.#vectors?.remove(id);
  }

  search(query: Query, { k = 10, allow = () => true }: SearchOptions = {}): Hit[] {
    const wanted = terms(query.text);
    const lexical = this.#lexical.search(wanted);
    for (const id of lexical.keys()) if (!allow(id)) lexical.delete(id);
    const near =
      this.#vectors && query.vectors?.length ? this.#vectors.search(query.vectors, allow) : new Map();
    const { mean, deviation, low, high } = spread([...near.values()].map(({ cosine }) => cosine));
    const bestLexical = Math.max(0, ...lexical.values());
    const lexicalShare = near.size === 0 ? 1 : this.#lexicalWeight;

    const scored: { id: string; score: number }[] = [];
    for (const id of new Set([...lexical.keys(), ...near.keys()])) {
      const byWords = bestLexical > 0 ? (lexical.get(id) ?? 0) / bestLexical : 0;
      const cosine = near.get(id)?.cosine;
      const byVector = cosine === undefined ? 0 : high > low ? (cosine - low) / (high - low) : 1;
      scored.push({ id, score: lexicalShare * byWords + (1 - lexicalShare) * byVector });
    }
    scored.sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1));
    return scored.slice(0, k).map(({ id, score }, rank): Hit => {
      const vector = near.get(id);
      const other = scored[rank === 0 ? 1 : 0]?.score ?? 0;
      return {
        id,
        score,
        part: vector?.part,
        evidence: {
          cosine: vector?.cosine ?? 0,
          prominence: vector && deviation > 0 ? (vector.cosine - mean) / deviation : 0,
          coverage: this.#coverage(id, wanted),
          lead: score - other,
        },
      };
    });
  }

  /** Computed when it is asked for after a change. */
  background(): Background {
    this.#background ??= this.#measureBackground();
    return this.#background;
  }

  #measureBackground(): Background {
    const titles = [...this.#titles].sort(([a], [b]) => (a < b ? -1 : 1));
    const step = Math.max(1, Math.floor(titles.length / BACKGROUND_SAMPLE));
    const found = titles
      .filter((_, i) => i % step === 0)
      .slice(0, BACKGROUND_SAMPLE)
      .flatMap(([own, title]) => this.search(title, { k: 1, allow: (id) => id !== own }));
    const mean = (pick: (evidence: Evidence) => number) =>
      found.reduce((sum, { evidence }) => sum + pick(evidence), 0) / Math.max(1, found.length);
    return {
      cosine: mean(({ cosine }) => cosine),
      coverage: mean(({ coverage }) => coverage),
      asked: found.length,
    };
  }

  #coverage(id: string, wanted: readonly string[]): number {
    let all = 0;
    let had = 0;
    for (const term of new Set(wanted)) {
      const weight = this.#lexical.idf(term) || this.#lexical.idfOfUnknown;
      all += weight;
      if (this.#lexical.has(id, term)) had += weight;
    }
    return all > 0 ? had / all : 0;
  }
}

function spread(values: readonly number[]): { mean: number; deviation: number; low: number; high: number } {
  let sum = 0;
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    sum += value;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const mean = sum / Math.max(1, values.length);
  const squares = values.reduce((total, value) => total + (value - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / Math.max(1, values.length)), low, high };
}
