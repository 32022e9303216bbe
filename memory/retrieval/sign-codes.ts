/**
 * A bit for each number of a vector: whether it is above the mean of all vectors at its place. In how many bits two codes
 * differ tells about how near their vectors are, from a thirty-second of the bytes.
 *
 * The mean moves while vectors come and go. When these are half as many as it was taken of, it is taken anew, and with each
 * that comes or goes a few rows are coded again, so that nobody waits for all of them at once.
 */
import type { Rows } from "./rows.ts";

/** Rows that are coded again with each change: all are, before it is time for the next mean. */
const CODED_AT_ONCE = 4;
/** Of them the bits are counted in groups of three words, and no more than ten groups fit into a byte. */
const WORDS_PER_GROUP = 3;
const WORDS_PER_SUM = 10 * WORDS_PER_GROUP;

export class SignCodes {
  readonly #rows: Rows;
  /** 32-bit words of a code. */
  readonly #width: number;
  #codes = new Int32Array(0);
  /** Rows that there are; some may be free. */
  #size = 0;
  /** Of the vectors that are there. */
  readonly #sum: Float64Array;
  #count = 0;
  /** What rows below `#coded` are coded by, and of how many vectors it was taken. */
  #mean: Float32Array;
  #meanOf = 0;
  /** Vectors that came or went since. */
  #changes = 0;
  #coded = 0;
  /** What the others still are coded by. */
  #before: Float32Array;

  constructor(rows: Rows) {
    this.#rows = rows;
    this.#width = Math.ceil(rows.dimension / 32);
    this.#sum = new Float64Array(rows.dimension);
    this.#mean = new Float32Array(rows.dimension);
    this.#before = this.#mean;
  }

  get bytes(): number {
    return this.#codes.byteLength;
  }

  /** A row was set that was free. */
  add(row: number): void {
    const vector = this.#rows.get(row);
    for (let i = 0; i < vector.length; i++) this.#sum[i]! += vector[i]!;
    this.#count++;
    this.#size = Math.max(this.#size, row + 1);
    this.#reserve();
    this.#code(row, row < this.#coded ? this.#mean : this.#before);
    this.#codeAgain();
  }

  /** A row becomes free. */
  remove(row: number): void {
    const vector = this.#rows.get(row);
    for (let i = 0; i < vector.length; i++) this.#sum[i]! -= vector[i]!;
    this.#count--;
    this.#codeAgain();
  }

  /**
   * In how many bits each row of a range differs from a query.
   * @param into as many as there are rows; for free ones it means nothing
   */
  distances(query: Float32Array, into: Uint16Array, from: number, to: number): void {
    const anew = Math.min(to, Math.max(from, this.#coded));
    if (from < anew) this.#compare(this.#codeOf(query, this.#mean), from, anew, into);
    const end = Math.min(to, this.#size);
    if (anew < end) this.#compare(this.#codeOf(query, this.#before), anew, end, into);
  }

  #codeOf(query: Float32Array, mean: Float32Array): Int32Array {
    const code = new Int32Array(this.#width);
    writeCode(query, mean, code, 0);
    return code;
  }

  #codeAgain(): void {
    this.#changes++;
    const to = Math.min(this.#size, this.#coded + CODED_AT_ONCE);
    while (this.#coded < to) this.#code(this.#coded++, this.#mean);
    if (this.#coded < this.#size) return;
    this.#before = this.#mean;
    if (2 * this.#changes < this.#meanOf || this.#count === 0) return;
    this.#mean = Float32Array.from(this.#sum, (sum) => sum / this.#count);
    this.#meanOf = this.#count;
    this.#changes = 0;
    this.#coded = 0;
  }

  #code(row: number, mean: Float32Array): void {
    writeCode(this.#rows.get(row), mean, this.#codes, row * this.#width);
  }

  #compare(query: Int32Array, from: number, to: number, into: Uint16Array): void {
    const codes = this.#codes;
    const width = this.#width;
    let at = from * width;
    for (let row = from; row < to; row++) {
      let bits = 0;
      for (let first = 0; first < width; first += WORDS_PER_SUM) {
        const last = Math.min(width, first + WORDS_PER_SUM);
        let bytes = 0;
        let word = first;
        for (; word + 2 < last; word += WORDS_PER_GROUP) {
          const fours =
            countFours(query[word]! ^ codes[at + word]!) +
            countFours(query[word + 1]! ^ codes[at + word + 1]!) +
            countFours(query[word + 2]! ^ codes[at + word + 2]!);
          bytes += (fours & 0x0f0f0f0f) + ((fours >>> 4) & 0x0f0f0f0f);
        }
        for (; word < last; word++) {
          const fours = countFours(query[word]! ^ codes[at + word]!);
          bytes += (fours & 0x0f0f0f0f) + ((fours >>> 4) & 0x0f0f0f0f);
        }
        const halves = (bytes & 0x00ff00ff) + ((bytes >>> 8) & 0x00ff00ff);
        bits += (halves & 0xffff) + (halves >>> 16);
      }
      into[row] = bits;
      at += width;
    }
  }

  #reserve(): void {
    const wanted = this.#size * this.#width;
    if (this.#codes.length >= wanted) return;
    const larger = new Int32Array(Math.max(2 * wanted, 1_024 * this.#width));
    larger.set(this.#codes);
    this.#codes = larger;
  }
}

function writeCode(vector: Float32Array, mean: Float32Array, codes: Int32Array, at: number): void {
  for (let word = 0, i = 0; i < vector.length; word++) {
    const end = Math.min(vector.length, i + 32);
    let bits = 0;
    // Without a branch, which would be foreseen wrongly every second time.
    for (; i < end; i++) bits |= Number(vector[i]! > mean[i]!) << (i & 31);
    codes[at + word] = bits;
  }
}

/** How many bits are set of each four. */
function countFours(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  return (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
}
