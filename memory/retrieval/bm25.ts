/** BM25 over an inverted index in memory; documents come and go one at a time. */
import { Postings } from "./postings.ts";

export interface Bm25Options {
  /** How soon repetitions of a term stop counting. Default 1.2. */
  readonly k1?: number;
  /** How much long documents are held back, 0 … 1. Default 0.75. */
  readonly b?: number;
}

export interface WeightedTerms {
  readonly terms: readonly string[];
  /** Multiplies the counts of the terms. */
  readonly weight: number;
}

/** Scores of one search. Documents that came since have none, and of those that went it is not known here. */
export interface Bm25Scores {
  /** The highest; 0 where no document shares a term with the query. */
  readonly best: number;
  /** 0 for a document that shares none. */
  of(id: string): number;
  /** Documents that share a term; of more than `count` only the best, and those that are about as good as the last of these. */
  top(count: number): string[];
}

/** What scores are sorted into to find the best, from nothing to the best of all. */
const STEPS = 1_024;
/** Numbers of documents that are gone are left until these are as many as those that are there, and so many more. */
const MOST_GONE = 1_024;

export class Bm25Index {
  readonly #k1: number;
  readonly #b: number;
  readonly #numbers = new Map<string, number>();
  /** Documents by number, which is not used again until `#renumber`. */
  #ids: (string | undefined)[] = [];
  #lengths: number[] = [];
  /** Numbers of a document's terms. */
  #terms: Int32Array[] = [];
  readonly #termNumbers = new Map<string, number>();
  readonly #postings: (Postings | undefined)[] = [];
  readonly #freeTerms: number[] = [];
  #totalLength = 0;
  /** Room to count in, by term. */
  #counts = new Float64Array(64);

  constructor({ k1 = 1.2, b = 0.75 }: Bm25Options = {}) {
    this.#k1 = k1;
    this.#b = b;
  }

  get size(): number {
    return this.#numbers.size;
  }

  /** Bytes of the lists. */
  get bytes(): number {
    let bytes = 0;
    for (const postings of this.#postings) bytes += postings?.bytes ?? 0;
    for (const terms of this.#terms) bytes += terms.byteLength;
    return bytes;
  }

  /** Adds a document, or replaces the one with the same id. */
  add(id: string, fields: readonly WeightedTerms[]): void {
    this.remove(id);
    const own: number[] = [];
    let length = 0;
    for (const { terms, weight } of fields) {
      if (weight === 0) continue;
      for (const term of terms) {
        const number = this.#numberOf(term);
        if (this.#counts[number] === 0) own.push(number);
        this.#counts[number]! += weight;
      }
      length += terms.length * weight;
    }
    const document = this.#ids.length;
    this.#numbers.set(id, document);
    this.#ids.push(id);
    this.#lengths.push(length);
    this.#terms.push(new Int32Array(own));
    this.#totalLength += length;
    for (const number of own) {
      this.#postings[number]!.append(document, this.#counts[number]!);
      this.#counts[number] = 0;
    }
  }

  remove(id: string): boolean {
    const document = this.#numbers.get(id);
    if (document === undefined) return false;
    this.#numbers.delete(id);
    this.#totalLength -= this.#lengths[document]!;
    for (const number of this.#terms[document]!) {
      const postings = this.#postings[number]!;
      postings.remove(document);
      if (postings.live > 0) continue;
      this.#termNumbers.delete(postings.term);
      this.#postings[number] = undefined;
      this.#freeTerms.push(number);
    }
    this.#ids[document] = undefined;
    this.#terms[document] = new Int32Array(0);
    if (this.#ids.length > 2 * this.size + MOST_GONE) this.#renumber();
    return true;
  }

  /** How telling a term is; 0 for one that no document has. */
  idf(term: string): number {
    const n = this.#find(term)?.live ?? 0;
    return n === 0 ? 0 : this.#idf(n);
  }

  /** How telling a term is that no document has: the most. */
  get idfOfUnknown(): number {
    return this.#idf(0);
  }

  /** Whether a document has a term. */
  has(id: string, term: string): boolean {
    const document = this.#numbers.get(id);
    return document !== undefined && (this.#find(term)?.has(document) ?? false);
  }

  /** Scores of all documents that share a term with the query. */
  search(query: readonly string[]): Map<string, number> {
    const scores = this.score(query);
    return new Map(scores.top(this.size).map((id) => [id, scores.of(id)]));
  }

  /** @param allow documents that may be found; all unless given */
  score(query: readonly string[], allow?: (id: string) => boolean): Bm25Scores {
    const scores = this.#addUp(query);
    const ids = this.#ids;
    let best = 0;
    for (let document = 0; document < ids.length; document++) {
      const score = scores[document]!;
      if (score === 0) continue;
      if (allow && !allow(ids[document]!)) scores[document] = 0;
      else if (score > best) best = score;
    }
    return {
      best,
      of: (id) => {
        const document = this.#numbers.get(id);
        // Numbers may be others by now.
        return document !== undefined && ids[document] === id ? (scores[document] ?? 0) : 0;
      },
      top: (count) => topOf(ids, scores, best, count),
    };
  }

  #addUp(query: readonly string[]): Float64Array {
    const scores = new Float64Array(this.#ids.length);
    const lengths = this.#lengths;
    const mean = this.#totalLength / Math.max(1, this.size);
    const wanted = new Map<string, number>();
    for (const term of query) wanted.set(term, (wanted.get(term) ?? 0) + 1);
    for (const [term, times] of wanted) {
      const postings = this.#find(term);
      if (!postings) continue;
      // A term that a long query repeats counts more, but not in proportion.
      const weight = this.#idf(postings.live) * ((times * 2.2) / (times + 1.2));
      const { documents, counts, size } = postings;
      for (let i = 0; i < size; i++) {
        const count = counts[i]!;
        if (count === 0) continue;
        const document = documents[i]!;
        const damping = this.#k1 * (1 - this.#b + this.#b * (lengths[document]! / mean));
        scores[document]! += (weight * count * (this.#k1 + 1)) / (count + damping);
      }
    }
    return scores;
  }

  #find(term: string): Postings | undefined {
    const number = this.#termNumbers.get(term);
    return number === undefined ? undefined : this.#postings[number];
  }

  /** Number of a term; a new one where no document has it. */
  #numberOf(term: string): number {
    const known = this.#termNumbers.get(term);
    if (known !== undefined) return known;
    const number = this.#freeTerms.pop() ?? this.#postings.length;
    this.#termNumbers.set(term, number);
    this.#postings[number] = new Postings(term);
    if (number >= this.#counts.length) {
      const counts = this.#counts;
      this.#counts = new Float64Array(2 * counts.length);
      this.#counts.set(counts);
    }
    return number;
  }

  /** Gives the documents that are there numbers without gaps, in their order. */
  #renumber(): void {
    const kept = [...this.#numbers];
    const numbers = new Int32Array(this.#ids.length);
    for (const [i, [id, document]] of kept.entries()) {
      numbers[document] = i;
      this.#numbers.set(id, i);
    }
    this.#ids = kept.map(([id]) => id);
    this.#lengths = kept.map(([, document]) => this.#lengths[document]!);
    this.#terms = kept.map(([, document]) => this.#terms[document]!);
    for (const postings of this.#postings) postings?.renumber(numbers);
  }

  #idf(n: number): number {
    return Math.log(1 + (this.size - n + 0.5) / (n + 0.5));
  }
}

/** Those with the best scores, from one pass: what is about as good as the last of them is among them too. */
function topOf(
  ids: readonly (string | undefined)[],
  scores: Float64Array,
  best: number,
  count: number,
): string[] {
  const stepOf = (score: number): number => Math.min(STEPS - 1, Math.floor((score / best) * STEPS));
  let least = 0;
  if (count < scores.length) {
    const steps = new Int32Array(STEPS);
    for (let document = 0; document < scores.length; document++)
      if (scores[document]! > 0) steps[stepOf(scores[document]!)]!++;
    least = STEPS - 1;
    for (let sum = steps[least]!; sum < count && least > 0; sum += steps[least]!) least--;
  }
  const found: string[] = [];
  for (let document = 0; document < scores.length; document++) {
    const score = scores[document]!;
    const id = ids[document];
    if (score > 0 && id !== undefined && stepOf(score) >= least) found.push(id);
  }
  return found;
}
