/**
 * The imported files themselves, kept beside the data under `<data-dir>/imports/<dataset>/`: a desk can be set up again
 * from them, and what it says can be held against them by somebody who does not trust its records.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { chmod, copyFile, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";

const MANIFEST = "imports.json";

export interface Original {
  /** Name of the file, also in the folder. */
  readonly file: string;
  readonly collection: string;
  readonly records: number;
  readonly sha256: string;
  /** Name of a shipped map, or of the copy of a map in the folder. */
  readonly map?: string;
  /** Field that identified a record. */
  readonly key?: string;
  readonly importedAt: string;
}

export function originalsFolder(dataDir: string, dataset: string): string {
  return join(dataDir, "imports", dataset);
}

/** Copies a file that was imported; one of the same name takes the place of the former. */
export async function keepOriginal(
  folder: string,
  path: string,
  about: Pick<Original, "collection" | "records" | "map" | "key">,
): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = basename(path);
  await copyAs(path, join(folder, file));
  let map = about.map;
  if (map?.match(/[/\\]|\.ya?ml$/)) {
    await copyAs(map, join(folder, basename(map)));
    map = basename(map);
  }
  const sha256 = await digestOf(join(folder, file));
  const others = (await originals(folder)).filter((o) => o.file !== file);
  const entry: Original = { ...about, map, file, sha256, importedAt: new Date().toISOString() };
  const manifest = join(folder, MANIFEST);
  await writeFile(`${manifest}.new`, `${JSON.stringify([...others, entry], null, 2)}\n`, { mode: 0o600 });
  await rename(`${manifest}.new`, manifest);
}

/** What was imported, in the order of the imports; nothing when there is no such folder. */
export async function originals(folder: string): Promise<Original[]> {
  try {
    return JSON.parse(await readFile(join(folder, MANIFEST), "utf8")) as Original[];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** SHA-256 of a file, hex. */
export async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

async function copyAs(from: string, to: string): Promise<void> {
  if (from === to) return;
  await copyFile(from, `${to}.new`);
  await chmod(`${to}.new`, 0o600);
  await rename(`${to}.new`, to);
}
