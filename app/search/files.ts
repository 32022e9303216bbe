/**
 * Looks for needles in every file below a directory: in its bytes as they are, and where they are packed in what they hold. LevelDB
 * compresses its tables (Snappy) and cuts its logs into fragments; both are looked into as well, with all that was deleted and has
 * not been compacted away. The server's message blocks are not compressed.
 */
import { createReadStream } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join, relative, sep } from "node:path";
import { LevelFileError, logRecords, tableEntries } from "../formats/leveldb-files.ts";
import { S2Error } from "../formats/s2.ts";
import { type Counts, Finder, type Needle } from "./needles.ts";

/** Where a term was found. */
export interface Found {
  readonly store: string;
  readonly path: string;
  readonly count: number;
  /** How often in which form. */
  readonly forms: Counts;
}

export interface Looked {
  readonly store: string;
  readonly files: number;
  readonly bytes: number;
  readonly found: number;
}

export interface FileSearch {
  readonly found: readonly Found[];
  /** Each store with what was looked at, whether anything was found or not. */
  readonly looked: readonly Looked[];
  /** Files that could not be taken apart; their bytes were looked at as they are. */
  readonly unread: readonly { readonly path: string; readonly why: string }[];
}

/** Files of LevelDB above this size are not its own. */
const MAX_LEVEL_BYTES = 256 * 1024 * 1024;
/** Files come and go while LevelDB compacts; what came is looked at too. */
const ROUNDS = 5;
const PIECE_BYTES = 1024 * 1024;
const BETWEEN_ENTRIES = Buffer.alloc(8);

/** @throws what reading a file throws, unless it is gone */
export async function searchFiles(
  dir: string,
  needles: readonly Needle[],
  signal?: AbortSignal,
): Promise<FileSearch> {
  const found: Found[] = [];
  const unread: { path: string; why: string }[] = [];
  const looked = new Map<string, { files: number; bytes: number; found: number }>();
  const done = new Set<string>();
  for (let round = 0; round < ROUNDS; round++) {
    const files = (await filesBelow(dir)).filter((file) => !done.has(file));
    if (files.length === 0) break;
    for (const file of files) {
      signal?.throwIfAborted();
      done.add(file);
      const path = relative(dir, file).split(sep).join("/");
      const result = await searchFile(file, needles, (why) => unread.push({ path, why }));
      if (!result) continue;
      const store = storeOf(path);
      const counts = looked.get(store) ?? { files: 0, bytes: 0, found: 0 };
      looked.set(store, counts);
      counts.files++;
      counts.bytes += result.bytes;
      counts.found += result.finder.total;
      if (result.finder.total > 0)
        found.push({ store, path, count: result.finder.total, forms: result.finder.counts });
    }
  }
  return { found, looked: [...looked].map(([store, counts]) => ({ store, ...counts })), unread };
}

async function filesBelow(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** The better of two searches: of a file's bytes, and of what they hold. Undefined when the file is gone. */
async function searchFile(
  file: string,
  needles: readonly Needle[],
  onUnread: (why: string) => void,
): Promise<{ finder: Finder; bytes: number } | undefined> {
  try {
    const raw = new Finder(needles);
    let bytes = 0;
    for await (const piece of createReadStream(file, { highWaterMark: PIECE_BYTES })) {
      raw.push(piece as Buffer);
      bytes += (piece as Buffer).length;
    }
    const inside = await searchInside(file, needles, onUnread);
    return { finder: inside && inside.total > raw.total ? inside : raw, bytes };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Undefined where there is nothing to unpack. */
async function searchInside(
  file: string,
  needles: readonly Needle[],
  onUnread: (why: string) => void,
): Promise<Finder | undefined> {
  const name = basename(file);
  const isTable = name.endsWith(".ldb");
  if (!isTable && !/^\d+\.log$/.test(name) && !name.startsWith("MANIFEST-")) return undefined;
  if ((await stat(file)).size > MAX_LEVEL_BYTES) return undefined;
  const content = await readFile(file);
  const finder = new Finder(needles);
  try {
    if (isTable) await searchTable(content, finder);
    else
      for (const record of logRecords(content)) {
        finder.push(record);
        finder.cut();
      }
  } catch (error) {
    if (!(error instanceof LevelFileError || error instanceof S2Error || error instanceof RangeError))
      throw error;
    onUnread(error.message);
  }
  return finder;
}

/** Keys in full, which are written in part only. Gives way to others now and then. */
async function searchTable(content: Buffer, finder: Finder): Promise<void> {
  let waiting: Buffer[] = [];
  let bytes = 0;
  const look = async (): Promise<void> => {
    finder.push(Buffer.concat(waiting));
    finder.cut();
    waiting = [];
    bytes = 0;
    await new Promise((resolve) => setImmediate(resolve));
  };
  for (const { key, value } of tableEntries(content)) {
    waiting.push(key, BETWEEN_ENTRIES, value, BETWEEN_ENTRIES);
    bytes += key.length + value.length;
    if (bytes >= PIECE_BYTES) await look();
  }
  await look();
}

/** What a file of the data directory belongs to. */
function storeOf(path: string): string {
  const [first, ...rest] = path.split("/");
  switch (first) {
    case "engine":
      return "engine (LevelDB)";
    case "memory":
      return "memory (LevelDB)";
    case "backoffice":
      return "back office (LevelDB)";
    case "imports":
      return "imported files";
    case "logs":
      return "diagnostic logs";
    case "cache":
      return "caches";
    case "nats": {
      const stream = rest.indexOf("streams");
      return stream < 0 ? "nats-server" : `stream ${rest[stream + 1]}`;
    }
    default:
      return "other files";
  }
}
