/**
 * Where the checkpoints of actors are, as part of a node's index of the log, in the same LevelDB and written with it:
 * - `c!<key>!<kind>!<id>!<seq>` → up to where this checkpoint of an actor reaches
 */
import type { Level } from "level";
import type { Address } from "../address.ts";

export interface IndexedCheckpoint {
  readonly seq: number;
  /** Last record of the actor that is in its state. */
  readonly covers: number;
}

export interface Row {
  readonly type: "put";
  readonly key: string;
  readonly value: string;
}

export class CheckpointIndex {
  readonly #db: Level<string, string>;
  /** Noted and not yet written, by the key of the row. */
  readonly #fresh = new Map<string, number>();
  /** There is not one: where nothing leaves the log, no new actor has to wait for LevelDB to say so. */
  #none = false;

  constructor(db: Level<string, string>) {
    this.#db = db;
  }

  /** Looks whether there is any; to be called before anything is noted. */
  async look(): Promise<void> {
    const [any] = await this.#db.keys({ gte: "c!", lt: "c!~", limit: 1 }).all();
    this.#none = any === undefined;
  }

  note(to: Address, seq: number, covers: number): void {
    this.#none = false;
    this.#fresh.set(`${prefixOf(to)}${seq.toString().padStart(14, "0")}`, covers);
  }

  /** Checkpoints of an actor, those that reach furthest first. */
  async of(to: Address): Promise<IndexedCheckpoint[]> {
    if (this.#none) return [];
    const prefix = prefixOf(to);
    const found = new Map<string, number>();
    // The fresh ones first: a write in between only moves them to where the iterator looks next.
    for (const [key, covers] of this.#fresh) if (key.startsWith(prefix)) found.set(key, covers);
    for await (const [key, covers] of this.#db.iterator({ gte: prefix, lt: `${prefix}~` }))
      found.set(key, Number(covers));
    const all = [...found].map(([key, covers]) => ({ seq: seqOf(key), covers }));
    return all.sort((a, b) => b.covers - a.covers || a.seq - b.seq);
  }

  /** Sequences of the checkpoints of all actors with this key. */
  async ofKey(key: string): Promise<number[]> {
    if (this.#none) return [];
    const prefix = `c!${key}!`;
    const found = new Set<number>();
    for (const each of this.#fresh.keys()) if (each.startsWith(prefix)) found.add(seqOf(each));
    for await (const each of this.#db.keys({ gte: prefix, lt: `${prefix}~` })) found.add(seqOf(each));
    return [...found];
  }

  /** What has to be written. */
  rows(): Row[] {
    return [...this.#fresh].map(([key, covers]) => ({ type: "put", key, value: String(covers) }));
  }

  written(rows: readonly Row[]): void {
    for (const { key } of rows) this.#fresh.delete(key);
  }
}

/** Rows that are deleted without anything else happening in between. */
const DROPPED_AT_ONCE = 500;

/**
 * Drops what the index knows of the places of records below `first`, which have left the log. Ids stay, so that none counts a
 * second time, and so does the last place of each actor: that it was there once has to be known.
 */
export async function dropLeft(db: Level<string, string>, first: number): Promise<void> {
  for (const what of ["k!", "c!"]) {
    let before: string | undefined;
    let batch: { type: "del"; key: string }[] = [];
    for await (const key of db.keys({ gte: what, lt: `${what}~` })) {
      if (before !== undefined && seqOf(before) < first && actorOf(before) === actorOf(key))
        batch.push({ type: "del", key: before });
      before = key;
      if (batch.length < DROPPED_AT_ONCE) continue;
      await db.batch(batch);
      batch = [];
    }
    await db.batch(batch);
  }
}

function prefixOf(to: Address): string {
  return `c!${to.key}!${to.kind}!${to.id}!`;
}

/** Sequence at the end of a row's key, and the actor before it. */
function seqOf(key: string): number {
  return Number(key.slice(key.lastIndexOf("!") + 1));
}

function actorOf(key: string): string {
  return key.slice(0, key.lastIndexOf("!"));
}
