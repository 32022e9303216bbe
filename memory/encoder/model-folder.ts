/** Finds a model on disk and names its content. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { access, readdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { EncoderError } from "./encoder-error.ts";
import { BUILT_IN_MODEL } from "./prepare.ts";

/** Files beside the weights. */
export const NEEDED = ["config.json", "tokenizer.json", "tokenizer_config.json"];
const CHECKSUMS = "checksums.json";
const WEIGHTS = ["onnx/model.onnx", "onnx/model_quantized.onnx"];

/**
 * Answers a short digest of the weights.
 * @throws EncoderError `missing` naming what is not there and how to get it.
 */
export async function locateModel(modelsDir: string, model: string): Promise<string> {
  const folder = join(resolve(modelsDir), model);
  const { weights, missing } = await filesIn(folder);
  const [found] = weights;
  if (missing.length > 0 || !found) {
    const how =
      model === BUILT_IN_MODEL
        ? "run `npm run setup`, which prepares it without a network"
        : "copy the model's folder there, or name another one as `encoder.model`";
    throw new EncoderError(
      "missing",
      `no encoder model in ${folder} (${missing.join(", ")} not found): ${how}`,
    );
  }
  return (await recordedDigest(folder)) ?? (await sumOf(join(folder, found))).slice(0, 12);
}

async function recordedDigest(folder: string): Promise<string | undefined> {
  return (await recordedSums(folder))?.["onnx/model.onnx"]?.slice(0, 12);
}

/** SHA-256 (hex) of a model's files, by their paths, as they were when it was put there; undefined when nobody noted them. */
export async function recordedSums(folder: string): Promise<Readonly<Record<string, string>> | undefined> {
  try {
    const { files } = JSON.parse(await readFile(join(folder, CHECKSUMS), "utf8")) as {
      files?: Record<string, string>;
    };
    return files;
  } catch {
    return undefined;
  }
}

export async function writeChecksums(
  folder: string,
  noted: {
    readonly model: string;
    readonly source: string;
    readonly files: Readonly<Record<string, string>>;
  },
): Promise<void> {
  await writeFile(join(folder, CHECKSUMS), `${JSON.stringify(noted, null, 1)}\n`);
}

/** SHA-256 of a file, hex. */
export async function sumOf(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}

/** Which weights a model's folder has, the best first, and what it lacks. */
export async function filesIn(folder: string): Promise<{ weights: string[]; missing: string[] }> {
  const weights: string[] = [];
  for (const file of WEIGHTS) if (await exists(join(folder, file))) weights.push(file);
  const missing = weights.length === 0 ? [WEIGHTS.join(" or ")] : [];
  for (const file of NEEDED) if (!(await exists(join(folder, file)))) missing.push(file);
  return { weights, missing };
}

export function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

/** Names of the models in a folder, `owner/name` too. */
export async function modelsIn(modelsDir: string): Promise<string[]> {
  const found: string[] = [];
  const look = async (name: string, deeper: boolean): Promise<void> => {
    const entries = await readdir(join(modelsDir, name), { withFileTypes: true }).catch(() => []);
    if (entries.some((entry) => entry.name === "tokenizer.json")) found.push(name);
    else if (deeper) {
      for (const entry of entries) if (entry.isDirectory()) await look(join(name, entry.name), name === "");
    }
  };
  await look("", true);
  return found.sort();
}
