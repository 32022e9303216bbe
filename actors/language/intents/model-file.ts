/**
 * A trained classifier as one file, so that a second start takes no training. Layout: magic, length of a JSON header, the
 * header, then the numbers as little-endian float32. A file that cannot be read is trained anew, never trusted.
 */
import { createHash, randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { endianness } from "node:os";
import { join } from "node:path";
import type { Calibration, HeldOutResult } from "./classifier.ts";
import { IntentClassifier } from "./classifier.ts";
import { LinearDiscriminant } from "./discriminant.ts";
import { LexicalFeatures } from "./lexical.ts";
import { MultinomialRegression } from "./regression.ts";

const MAGIC = "bwin0002";
/** Files of earlier playbooks or encoders that are kept, for going back and forth between versions. */
const KEPT = 4;

interface Header {
  readonly labels: readonly string[];
  readonly lexicon: ReturnType<LexicalFeatures["toJSON"]>;
  readonly calibration: Calibration;
  readonly heldOut: readonly HeldOutResult[];
  readonly dimension: number;
  /** Training vectors of each class. */
  readonly counts: readonly number[];
  /** SHA-256 (hex) of the numbers. */
  readonly digest: string;
}

export function encodeModel(classifier: IntentClassifier): Buffer {
  const { labels, core, calibration } = classifier.parts;
  const arrays = [
    core.regression.weights,
    core.regression.bias,
    core.discriminant.weights,
    core.discriminant.bias,
    ...core.vectors.flat(),
  ];
  const numbers = Buffer.concat(arrays.map((a) => Buffer.from(a.buffer, a.byteOffset, a.byteLength)));
  const header: Header = {
    labels,
    lexicon: core.lexicon.toJSON(),
    calibration,
    heldOut: classifier.heldOut,
    dimension: core.discriminant.dimension,
    counts: core.vectors.map((list) => list.length),
    digest: createHash("sha256").update(numbers).digest("hex"),
  };
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.length);
  return Buffer.concat([Buffer.from(MAGIC), length, json, numbers]);
}

/** Undefined when the bytes are no model of this version, or damaged. */
export function decodeModel(bytes: Buffer): IntentClassifier | undefined {
  if (endianness() !== "LE" || bytes.subarray(0, MAGIC.length).toString() !== MAGIC) return undefined;
  try {
    const start = MAGIC.length + 4;
    const length = bytes.readUInt32LE(MAGIC.length);
    const header = JSON.parse(bytes.subarray(start, start + length).toString()) as Header;
    const numbers = bytes.subarray(start + length);
    if (createHash("sha256").update(numbers).digest("hex") !== header.digest) return undefined;
    let at = 0;
    const take = (count: number): Float32Array => {
      const copy = new Float32Array(count);
      Buffer.from(copy.buffer).set(numbers.subarray(at, at + 4 * count));
      at += 4 * count;
      return copy;
    };
    const classes = header.labels.length;
    const lexicon = LexicalFeatures.fromJSON(header.lexicon);
    return new IntentClassifier(
      header.labels,
      {
        lexicon,
        regression: new MultinomialRegression(classes, take(lexicon.size * classes), take(classes)),
        discriminant: new LinearDiscriminant(
          classes,
          header.dimension,
          take(header.dimension * classes),
          take(classes),
        ),
        vectors: header.counts.map((count) => Array.from({ length: count }, () => take(header.dimension))),
      },
      header.calibration,
      header.heldOut,
    );
  } catch {
    return undefined;
  }
}

/** The classifier with this key in the folder, if there is an intact one. */
export async function loadModel(folder: string, key: string): Promise<IntentClassifier | undefined> {
  const bytes = await readFile(join(folder, fileName(key))).catch(() => undefined);
  return bytes && decodeModel(bytes);
}

/** Writes it whole or not at all, and removes the oldest ones. */
export async function saveModel(folder: string, key: string, classifier: IntentClassifier): Promise<void> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, fileName(key));
  const draft = `${path}.${randomBytes(4).toString("hex")}`;
  await writeFile(draft, encodeModel(classifier));
  await rename(draft, path);
  const files = (await readdir(folder)).filter((name) => /^intents-[0-9a-f]+\.bin$/.test(name));
  const aged = await Promise.all(
    files.map(async (name) => ({ name, at: (await stat(join(folder, name))).mtimeMs })),
  );
  aged.sort((a, b) => b.at - a.at);
  for (const { name } of aged.slice(KEPT)) await rm(join(folder, name), { force: true });
}

function fileName(key: string): string {
  return `intents-${key}.bin`;
}
