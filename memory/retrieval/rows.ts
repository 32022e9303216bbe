/** Vectors of one dimension in numbered rows. They lie in blocks: a growing matrix is never copied as a whole. */

/** 1 MiB at 256 dimensions. */
const BLOCK_BITS = 10;
const BLOCK_ROWS = 1 << BLOCK_BITS;
const FIRST_ROWS = 16;

export class Rows {
  readonly dimension: number;
  readonly #blocks: Float32Array[] = [];

  constructor(dimension: number) {
    this.dimension = dimension;
  }

  /** Bytes that are reserved. */
  get bytes(): number {
    return this.#blocks.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  set(row: number, vector: Float32Array): void {
    this.#block(row).set(vector, (row & (BLOCK_ROWS - 1)) * this.dimension);
  }

  /** A view: it shows what is set there later. */
  get(row: number): Float32Array {
    const at = (row & (BLOCK_ROWS - 1)) * this.dimension;
    return this.#blocks[row >> BLOCK_BITS]!.subarray(at, at + this.dimension);
  }

  /** Product of a row with a vector. */
  dot(row: number, vector: Float32Array): number {
    return dot(vector, this.#blocks[row >> BLOCK_BITS]!, (row & (BLOCK_ROWS - 1)) * this.dimension);
  }

  /** The block of a row, made or made larger. Only the first one grows: a few rows need no whole block. */
  #block(row: number): Float32Array {
    const number = row >> BLOCK_BITS;
    const wanted = (row & (BLOCK_ROWS - 1)) + 1;
    const block = this.#blocks[number];
    if (block && block.length >= wanted * this.dimension) return block;
    const rows = number > 0 ? BLOCK_ROWS : Math.min(BLOCK_ROWS, Math.max(FIRST_ROWS, 2 * wanted));
    const larger = new Float32Array(rows * this.dimension);
    if (block) larger.set(block);
    this.#blocks[number] = larger;
    return larger;
  }
}

/** Four sums, since each addition would wait for the one before. */
export function dot(vector: Float32Array, rows: Float32Array, at = 0): number {
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

/** Whether all its numbers are numbers: one that is not would be neither near nor far, and hide what is. */
export function isFiniteVector(vector: Float32Array): boolean {
  // The square of each is in the sum: nothing outweighs what is no number.
  return Number.isFinite(dot(vector, vector));
}
