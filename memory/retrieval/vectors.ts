/** Exact search over unit vectors in one growing matrix. A document may have several rows; its score is the best row. */
export class VectorIndex {
  readonly dimension: number;
  #rows = new Float32Array(0);
  #owners: string[] = [];
  /** Which of its owner's rows a row is. */
  #parts: number[] = [];
  readonly #rowsOf = new Map<string, Set<number>>();

  constructor(dimension: number) {
    this.dimension = dimension;
  }

  get rows(): number {
    return this.#owners.length;
  }

  /** Adds a document's vectors, or replaces them. @throws RangeError when one has another dimension. */
  add(id: string, vectors: readonly Float32Array[]): void {
    this.remove(id);
    for (const [part, vector] of vectors.entries()) {
      if (vector.length !== this.dimension) {
        throw new RangeError(
          `a vector of ${vector.length} numbers does not fit an index of ${this.dimension}`,
        );
      }
      const row = this.#owners.length;
      this.#reserve(row + 1);
      this.#rows.set(vector, row * this.dimension);
      this.#owners.push(id);
      this.#parts.push(part);
      this.#claim(id, row);
    }
  }

  remove(id: string): void {
    const rows = [...(this.#rowsOf.get(id) ?? [])].sort((a, b) => b - a);
    this.#rowsOf.delete(id);
    for (const row of rows) {
      const last = this.#owners.length - 1;
      if (row !== last) {
        // The last row moves into the gap.
        const owner = this.#owners[last]!;
        this.#rows.copyWithin(row * this.dimension, last * this.dimension, (last + 1) * this.dimension);
        this.#owners[row] = owner;
        this.#parts[row] = this.#parts[last]!;
        this.#rowsOf.get(owner)!.delete(last);
        this.#rowsOf.get(owner)!.add(row);
      }
      this.#owners.pop();
      this.#parts.pop();
    }
  }

  /** For each document, the best cosine of its rows with the best of the query's vectors, and which row that was. */
  search(
    query: readonly Float32Array[],
    allow: (id: string) => boolean = () => true,
  ): Map<string, { cosine: number; part: number }> {
    const found = new Map<string, { cosine: number; part: number }>();
    const { dimension } = this;
    const rows = this.#rows;
    for (const [id, own] of this.#rowsOf) {
      if (!allow(id)) continue;
      let cosine = Number.NEGATIVE_INFINITY;
      let part = 0;
      for (const row of own) {
        const at = row * dimension;
        for (const vector of query) {
          const product = dot(vector, rows, at);
          if (product > cosine) {
            cosine = product;
            part = this.#parts[row]!;
          }
        }
      }
      found.set(id, { cosine, part });
    }
    return found;
  }

  #claim(id: string, row: number): void {
    const own = this.#rowsOf.get(id);
    if (own) own.add(row);
    else this.#rowsOf.set(id, new Set([row]));
  }

  #reserve(rows: number): void {
    const wanted = rows * this.dimension;
    if (this.#rows.length >= wanted) return;
    const larger = new Float32Array(Math.max(wanted, this.#rows.length * 2, 64 * this.dimension));
    larger.set(this.#rows);
    this.#rows = larger;
  }
}

/** Four sums, since each addition would wait for the one before. */
function dot(vector: Float32Array, rows: Float32Array, at: number): number {
  const length = vector.length;
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  let i = 0;
  for (; i + 3 < length; i += 4) {
    a += vector[i]! * rows[at + i]!;
    b += vector[i + 1]! * rows[at + i + 1]!;
    c += vector[i + 2]! * rows[at + i + 2]!;
    d += vector[i + 3]! * rows[at + i + 3]!;
  }
  for (; i < length; i++) a += vector[i]! * rows[at + i]!;
  return a + b + c + d;
}
