/**
 * The warm tier's LevelDB, `<data-dir>/memory`. Keys are words joined by `!`, so that what belongs together lies together.
 * Ids in them are generated or hashed; a person's words are only ever in sealed values.
 */
import { Level } from "level";

export type MemoryDb = Level<string, string>;
export type MemoryBatch = ReturnType<MemoryDb["batch"]>;

/** @throws Error naming the folder when another process has it open or it cannot be written. */
export async function openDatabase(dir: string): Promise<MemoryDb> {
  const db: MemoryDb = new Level(dir, { valueEncoding: "utf8" });
  try {
    await db.open();
  } catch (error) {
    const { code } = (error as { cause?: { code?: string } }).cause ?? {};
    if (code === "LEVEL_LOCKED") {
      throw new Error(
        `${dir} is in use by another process: stop the other node, or choose another --data-dir`,
      );
    }
    throw new Error(`cannot open the memory in ${dir}: ${(error as Error).message}`, { cause: error });
  }
  return db;
}

export function key(...parts: readonly (string | number)[]): string {
  return parts.join("!");
}

/** The range of all keys that begin with these parts. */
export function under(...parts: readonly (string | number)[]): { gte: string; lt: string } {
  const prefix = parts.join("!");
  // `"` is the character after `!`.
  return { gte: `${prefix}!`, lt: `${prefix}"` };
}

/** What belongs to one person or conversation is read in one go, rather than 16 KiB at a time. */
export const IN_ONE_GO = { highWaterMarkBytes: 4 * 1024 * 1024 } as const;

/** Times as text that sorts like the times. */
export function sortable(time: number): string {
  return Math.max(0, Math.floor(time)).toString().padStart(15, "0");
}

/** Second words of the keys that begin with a word, in order, each once. */
export async function* secondWords(db: MemoryDb, first: string): AsyncGenerator<string> {
  let last: string | undefined;
  for await (const at of db.keys(under(first))) {
    const word = at.split("!")[1]!;
    if (word !== last) yield word;
    last = word;
  }
}
