/**
 * A cold conversation as bytes: its turns compressed, its vectors as they are, since they hardly get shorter and have to come
 * back exactly: what is found must not depend on the tier.
 *
 *     u32 length of the turns | turns and what the vectors are of, JSON in Brotli | 32-bit floats, vector after vector
 */
import { promisify } from "node:util";
import { brotliCompress, brotliDecompress, constants } from "node:zlib";
import type { Turn } from "./turns.ts";

const compress = promisify(brotliCompress);
const decompress = promisify(brotliDecompress);
const QUALITY = { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } };
const LENGTH_BYTES = 4;

/** A vector of something that was said. */
export interface KeptVector {
  /** Which of a turn's two sayings: where its row is in the warm tier. */
  readonly id: string;
  /** Encoder's id. */
  readonly model: string;
  /** Hash of the words that it is of. */
  readonly words: string;
  readonly data: Float32Array;
}

export interface Archived {
  readonly turns: readonly Turn[];
  readonly vectors: readonly KeptVector[];
}

interface Head {
  readonly turns: readonly Turn[];
  readonly vectors: readonly (Omit<KeptVector, "data"> & { readonly dimension: number })[];
}

export async function pack({ turns, vectors }: Archived): Promise<Uint8Array> {
  const head: Head = {
    turns,
    vectors: vectors.map(({ data, ...of }) => ({ ...of, dimension: data.length })),
  };
  const json = await compress(JSON.stringify(head), QUALITY);
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32LE(json.length);
  const floats = vectors.map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  return Buffer.concat([length, json, ...floats]);
}

export async function unpack(bytes: Uint8Array): Promise<Archived> {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = LENGTH_BYTES + all.readUInt32LE();
  const head = JSON.parse((await decompress(all.subarray(LENGTH_BYTES, end))).toString("utf8")) as Head;
  // A copy, since floats have to begin at a multiple of four.
  const floats = new Float32Array(Uint8Array.from(all.subarray(end)).buffer);
  let at = 0;
  const vectors = head.vectors.map(({ dimension, ...of }): KeptVector => {
    const data = floats.slice(at, at + dimension);
    at += dimension;
    return { ...of, data };
  });
  return { turns: head.turns, vectors };
}
