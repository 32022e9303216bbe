/**
 * Vectors of articles in the database, of each encoder apart: computed again only for an article that changed.
 *
 * - `vectors.<hash of the encoder's id>!<article>` → its vectors; `vectors!<article>` → the same, of an earlier release
 *
 * A value is a byte with the version of this layout, the length of a head (32 bits, little endian), the head as JSON, and the
 * numbers as 32-bit floats, little endian, one vector after the other.
 */
import { createHash } from "node:crypto";
import type { Encoder } from "../encoder/encoder.ts";
import { isFiniteVector } from "../retrieval/rows.ts";
import { bytesOf, floatsOf } from "../store/bytes.ts";
import { key, type MemoryDb, under } from "../store/database.ts";
import type { Article } from "./articles.ts";

interface Head {
  /** Of the article and of how it is cut. */
  readonly hash: string;
  readonly model: string;
  readonly dimension: number;
}

/** Raised when articles are cut differently, so that their vectors are computed again. */
export const CUT_VERSION = 2;
/** Where an earlier release kept those of its only encoder. */
const FORMER = "vectors";
const LAYOUT_VERSION = 1;
const PREFIX_BYTES = 5;
const BYTES = { valueEncoding: "view" } as const;

export class ArticleVectors {
  readonly #db: MemoryDb;
  readonly #encoder: Pick<Encoder, "id" | "dimension">;

  constructor(db: MemoryDb, encoder: Pick<Encoder, "id" | "dimension">) {
    this.#db = db;
    this.#encoder = encoder;
  }

  /** Of each article; undefined where they are to be computed. */
  async get(articles: readonly Article[]): Promise<(Float32Array[] | undefined)[]> {
    const places = articles.flatMap(({ id }) => [this.#placeOf(id), key(FORMER, id)]);
    const values = await this.#db.getMany<string, Uint8Array>(places, BYTES);
    return articles.map((article, i) => {
      const value = values[2 * i] ?? values[2 * i + 1];
      return value && this.#open(article, value);
    });
  }

  async put(vectors: ReadonlyMap<Article, readonly Float32Array[]>): Promise<void> {
    const batch = this.#db.batch();
    for (const [article, own] of vectors) {
      const { id: model, dimension } = this.#encoder;
      batch.put<string, Uint8Array>(
        this.#placeOf(article.id),
        packed({ hash: hashOf(article), model, dimension }, own),
        BYTES,
      );
    }
    await batch.write();
  }

  /** Deletes those of all other articles. */
  async keepOnly(present: ReadonlySet<string>): Promise<void> {
    const batch = this.#db.batch();
    for (const range of [under(wordOf(this.#encoder.id)), under(FORMER)])
      for await (const at of this.#db.keys(range))
        if (!present.has(at.slice(range.gte.length))) batch.del(at);
    await batch.write();
  }

  #placeOf(article: string): string {
    return key(wordOf(this.#encoder.id), article);
  }

  #open(article: Article, value: Uint8Array): Float32Array[] | undefined {
    // What an earlier release wrote is computed again.
    if (value[0] !== LAYOUT_VERSION) return undefined;
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    const from = PREFIX_BYTES + bytes.readUInt32LE(1);
    const { hash, model, dimension } = JSON.parse(bytes.toString("utf8", PREFIX_BYTES, from)) as Head;
    if (hash !== hashOf(article) || model !== this.#encoder.id) return undefined;
    const flat = floatsOf(bytes.subarray(from));
    const vectors = Array.from({ length: flat.length / dimension }, (_, i) =>
      flat.subarray(i * dimension, (i + 1) * dimension),
    );
    return vectors.every(isFiniteVector) ? vectors : undefined;
  }
}

/** Deletes all of an encoder that serves no more. */
export async function dropVectorsOf(db: MemoryDb, encoder: string): Promise<void> {
  await db.clear(under(wordOf(encoder)));
  await db.clear(under(FORMER));
}

function wordOf(encoder: string): string {
  return `vectors.${createHash("sha256").update(encoder).digest("hex").slice(0, 16)}`;
}

function packed(head: Head, vectors: readonly Float32Array[]): Uint8Array {
  const words = Buffer.from(JSON.stringify(head));
  const from = PREFIX_BYTES + words.length;
  const value = Buffer.alloc(from + vectors.length * head.dimension * 4);
  value[0] = LAYOUT_VERSION;
  value.writeUInt32LE(words.length, 1);
  words.copy(value, PREFIX_BYTES);
  for (const [i, vector] of vectors.entries()) value.set(bytesOf(vector), from + i * vector.byteLength);
  return value;
}

function hashOf({ hash }: Article): string {
  return `${CUT_VERSION}:${hash}`;
}
