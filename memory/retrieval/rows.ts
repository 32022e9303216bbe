/** Vectors of one dimension in numbered rows. They lie in blocks: a growing matrix is never copied as a whole. */
import { products, type RowSource } from "./dots.ts";

/** 1 MiB at 256 dimensions. */
const BLOCK_BITS = 10;
const BLOCK_ROWS = 1 << BLOCK_BITS;
const FIRST_ROWS = 16;

export class Rows implements RowSource {
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

  /** Products of `rows[from]` … `rows[to - 1]` with a vector; a view that is good until the next call. */
  products(vector: Float32Array, rows: readonly number[], from?: number, to?: number): Float32Array {
    return products(this, vector, rows, from, to);
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

/** Whether all its numbers are numbers: one that is not would be neither near nor far, and hide what is. */
export function isFiniteVector(vector: Float32Array): boolean {
  // The square of each is in the sum: nothing outweighs what is no number.
  let sum = 0;
  for (let i = 0; i < vector.length; i++) sum += vector[i]! * vector[i]!;
  return Number.isFinite(sum);
}
