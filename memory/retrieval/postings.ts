/** Which documents have a term, and how often. In typed arrays: there are many, and the garbage collector need not look through them. */

const FEWEST = 4;

export class Postings {
  readonly term: string;
  /** Numbers of documents, ascending. */
  documents = new Int32Array(0);
  /** How often each has the term, weighted by field; 0 for one that is gone. */
  counts = new Float32Array(0);
  size = 0;
  /** Without those that are gone. */
  live = 0;

  constructor(term: string) {
    this.term = term;
  }

  get bytes(): number {
    return this.documents.byteLength + this.counts.byteLength;
  }

  /** @param document above all that are there */
  append(document: number, count: number): void {
    const { size } = this;
    if (size === this.documents.length) {
      const { documents, counts } = this;
      this.documents = new Int32Array(Math.max(FEWEST, 2 * size));
      this.counts = new Float32Array(this.documents.length);
      this.documents.set(documents);
      this.counts.set(counts);
    }
    this.documents[size] = document;
    this.counts[size] = count;
    this.size++;
    this.live++;
  }

  has(document: number): boolean {
    const place = this.#placeOf(document);
    return place < this.size && this.documents[place] === document && this.counts[place]! > 0;
  }

  /** Its place stays until `renumber`. */
  remove(document: number): void {
    this.counts[this.#placeOf(document)] = 0;
    this.live--;
  }

  /** Leaves out what is gone. @param numbers new ones by old ones, in the same order */
  renumber(numbers: Int32Array): void {
    const { documents, counts, size } = this;
    let to = 0;
    for (let i = 0; i < size; i++) {
      if (counts[i] === 0) continue;
      documents[to] = numbers[documents[i]!]!;
      counts[to++] = counts[i]!;
    }
    this.size = to;
    this.documents = documents.slice(0, to);
    this.counts = counts.slice(0, to);
  }

  #placeOf(document: number): number {
    let low = 0;
    let high = this.size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.documents[middle]! < document) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
