/**
 * Search over unit vectors. A document may have several; its cosine is that of the nearest with the nearest of the query's.
 *
 * While they are few, all are compared. Beyond `exactRows`, those that may be the nearest are picked by their sign codes, and
 * only they are compared: of the mean over all, a sample of documents tells. How much of what is nearest is found so, and how
 * long that takes: `bench memory`, docs/memory.md.
 */
import { atOnce, type Resting } from "../slices.ts";
import { isFiniteVector, Rows } from "./rows.ts";
import { SignCodes } from "./sign-codes.ts";

export interface VectorOptions {
  /** Rows up to which all are compared. Default 8,192. */
  readonly exactRows?: number;
  /** Rows that are compared of those that may be near: shared by the vectors of a query, but not fewer than 200 for each. Default 4,000. */
  readonly compared?: number;
}

export interface Nearest {
  readonly cosine: number;
  /** Which of the document's vectors was the nearest. */
  readonly part: number;
}

export interface Near {
  /** By document: all that may be found, or of many those that are the nearest. */
  readonly found: Map<string, Nearest>;
  /** Whether these are all. */
  readonly isAll: boolean;
  /** Of the cosines of all that may be found, or of a sample. */
  readonly spread: Spread;
}

export interface Spread {
  readonly mean: number;
  readonly deviation: number;
  readonly low: number;
  readonly high: number;
}

interface Document {
  readonly id: string;
  /** Where its vectors lie, in their order. */
  readonly rows: readonly number[];
}

/** Rows from which on they are coded: by the time that codes are needed, they are there. */
const CODED_FROM = 1_024;
/** Rows from before that are coded with each that comes. */
const CODED_PER_ROW = 4;
/** Of the rows that are compared so many are kept, the nearest: what is farther is found by its words or not at all. */
const KEPT = 512;
/** Rows whose codes are compared in one step: a fraction of a millisecond, some milliseconds while the code is not compiled. */
const CODES_AT_ONCE = 2_048;
/** Documents that tell of all where not all are compared: so many by so many vectors of the query, but not fewer than these. */
const SAMPLE = 256;
const LEAST_SAMPLE = 64;
const LEAST_COMPARED = 200;
/** Products of rows with the query's vectors in one step: a fraction of a millisecond. A document may have many rows. */
const PRODUCTS_AT_ONCE = 512;
const FREE = -1;

export class VectorIndex {
  readonly dimension: number;
  readonly #exactRows: number;
  readonly #compared: number;
  readonly #rows: Rows;
  readonly #byId = new Map<string, number>();
  /** Documents by number; numbers, like rows, are used again. */
  readonly #documents: (Document | undefined)[] = [];
  readonly #freeNumbers: number[] = [];
  /** Number of the document that a row belongs to, and which of its rows it is. */
  readonly #owners: number[] = [];
  readonly #parts: number[] = [];
  readonly #freeRows: number[] = [];
  #codes: SignCodes | undefined;
  /** Rows below it have codes. */
  #coded = 0;

  constructor(dimension: number, { exactRows = 8_192, compared = 4_000 }: VectorOptions = {}) {
    this.dimension = dimension;
    this.#exactRows = exactRows;
    this.#compared = compared;
    this.#rows = new Rows(dimension);
  }

  get rows(): number {
    return this.#owners.length - this.#freeRows.length;
  }

  /** Bytes that are reserved for vectors and codes. */
  get bytes(): number {
    return this.#rows.bytes + (this.#codes?.bytes ?? 0);
  }

  /**
   * Adds a document's vectors, or replaces them.
   * @throws RangeError when one has another dimension, or numbers that are none; the document is then as it was.
   */
  add(id: string, vectors: readonly Float32Array[]): void {
    for (const [part, vector] of vectors.entries()) this.#check(vector, `vector ${part} of ${id}`);
    this.remove(id);
    if (vectors.length === 0) return;
    const number = this.#freeNumbers.pop() ?? this.#documents.length;
    const rows = vectors.map((vector, part) => {
      const row = this.#freeRows.pop() ?? this.#owners.length;
      this.#rows.set(row, vector);
      this.#owners[row] = number;
      this.#parts[row] = part;
      if (row < this.#coded) this.#codes!.add(row);
      return row;
    });
    this.#documents[number] = { id, rows };
    this.#byId.set(id, number);
    this.#codeMore(vectors.length);
  }

  remove(id: string): void {
    const number = this.#byId.get(id);
    if (number === undefined) return;
    for (const row of this.#documents[number]!.rows) {
      if (row < this.#coded) this.#codes!.remove(row);
      this.#owners[row] = FREE;
      this.#freeRows.push(row);
    }
    this.#documents[number] = undefined;
    this.#freeNumbers.push(number);
    this.#byId.delete(id);
  }

  /** A document's vector; a view that is good until the document changes. */
  vector(id: string, part: number): Float32Array | undefined {
    const row = this.#document(id)?.rows[part];
    return row === undefined ? undefined : this.#rows.get(row);
  }

  /** For each document, the best cosine of its vectors with one of the query's, and which one that was. */
  search(query: readonly Float32Array[], allow?: (id: string) => boolean): Map<string, Nearest> {
    return atOnce(this.#comparing(query, allow));
  }

  *#comparing(
    query: readonly Float32Array[],
    allow?: (id: string) => boolean,
  ): Resting<Map<string, Nearest>> {
    this.#checkAll(query);
    const found = new Map<string, Nearest>();
    const step = new Steps(query);
    // What comes or goes while it rests is found or not.
    for (const [id, number] of this.#byId) {
      if (allow && !allow(id)) continue;
      const document = this.#documents[number]!;
      found.set(id, this.#nearest(document, query));
      if (step.isOver(document)) yield;
    }
    return found;
  }

  /** The nearest documents of those that are allowed, not fewer than the ten nearest, and how cosines spread. */
  near(query: readonly Float32Array[], allow?: (id: string) => boolean): Near {
    return atOnce(this.nearly(query, allow));
  }

  /** The same in steps, each of which takes a few milliseconds where there are a hundred thousand rows. */
  *nearly(query: readonly Float32Array[], allow?: (id: string) => boolean): Resting<Near> {
    const excluded = allow && this.#excluded(allow);
    const codes = this.#coded < this.#owners.length ? undefined : this.#codes;
    if (!codes || this.rows - (excluded?.rows ?? 0) <= this.#exactRows) {
      const found = yield* this.#comparing(query, allow);
      return { found, isAll: true, spread: spread([...found.values()].map(({ cosine }) => cosine)) };
    }
    this.#checkAll(query);
    const found = new Map<string, Nearest>();
    const compared = Math.max(LEAST_COMPARED, Math.ceil(this.#compared / query.length));
    for (const vector of query) {
      const picked = yield* this.#pick(vector, codes, compared, excluded?.documents);
      const cosines = new Float32Array(picked.length);
      const owners: (Document | undefined)[] = [];
      for (let from = 0; from < picked.length; from += PRODUCTS_AT_ONCE) {
        yield;
        const to = Math.min(picked.length, from + PRODUCTS_AT_ONCE);
        cosines.set(this.#rows.products(vector, picked, from, to), from);
        for (let n = from; n < to; n++) owners.push(this.#ownerOf(picked[n]!));
      }
      yield;
      const least = cosines.slice().sort()[Math.max(0, picked.length - KEPT)]!;
      for (const [n, row] of picked.entries()) {
        const cosine = cosines[n]!;
        const owner = owners[n];
        // It may be gone, or another's, since.
        if (cosine < least || owner === undefined || this.#ownerOf(row) !== owner) continue;
        if (cosine > (found.get(owner.id)?.cosine ?? Number.NEGATIVE_INFINITY))
          found.set(owner.id, { cosine, part: this.#parts[row]! });
      }
    }
    yield;
    return { found, isAll: false, spread: yield* this.#spreadOfSample(query, found, excluded?.documents) };
  }

  /** Adds to what was found, in steps, how near these documents are; those without vectors are left out. */
  *adding(
    ids: readonly string[],
    query: readonly Float32Array[],
    found: Map<string, Nearest>,
  ): Resting<void> {
    const step = new Steps(query);
    for (const id of ids) {
      const document = this.#document(id);
      if (!document) continue;
      found.set(id, this.#nearest(document, query));
      if (step.isOver(document)) yield;
    }
  }

  #ownerOf(row: number): Document | undefined {
    return this.#documents[this.#owners[row]!];
  }

  #document(id: string): Document | undefined {
    const number = this.#byId.get(id);
    return number === undefined ? undefined : this.#documents[number];
  }

  #nearest({ rows }: Document, query: readonly Float32Array[]): Nearest {
    let cosine = Number.NEGATIVE_INFINITY;
    let part = 0;
    for (const vector of query) {
      const products = this.#rows.products(vector, rows);
      for (let i = 0; i < products.length; i++) {
        const product = products[i]!;
        // Of two that are as near the first one.
        if (product > cosine || (product === cosine && i < part)) {
          cosine = product;
          part = i;
        }
      }
    }
    return { cosine, part };
  }

  /** Rows whose codes differ least from a vector's. */
  *#pick(
    vector: Float32Array,
    codes: SignCodes,
    compared: number,
    excluded: Uint8Array | undefined,
  ): Resting<number[]> {
    const owners = this.#owners;
    const distances = new Uint16Array(owners.length);
    for (let row = 0; row < distances.length; row += CODES_AT_ONCE) {
      codes.distances(vector, distances, row, Math.min(row + CODES_AT_ONCE, distances.length));
      yield;
    }
    // How many there are at each distance tells up to which one to take.
    const counts = new Int32Array(this.dimension + 1);
    for (let row = 0; row < distances.length; row++) {
      const owner = owners[row]!;
      if (owner !== FREE && !(excluded && excluded[owner] === 1)) counts[distances[row]!]!++;
    }
    let most = 0;
    for (let sum = counts[0]!; sum < compared && most < this.dimension; sum += counts[most]!) most++;
    const rows: number[] = [];
    for (let row = 0; row < distances.length; row++) {
      if (distances[row]! > most) continue;
      const owner = owners[row]!;
      if (owner !== FREE && !(excluded && excluded[owner] === 1)) rows.push(row);
    }
    return rows;
  }

  /** What is nearest is known; what is usual and what is farthest, a sample tells, the same one at each search. */
  *#spreadOfSample(
    query: readonly Float32Array[],
    found: ReadonlyMap<string, Nearest>,
    excluded: Uint8Array | undefined,
  ): Resting<Spread> {
    const documents = this.#documents;
    const sample = Math.max(LEAST_SAMPLE, SAMPLE / query.length);
    const step = Math.max(1, Math.floor(documents.length / sample));
    const cosines: number[] = [];
    const compared = new Steps(query);
    for (let number = 0; number < documents.length; number += step) {
      const document = documents[number];
      if (!document || excluded?.[number] === 1) continue;
      cosines.push(this.#nearest(document, query).cosine);
      if (compared.isOver(document)) yield;
    }
    const { mean, deviation, low } = spread(cosines);
    const farther = deviation * (extremeOf(step * cosines.length) - extremeOf(cosines.length));
    let high = Number.NEGATIVE_INFINITY;
    for (const { cosine } of found.values()) high = Math.max(high, cosine);
    return { mean, deviation, low: Math.min(low - farther, high), high };
  }

  #excluded(allow: (id: string) => boolean): { documents: Uint8Array; rows: number } {
    const documents = new Uint8Array(this.#documents.length);
    let rows = 0;
    for (const [id, number] of this.#byId) {
      if (allow(id)) continue;
      documents[number] = 1;
      rows += this.#documents[number]!.rows.length;
    }
    return { documents, rows };
  }

  /** Codes some rows more with each that comes, so that nobody waits for all of them at once. */
  #codeMore(came: number): void {
    if (!this.#codes) {
      if (this.rows < Math.min(CODED_FROM, this.#exactRows / 2)) return;
      this.#codes = new SignCodes(this.#rows);
    }
    const to = Math.min(this.#owners.length, this.#coded + came * (1 + CODED_PER_ROW));
    for (; this.#coded < to; this.#coded++)
      if (this.#owners[this.#coded] !== FREE) this.#codes.add(this.#coded);
  }

  #checkAll(query: readonly Float32Array[]): void {
    for (const [part, vector] of query.entries()) this.#check(vector, `vector ${part} of the query`);
  }

  #check(vector: Float32Array, which: string): void {
    if (vector.length !== this.dimension) {
      throw new RangeError(
        `${which}: a vector of ${vector.length} numbers does not fit an index of ${this.dimension}`,
      );
    }
    if (isFiniteVector(vector)) return;
    const place = vector.findIndex((value) => !Number.isFinite(value));
    throw new RangeError(
      `${which}: ${vector[place]} at place ${place} is no number to compare: the encoder that it comes from is broken, or what was stored is damaged`,
    );
  }
}

/** When documents that were compared with a query make up a step. */
class Steps {
  readonly #vectors: number;
  #products = 0;

  constructor(query: readonly Float32Array[]) {
    this.#vectors = query.length;
  }

  /** @param document that was compared last */
  isOver({ rows }: Document): boolean {
    this.#products += rows.length * this.#vectors;
    if (this.#products < PRODUCTS_AT_ONCE) return false;
    this.#products = 0;
    return true;
  }
}

/** By how many standard deviations the farthest of so many is off the mean, about, where they spread as errors do. */
function extremeOf(count: number): number {
  return Math.sqrt(2 * Math.log(Math.max(1, count)));
}

function spread(values: readonly number[]): Spread {
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
