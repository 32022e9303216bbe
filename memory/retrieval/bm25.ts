/** BM25 over an inverted index in memory; documents come and go one at a time. */
export interface Bm25Options {
  /** How soon repetitions of a term stop counting. Default 1.2. */
  readonly k1?: number;
  /** How much long documents are held back, 0 … 1. Default 0.75. */
  readonly b?: number;
}

interface Entry {
  readonly length: number;
  /** Terms and how often, weighted by field. */
  readonly counts: ReadonlyMap<string, number>;
}

export class Bm25Index {
  readonly #k1: number;
  readonly #b: number;
  readonly #entries = new Map<string, Entry>();
  readonly #postings = new Map<string, Map<string, number>>();
  #totalLength = 0;

  constructor({ k1 = 1.2, b = 0.75 }: Bm25Options = {}) {
    this.#k1 = k1;
    this.#b = b;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Adds a document, or replaces the one with the same id. A field's weight multiplies the counts of its terms. */
  add(id: string, fields: readonly { readonly terms: readonly string[]; readonly weight: number }[]): void {
    this.remove(id);
    const counts = new Map<string, number>();
    let length = 0;
    for (const { terms, weight } of fields) {
      for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + weight);
      length += terms.length * weight;
    }
    this.#entries.set(id, { length, counts });
    this.#totalLength += length;
    for (const [term, count] of counts) {
      const postings = this.#postings.get(term);
      if (postings) postings.set(id, count);
      else this.#postings.set(term, new Map([[id, count]]));
    }
  }

  remove(id: string): boolean {
    const entry = this.#entries.get(id);
    if (!entry) return false;
    this.#entries.delete(id);
    this.#totalLength -= entry.length;
    for (const term of entry.counts.keys()) {
      const postings = this.#postings.get(term)!;
      postings.delete(id);
      if (postings.size === 0) this.#postings.delete(term);
    }
    return true;
  }

  /** How telling a term is; 0 for one that no document has. */
  idf(term: string): number {
    const n = this.#postings.get(term)?.size ?? 0;
    return n === 0 ? 0 : this.#idf(n);
  }

  /** How telling a term is that no document has: the most. */
  get idfOfUnknown(): number {
    return this.#idf(0);
  }

  /** Whether a document has a term. */
  has(id: string, term: string): boolean {
    return this.#postings.get(term)?.has(id) ?? false;
  }

  /** Scores of all documents that share a term with the query. */
  search(query: readonly string[]): Map<string, number> {
    const scores = new Map<string, number>();
    const mean = this.#totalLength / Math.max(1, this.#entries.size);
    const wanted = new Map<string, number>();
    for (const term of query) wanted.set(term, (wanted.get(term) ?? 0) + 1);
    for (const [term, times] of wanted) {
      const postings = this.#postings.get(term);
      if (!postings) continue;
      // A term that a long query repeats counts more, but not in proportion.
      const weight = this.#idf(postings.size) * ((times * 2.2) / (times + 1.2));
      for (const [id, count] of postings) {
        const { length } = this.#entries.get(id)!;
        const damping = this.#k1 * (1 - this.#b + this.#b * (length / mean));
        scores.set(id, (scores.get(id) ?? 0) + (weight * count * (this.#k1 + 1)) / (count + damping));
      }
    }
    return scores;
  }

  #idf(n: number): number {
    return Math.log(1 + (this.#entries.size - n + 0.5) / (n + 0.5));
  }
}
