/**
 * Products of many rows with one vector, four numbers at a time (`dots.wat`): JavaScript itself takes two and a half to four times as long. Rows
 * are copied beside the vector first, since WebAssembly sees its own memory only.
 */

/** `dots.wat`, assembled. */
export const DOTS_WASM =
  "AGFzbQEAAAABCQFgBX9/f39/AAMCAQAFAwEAAQcRAgZtZW1vcnkCAARkb3RzAAAKwAEBvQECAn8CewJAA0AgA0UNASAAIQYgASAEaiEF/QwAAAAA" +
  "AAAAAAAAAAAAAAAAIQf9DAAAAAAAAAAAAAAAAAAAAAAhCANAIAcgBv0ABAAgAf0ABAD95gH95AEhByAIIAb9AAQQIAH9AAQQ/eYB/eQBIQggBkEg" +
  "aiEGIAFBIGohASABIAVJDQALIAcgCP3kASEHIAIgB/0fACAH/R8BkiAH/R8CIAf9HwOSkjgCACACQQRqIQIgA0EBayEDDAALCws=";

/** Of what every Node has; its types are among those of browsers. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { readonly exports: unknown };
};

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  /** Places and `bytes` are in bytes. */
  dots(vector: number, rows: number, out: number, count: number, bytes: number): void;
}

/** Rows in one call: with the vector they fit into a core's own cache. */
const ROWS_AT_ONCE = 64;
/** Floats that the loop takes at once: a row is filled up to a multiple of it. */
const FLOATS_AT_ONCE = 8;
const FLOAT_BYTES = 4;
const PAGE_BYTES = 65_536;

const { memory, dots } = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(DOTS_WASM, "base64")))
  .exports as Exports;
/** Of the whole memory: vector, rows, products. */
let floats = new Float32Array(memory.buffer);
/** Floats of a row that is filled up; 0 before the first call. */
let stride = 0;
let dimension = 0;

export interface RowSource {
  readonly dimension: number;
  get(row: number): Float32Array;
}

/** Products of `rows[from]` … `rows[to - 1]` with a vector; a view that is good until the next call. */
export function products(
  source: RowSource,
  vector: Float32Array,
  rows: readonly number[],
  from = 0,
  to = rows.length,
): Float32Array {
  makeRoom(source.dimension, to - from);
  floats.set(vector, 0);
  const out = stride * (1 + ROWS_AT_ONCE);
  for (let first = from; first < to; first += ROWS_AT_ONCE) {
    const count = Math.min(ROWS_AT_ONCE, to - first);
    for (let i = 0; i < count; i++) floats.set(source.get(rows[first + i]!), stride * (1 + i));
    const place = (out + first - from) * FLOAT_BYTES;
    dots(0, stride * FLOAT_BYTES, place, count, stride * FLOAT_BYTES);
  }
  return floats.subarray(out, out + to - from);
}

function makeRoom(ofDimension: number, count: number): void {
  const floatsOfRow = Math.ceil(ofDimension / FLOATS_AT_ONCE) * FLOATS_AT_ONCE;
  const wanted = (floatsOfRow * (1 + ROWS_AT_ONCE) + count) * FLOAT_BYTES;
  const missing = wanted - memory.buffer.byteLength;
  if (missing > 0) {
    memory.grow(Math.ceil(missing / PAGE_BYTES));
    floats = new Float32Array(memory.buffer);
  }
  if (ofDimension === dimension) return;
  // What rows are filled up with is nothing.
  floats.fill(0);
  dimension = ofDimension;
  stride = floatsOfRow;
}
