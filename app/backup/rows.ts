/**
 * Rows of a store on their way into an archive and back. They may be anything, personal data in clear as well, so they are sealed
 * under a key that follows from the workspace key: an archive without that key says nothing of them.
 *
 * A part is sealed for its place in one archive; in it are rows as lines of JSON, `[key, value in base64]`, compressed.
 */
import { createReadStream } from "node:fs";
import { appendFile, mkdir, readdir } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { Level } from "level";
import type { Sealer } from "../../runtime/log/sealer.ts";
import type { Row } from "../../runtime/rows.ts";

/** Bytes of lines in one part, about. */
const PART_BYTES = 2 * 1024 * 1024;
/** Of a file, in one row. */
const FILE_ROW_BYTES = 512 * 1024;
/** Rows in one batch. */
const BATCH = 1_000;

const compress = promisify(gzip);
const decompress = promisify(gunzip);

/** Where a part belongs: it opens nowhere else. */
export interface PartPlace {
  readonly archive: string;
  readonly store: string;
  readonly part: number;
}

function placeOf({ archive, store, part }: PartPlace): string {
  return `archive ${archive} ${store} ${part}`;
}

/** Parts of a store, and how many rows each has. */
export async function* sealRows(
  rows: AsyncIterable<Row>,
  sealer: Sealer,
  place: Omit<PartPlace, "part">,
): AsyncGenerator<{ readonly rows: number; readonly bytes: Buffer }> {
  let lines: string[] = [];
  let bytes = 0;
  let part = 0;
  const packed = async (): Promise<{ rows: number; bytes: Buffer }> => {
    const plain = await compress(lines.join(""));
    const sealed = { rows: lines.length, bytes: sealer.seal(plain, placeOf({ ...place, part: part++ })) };
    lines = [];
    bytes = 0;
    return sealed;
  };
  for await (const [key, value] of rows) {
    const line = `${JSON.stringify([key, Buffer.from(value).toString("base64")])}\n`;
    lines.push(line);
    bytes += line.length;
    if (bytes >= PART_BYTES) yield await packed();
  }
  if (lines.length > 0) yield await packed();
}

/** The rows of a part. @throws SealError */
export async function openRows(part: Uint8Array, sealer: Sealer, place: PartPlace): Promise<Row[]> {
  const text = (await decompress(sealer.open(part, placeOf(place)))).toString("utf8");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line): Row => {
      const [key, value] = JSON.parse(line) as [string, string];
      return [key, Buffer.from(value, "base64")];
    });
}

/** Files below a folder, each in rows of its path; none when there is no such folder. */
export async function* rowsOfFiles(folder: string): AsyncGenerator<Row> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    const path = relative(folder, file).split(sep).join("/");
    // Also one that is empty is a file.
    yield [path, new Uint8Array(0)];
    for await (const chunk of createReadStream(file, { highWaterMark: FILE_ROW_BYTES }))
      yield [path, chunk as Buffer];
  }
}

/** Makes a database of rows. The last ones are on disk when this resolves. */
export async function writeDatabase(folder: string, parts: AsyncIterable<readonly Row[]>): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const db = new Level<string, Uint8Array>(folder, { valueEncoding: "view" });
  await db.open();
  try {
    for await (const rows of parts) {
      for (let at = 0; at < rows.length; at += BATCH) {
        const batch = rows
          .slice(at, at + BATCH)
          .map(([key, value]) => ({ type: "put" as const, key, value }));
        await db.batch(batch, { sync: true });
      }
    }
  } finally {
    await db.close();
  }
}

/** Makes files of rows. @throws Error for a path that leads out of the folder */
export async function writeFiles(folder: string, parts: AsyncIterable<readonly Row[]>): Promise<void> {
  for await (const rows of parts) {
    for (const [path, content] of rows) {
      const file = resolve(folder, path);
      if (!file.startsWith(resolve(folder) + sep)) throw new Error(`${path} leads out of ${folder}`);
      await mkdir(dirname(file), { recursive: true, mode: 0o700 });
      await appendFile(file, content, { mode: 0o600 });
    }
  }
}
