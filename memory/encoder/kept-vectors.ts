/**
 * Vectors of texts that are shipped, computed at set-up: no desk has to encode them again at its first start.
 *
 * A file of each encoder: magic, the length of a head (32 bits, little endian), the head as JSON, the SHA-256 of each text, and the numbers
 * as 32-bit floats, little endian, one vector after the other. A file that can't be read is not used.
 */
import { createHash, randomBytes } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bytesOf, floatsOf, split, u32 } from "../store/bytes.ts";
import type { Encoder } from "./encoder.ts";

const MAGIC = "bwve0001";
const HASH_BYTES = 32;

interface Head {
  readonly id: string;
  readonly dimension: number;
  readonly texts: number;
  /** SHA-256 (hex) of what follows. */
  readonly digest: string;
}

/** What a text is known by. */
export function hashOfText(text: string): string {
  return createHash("sha256").update(text).digest("base64");
}

/** Writes it whole or not at all, in place of what was there. @param vectors by text */
export async function keepVectors(
  folder: string,
  { id, dimension }: Pick<Encoder, "id" | "dimension">,
  vectors: ReadonlyMap<string, Float32Array>,
): Promise<void> {
  const hashes = [...vectors.keys()].map((text) => Buffer.from(hashOfText(text), "base64"));
  const numbers = [...vectors.values()].map((vector) => bytesOf(vector));
  const body = Buffer.concat([...hashes, ...numbers]);
  const head: Head = { id, dimension, texts: vectors.size, digest: sha256(body) };
  const words = Buffer.from(JSON.stringify(head));
  await mkdir(folder, { recursive: true });
  const path = fileOf(folder, id);
  const draft = `${path}.${randomBytes(4).toString("hex")}`;
  await writeFile(draft, Buffer.concat([Buffer.from(MAGIC), u32(words.length), words, body]));
  await rename(draft, path);
}

/** By hash of the text; none where there is no intact file of this encoder. */
export async function keptVectors(
  folder: string,
  { id, dimension }: Pick<Encoder, "id" | "dimension">,
): Promise<ReadonlyMap<string, Float32Array>> {
  const kept = new Map<string, Float32Array>();
  const bytes = await readFile(fileOf(folder, id)).catch(() => undefined);
  if (bytes?.subarray(0, MAGIC.length).toString() !== MAGIC) return kept;
  try {
    const [words, body] = split(bytes.subarray(MAGIC.length)) ?? [];
    if (!words || !body) return kept;
    const head = JSON.parse(words.toString("utf8")) as Head;
    if (head.id !== id || head.dimension !== dimension || sha256(body) !== head.digest) return kept;
    const flat = floatsOf(body.subarray(head.texts * HASH_BYTES));
    for (let i = 0; i < head.texts; i++) {
      const hash = body.toString("base64", i * HASH_BYTES, (i + 1) * HASH_BYTES);
      kept.set(hash, flat.subarray(i * dimension, (i + 1) * dimension));
    }
  } catch {
    return new Map();
  }
  return kept;
}

function fileOf(folder: string, id: string): string {
  return join(folder, `${sha256(Buffer.from(id)).slice(0, 16)}.bin`);
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
