/**
 * Lexical and vector search over the same documents, fused.
 *
 * Both kinds of score are brought to 0 … 1 within the candidates of one query and added with equal weight. Measured on
 * two collections (questions of laymen against short answers; long situations against internal documents) this was
 * better than either alone, and better than reciprocal ranks, which forget how much better the first one is.
 *
 * Of a small collection every document is a candidate; of a large one, those that are near the top by words or by vectors.
 */
import { atOnce, inSlices, type Resting } from "../slices.ts";
import { Bm25Index } from "./bm25.ts";
import { terms } from "./terms.ts";
import { type Nearest, type Spread, VectorIndex } from "./vectors.ts";

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

const NO_SPREAD: Spread = { mean: 0, deviation: 0, low: 0, high: 0 };
const NO_BACKGROUND: Background = { cosine: 0, coverage: 0, asked: 0 };
/** Titles asked for the background; a sample is enough. */
const BACKGROUND_SAMPLE = 64;
/** Of many documents so many are candidates by their words, or some times the hits that are wanted. */
const CANDIDATES = 200;
const CANDIDATES_OF_HITS = 4;
/** Candidates that are looked at in one step. */
const AT_ONCE = 256;

interface Scored {
  readonly id: string;
  readonly score: number;
}

export interface HybridOptions {
  /** Share of the lexical score, 0 … 1. Default 0.5. */
  readonly lexicalWeight?: number;
  /** How often a word of the title counts. Default 2. */
  readonly titleWeight?: number;
  /** Documents up to which each of them is a candidate. Default 4,096. */
  readonly allCandidates?: number;
  /** Vectors up to which all are compared, as in `VectorOptions`. */
  readonly exactRows?: number;
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
  readonly #allCandidates: number;
  readonly #exactRows: number | undefined;
  readonly #titles = new Map<string, string>();
  #vectors: VectorIndex | undefined;
  #background: Background | undefined;

  constructor(options: HybridOptions = {}) {
    const { lexicalWeight = 0.5, titleWeight = 2, allCandidates = 4_096, exactRows } = options;
    this.#lexicalWeight = lexicalWeight;
    this.#titleWeight = titleWeight;
    this.#allCandidates = allCandidates;
    this.#exactRows = exactRows;
  }

  get size(): number {
    return this.#ids.size;
  }

  /** Bytes of what is held for searching by words and by vectors, without ids and titles. */
  get bytes(): { readonly words: number; readonly vectors: number } {
    return { words: this.#lexical.bytes, vectors: this.#vectors?.bytes ?? 0 };
  }

  /**
   * Adds a document, or replaces the one with the same id.
   * @throws RangeError as `setVectors`; the document is then as it was
   */
  add({ id, title, text, vectors = [] }: HybridDocument): void {
    this.setVectors(id, vectors);
    this.#ids.add(id);
    if (title) this.#titles.set(id, title);
    else this.#titles.delete(id);
    this.#lexical.add(id, [
      { terms: terms(title ?? ""), weight: this.#titleWeight },
      { terms: terms(text), weight: 1 },
    ]);
  }

  /**
   * Vectors of a document that is there, instead of those that it had.
   * @throws RangeError when one has another dimension than the others, or numbers that are none
   */
  setVectors(id: string, vectors: readonly Float32Array[]): void {
    const [first] = vectors;
    if (first) this.#vectors ??= new VectorIndex(first.length, { exactRows: this.#exactRows });
    this.#vectors?.add(id, vectors);
  }

  remove(id: string): void {
    this.#ids.delete(id);
    this.#titles.delete(id);
    this.#lexical.remove(id);
    this.#vectors?.remove(id);
  }

  search(query: Query, options: SearchOptions = {}): Hit[] {
    return atOnce(this.searching(query, options));
  }

  /** The same in steps; documents may come and go in between. */
  *searching(query: Query, { k = 10, allow }: SearchOptions = {}): Resting<Hit[]> {
    const wanted = terms(query.text);
    const asked = query.vectors?.length ? query.vectors : undefined;
    const vectors = asked && this.#vectors;
    const near = vectors && (yield* vectors.nearly(asked, allow));
    yield;
    const lexical = this.#lexical.score(wanted, allow);
    const cosines = near?.found ?? new Map<string, Nearest>();
    const { mean, deviation, low, high } = near?.spread ?? NO_SPREAD;
    const lexicalShare = cosines.size === 0 ? 1 : this.#lexicalWeight;

    const isSmall = this.size <= this.#allCandidates && (near?.isAll ?? true);
    const byWords = lexical.top(isSmall ? this.size : Math.max(CANDIDATES, CANDIDATES_OF_HITS * k));
    yield;
    // Of those that were picked by their vectors too, perhaps the nearest one was not.
    if (near && !near.isAll) yield* this.#vectors!.adding(byWords, asked!, cosines);
    let done = 0;
    const scored: Scored[] = [];
    for (const id of new Set([...byWords, ...cosines.keys()])) {
      if (++done % AT_ONCE === 0) yield;
      const byWord = lexical.best > 0 ? lexical.of(id) / lexical.best : 0;
      const cosine = cosines.get(id)?.cosine;
      const byVector = cosine === undefined ? 0 : high > low ? Math.max(0, (cosine - low) / (high - low)) : 1;
      scored.push({ id, score: lexicalShare * byWord + (1 - lexicalShare) * byVector });
    }
    yield;
    // One more than is wanted: the first is held against the second. Without what went in between.
    const best = bestOf(
      scored.filter(({ id }) => this.#ids.has(id)),
      Math.max(k, 1) + 1,
    );
    return best.slice(0, k).map(({ id, score }, rank): Hit => {
      const nearest = cosines.get(id);
      const other = best[rank === 0 ? 1 : 0]?.score ?? 0;
      return {
        id,
        score,
        part: nearest?.part,
        evidence: {
          cosine: nearest?.cosine ?? 0,
          prominence: nearest && deviation > 0 ? (nearest.cosine - mean) / deviation : 0,
          coverage: this.#coverage(id, wanted),
          lead: score - other,
        },
      };
    });
  }

  /** As it was measured last; before that, of no titles. */
  get background(): Background {
    return this.#background ?? NO_BACKGROUND;
  }

  /** @param rest is awaited between two titles, so that others get their turn */
  async measureBackground(rest: () => Promise<void> = async () => {}): Promise<Background> {
    const ids = [...this.#titles.keys()].sort();
    const step = Math.max(1, Math.floor(ids.length / BACKGROUND_SAMPLE));
    const found: Evidence[] = [];
    for (const own of ids.filter((_, i) => i % step === 0).slice(0, BACKGROUND_SAMPLE)) {
      await rest();
      const title = this.#titles.get(own);
      // It went meanwhile.
      if (title === undefined) continue;
      const vector = this.#vectors?.vector(own, 0);
      const query: Query = { text: title, vectors: vector && [vector] };
      const hits = await inSlices(this.searching(query, { k: 1, allow: (id) => id !== own }), rest);
      found.push(...hits.map(({ evidence }) => evidence));
    }
    const mean = (pick: (evidence: Evidence) => number) =>
      found.reduce((sum, evidence) => sum + pick(evidence), 0) / Math.max(1, found.length);
    this.#background = {
      cosine: mean(({ cosine }) => cosine),
      coverage: mean(({ coverage }) => coverage),
      asked: found.length,
    };
    return this.#background;
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

/** The best of them, best first: sorting thousands for ten would take longer than looking at each. */
function bestOf(all: readonly Scored[], count: number): Scored[] {
  const best: Scored[] = [];
  for (const one of all) {
    if (best.length === count && !isBetter(one, best[count - 1]!)) continue;
    if (best.length === count) best.pop();
    let place = best.length;
    while (place > 0 && isBetter(one, best[place - 1]!)) place--;
    best.splice(place, 0, one);
  }
  return best;
}

function isBetter(a: Scored, b: Scored): boolean {
  return a.score > b.score || (a.score === b.score && a.id < b.id);
}
