/**
 * A cold conversation as bytes: its turns compressed, its vectors as they are, since they hardly get shorter and have to come
 * back exactly: what is found must not depend on the tier.
 *
 *     u32 length of the turns | turns and what the vectors are of, JSON in Brotli | 32-bit floats, vector after vector
 */
import { promisify } from "node:util";
import { brotliCompress, brotliDecompress, constants } from "node:zlib";
import { bytesOf, floatsOf, split, u32 } from "./bytes.ts";
import type { Turn } from "./sayings.ts";

const compress = promisify(brotliCompress);
const decompress = promisify(brotliDecompress);
const QUALITY = { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } };

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
  return Buffer.concat([u32(json.length), json, ...vectors.map(({ data }) => bytesOf(data))]);
}

export async function unpack(bytes: Uint8Array): Promise<Archived> {
  // It was sealed as a whole.
  const [json, rest] = split(bytes)!;
  const head = JSON.parse((await decompress(json)).toString("utf8")) as Head;
  const floats = floatsOf(rest);
  let at = 0;
  const vectors = head.vectors.map(({ dimension, ...of }): KeptVector => {
    const data = floats.slice(at, at + dimension);
    at += dimension;
    return { ...of, data };
  });
  return { turns: head.turns, vectors };
}
