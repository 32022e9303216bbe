/**
 * How far the database has folded which stream, and which events it could not read. Written after what it says, so that it is
 * never ahead: what lies between is folded once more, which changes nothing.
 *
 * - `stream!position` → {created, seq, id}; `stream!adopting` → the stream that takes up what was here without one
 * - `unread!<seq>` → why an event could not be read
 */
import { key, type MemoryDb, under } from "../store/database.ts";

export interface Position {
  /** When the stream was made: tells it from another of the same name. */
  readonly created: string;
  readonly seq: number;
  /** Id of the event there: tells a stream that lost its end from one that did not. */
  readonly id?: string;
}

const POSITION = "stream!position";
const ADOPTING = "stream!adopting";
/** What is folded from the stream. Vectors of articles and the like are not. */
const FOLDED = [
  "fact",
  "ttl",
  "turn",
  "vector",
  "last",
  "cold",
  "segment",
  "summary",
  "conversation",
  "hold",
  "unread",
];

export async function readPosition(db: MemoryDb): Promise<Position | undefined> {
  const text = await db.get(POSITION);
  return text === undefined ? undefined : (JSON.parse(text) as Position);
}

export async function writePosition(db: MemoryDb, position: Position): Promise<void> {
  await db.put(POSITION, JSON.stringify(position));
}

/** The stream that takes up what was here before it, when that was begun and not ended. */
export async function readAdopting(db: MemoryDb): Promise<string | undefined> {
  return db.get(ADOPTING);
}

export async function beginAdopting(db: MemoryDb, created: string): Promise<void> {
  await db.put(ADOPTING, created, { sync: true });
}

export async function endAdopting(db: MemoryDb, position: Position): Promise<void> {
  await db.batch(
    [
      { type: "del", key: ADOPTING },
      { type: "put", key: POSITION, value: JSON.stringify(position) },
    ],
    { sync: true },
  );
}

/** Deletes all that was folded, the position first: what an interruption leaves is folded again. */
export async function clearFolded(db: MemoryDb): Promise<void> {
  await db.del(POSITION, { sync: true });
  for (const what of FOLDED) await db.clear(under(what));
}

export async function noteUnread(db: MemoryDb, seq: number, reason: string): Promise<void> {
  await db.put(key("unread", seq), reason);
}

/** Sequences of events that could not be read. */
export async function unread(db: MemoryDb): Promise<number[]> {
  const range = under("unread");
  const found: number[] = [];
  for await (const at of db.keys(range)) found.push(Number(at.slice(range.gte.length)));
  return found.sort((a, b) => a - b);
}

/** Whether anything is there that would be folded from a stream. */
export async function holdsAnything(db: MemoryDb): Promise<boolean> {
  for (const what of FOLDED) if ((await db.keys({ ...under(what), limit: 1 }).all()).length > 0) return true;
  return false;
}
