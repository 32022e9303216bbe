/**
 * The embedded back office: one LevelDB directory that holds any number of datasets.
 *
 * It is a system of record of its own, as a company's CRM or order system would be, so it keeps names and addresses in
 * the clear; its directory is only readable by the owner. What the desk itself writes down is sealed elsewhere.
 */
import { mkdir } from "node:fs/promises";
import { type BatchOperation, Level } from "level";
import { LRUCache } from "lru-cache";
import { hashJson, type JsonObject } from "../../../runtime/json.ts";
import { type Row, rowsOf } from "../../../runtime/rows.ts";
import {
  ATTEMPT,
  below,
  DATASET,
  INDEX,
  indexEntries,
  keyOf,
  lastPart,
  NOTE,
  RECORD,
  RESULT,
} from "./keys.ts";
import { Load, recoverLoads } from "./load.ts";
import { Refusal } from "./refusal.ts";
import { type CollectionName, type RecordOf, type Settings, settingsSchema } from "./types.ts";

export type Db = Level<string, any>;
export type Batch = BatchOperation<Db, string, any>[];

export class BackOfficeError extends Error {
  override readonly name = "BackOfficeError";
}

/** What an idempotency key led to. */
export interface Applied {
  readonly outcome: "applied" | "refused";
  readonly operation: string;
  /** The result when applied, else {code, message, reason, details}. */
  readonly result: JsonObject;
  /** Wall clock, ms since the epoch. */
  readonly at: number;
}

interface StoredApplied extends Applied {
  /** Hash of operation and input: one key is for one request. */
  readonly request: string;
}

export interface AuditEntry {
  readonly key: string;
  readonly operation: string;
  readonly attempts: number;
  readonly firstAt: number;
  readonly lastAt: number;
  readonly outcome: "applied" | "refused" | "none";
}

export interface DatasetInfo {
  readonly settings: Settings;
  /** Where the records came from: `generated`, `imported`. */
  readonly origin?: string;
}

/** Shared by all views of one directory. */
export interface Shared {
  readonly db: Db;
  readonly dir: string;
  /** Tail of the queue of writers: one at a time, so a read within a write is never stale. */
  tail: Promise<unknown>;
  /** What is known about datasets, as it is on disk. */
  readonly infos: Map<string, DatasetInfo>;
  /** Ids by place in an index, as they are on disk. */
  readonly indexed: LRUCache<string, readonly string[]>;
  /** Grows by one before and after each writing of records: odd while one is under way. */
  writes: number;
}

/** Places in indexes that are kept at hand. */
const HOT_INDEX = 20_000;

type Stored<C extends string> = C extends CollectionName ? RecordOf<C> : JsonObject;

export interface Reader {
  get<C extends string>(collection: C, id: string): Promise<Stored<C> | undefined>;
  /** Records whose index has this (normalised) value, in order of id. */
  by<C extends string>(collection: C, index: string, value: string): Promise<Stored<C>[]>;
}
export interface Transaction extends Reader {
  put<C extends string>(collection: C, record: Stored<C>): void;
  /** Ids that are the same whenever the same key is applied. */
  newId(prefix: string): string;
  readonly settings: Settings;
}

export class BackOffice implements Reader {
  readonly #shared: Shared;
  readonly dataset: string;

  private constructor(shared: Shared, dataset: string) {
    this.#shared = shared;
    this.dataset = dataset;
  }

  /**
   * Opens (or makes) the back office in a directory and finishes or drops what a crash interrupted.
   * @throws BackOfficeError when another process has it open or the directory cannot be used.
   */
  static async open(dir: string, options: { dataset?: string } = {}): Promise<BackOffice> {
    const db: Db = new Level(dir, { valueEncoding: "json" });
    try {
      await mkdir(dir, { recursive: true, mode: 0o700 });
      await db.open();
    } catch (error) {
      const cause = (error as { cause?: { code?: string; message?: string } }).cause;
      throw new BackOfficeError(
        cause?.code === "LEVEL_LOCKED"
          ? `the back office in ${dir} is in use by a running desk: stop it, or let the command reach it over its admin API`
          : `the back office in ${dir} cannot be opened: ${cause?.message ?? (error as Error).message}`,
        { cause: error },
      );
    }
    const shared: Shared = {
      db,
      dir,
      tail: Promise.resolve(),
      infos: new Map(),
      indexed: new LRUCache({ max: HOT_INDEX }),
      writes: 0,
    };
    await recoverLoads(shared);
    return new BackOffice(shared, checkDataset(options.dataset ?? "main"));
  }

  /** Another dataset of the same directory. */
  use(dataset: string): BackOffice {
    return new BackOffice(this.#shared, checkDataset(dataset));
  }

  async datasets(): Promise<string[]> {
    return (await this.#shared.db.keys(below(DATASET)).all()).map(lastPart);
  }

  async info(): Promise<DatasetInfo | undefined> {
    const { db, infos } = this.#shared;
    const known = infos.get(this.dataset);
    if (known) return known;
    const info = (await db.get(keyOf(DATASET, this.dataset))) as DatasetInfo | undefined;
    // Not over what was written meanwhile.
    if (info && !infos.has(this.dataset)) infos.set(this.dataset, info);
    return infos.get(this.dataset);
  }
  async settings(): Promise<Settings> {
    return (await this.info())?.settings ?? settingsSchema.parse({});
  }
  /** Sets what is given, leaves the rest; answers the whole. */
  async configure(part: Partial<Settings>, origin?: string): Promise<Settings> {
    return this.#exclusive(async () => {
      const old = await this.info();
      const settings = settingsSchema.parse({ ...old?.settings, ...part });
      const info: DatasetInfo = { settings, origin: origin ?? old?.origin };
      await this.#shared.db.put(keyOf(DATASET, this.dataset), info);
      this.#shared.infos.set(this.dataset, info);
      return settings;
    });
  }

  // A record is read in a third of the time that it takes to hand the reading to another thread and come back.
  async get<C extends string>(collection: C, id: string): Promise<Stored<C> | undefined> {
    return this.#shared.db.getSync(keyOf(RECORD, this.dataset, collection, id)) as Stored<C> | undefined;
  }

  async by<C extends string>(collection: C, index: string, value: string): Promise<Stored<C>[]> {
    if (!value) return [];
    const found: Stored<C>[] = [];
    for (const id of await this.#indexed(collection, index, value)) {
      const record = await this.get(collection, id);
      if (record !== undefined) found.push(record);
    }
    return found;
  }

  /** Ids under a value of an index, in order; remembered until something is written. */
  async #indexed(collection: string, index: string, value: string): Promise<readonly string[]> {
    const { db, indexed, writes } = this.#shared;
    const range = below(INDEX, this.dataset, collection, index, value);
    const known = indexed.get(range.gt);
    if (known) return known;
    const ids = (await db.keys(range).all()).map(lastPart);
    // Not what was read while something was written.
    if (this.#shared.writes === writes && writes % 2 === 0) indexed.set(range.gt, ids);
    return ids;
  }

  /** Records of a collection in order of id. */
  async list<C extends string>(collection: C, options: { limit?: number } = {}): Promise<Stored<C>[]> {
    const range = below(RECORD, this.dataset, collection);
    return (await this.#shared.db
      .values({ ...range, limit: options.limit ?? -1 })
      .all()) as unknown as Stored<C>[];
  }
  async count(collection: string): Promise<number> {
    let n = 0;
    for await (const _ of this.#shared.db.keys(below(RECORD, this.dataset, collection))) n++;
    return n;
  }

  /**
   * Applies a change once per key. The changed records and the result are one batch on disk; a repeated key answers
   * what is stored, also when that was a refusal.
   * @throws Refusal when the change may not be made, or when the key was used for another request.
   */
  async write(
    key: string,
    operation: string,
    input: JsonObject,
    at: number,
    change: (tx: Transaction) => Promise<JsonObject>,
  ): Promise<JsonObject> {
    if (!key) throw new Refusal("invalid", "key_missing", `${operation} needs an idempotency key`);
    return this.#exclusive(async () => {
      const { db } = this.#shared;
      const request = hashJson([this.dataset, operation, input]);
      const before = db.getSync(keyOf(RESULT, key)) as StoredApplied | undefined;
      const tried = db.getSync(keyOf(ATTEMPT, key)) as AuditEntry | undefined;
      const attempt = {
        operation,
        attempts: (tried?.attempts ?? 0) + 1,
        firstAt: tried?.firstAt ?? at,
        lastAt: at,
      };
      const noted = { type: "put", key: keyOf(ATTEMPT, key), value: attempt } as const;
      if (before) {
        await db.batch([noted]);
        if (before.request !== request) {
          throw new Refusal(
            "conflict",
            "key_reused",
            `the idempotency key was used for another ${before.operation}`,
          );
        }
        return answer(before);
      }
      const settings = await this.settings();
      const pending = new Map<string, { collection: string; record: JsonObject }>();
      let made = 0;
      const tx: Transaction = {
        settings,
        get: async (collection, id) =>
          (pending.get(keyOf(collection, id))?.record ?? (await this.get(collection, id))) as any,
        by: async (collection, index, value) => {
          const found = (await this.by(collection, index, value)) as JsonObject[];
          const kept = found.filter((record) => !pending.has(keyOf(collection, String(record.id))));
          for (const p of pending.values()) {
            if (p.collection !== collection) continue;
            if (indexEntries(collection, p.record).some(([i, v]) => i === index && v === value))
              kept.push(p.record);
          }
          return kept as any;
        },
        put: (collection, record) =>
          void pending.set(keyOf(collection, String((record as JsonObject).id)), {
            collection,
            record: record as JsonObject,
          }),
        newId: (prefix) => `${prefix}-${hashJson([key, made++]).slice(0, 10).toUpperCase()}`,
      };
      let stored: StoredApplied;
      // With what it led to: waiting for each on its own takes a turn of a busy event loop each.
      const batch: Batch = [noted];
      try {
        const result = await change(tx);
        stored = { outcome: "applied", operation, request, result, at };
        for (const p of pending.values())
          batch.push(...putOperations(db, this.dataset, p.collection, p.record));
      } catch (error) {
        if (!(error instanceof Refusal)) {
          await db.batch([noted]);
          throw error;
        }
        const { code, message, reason, details } = error;
        stored = {
          outcome: "refused",
          operation,
          request,
          result: { code, message, reason, details },
          at,
        };
      }
      batch.push({ type: "put", key: keyOf(RESULT, key), value: stored });
      await writeRecords(this.#shared, batch, { sync: true });
      return answer(stored);
    });
  }

  /** What came of a key: for a caller whose answer was lost. */
  async lookup(key: string): Promise<Applied | undefined> {
    const stored = (await this.#shared.db.get(keyOf(RESULT, key))) as StoredApplied | undefined;
    return (
      stored && { outcome: stored.outcome, operation: stored.operation, result: stored.result, at: stored.at }
    );
  }

  /** Every key that was ever tried, with its attempts: more attempts than one are fine, more effects are impossible. */
  async audit(): Promise<AuditEntry[]> {
    const { db } = this.#shared;
    const entries: AuditEntry[] = [];
    for await (const [full, attempt] of db.iterator(below(ATTEMPT))) {
      const key = lastPart(full);
      const result = (await db.get(keyOf(RESULT, key))) as StoredApplied | undefined;
      entries.push({
        key,
        ...(attempt as Omit<AuditEntry, "key" | "outcome">),
        outcome: result?.outcome ?? "none",
      });
    }
    return entries;
  }

  /** What was noted under a key about a write to another system. */
  async note(key: string): Promise<JsonObject | undefined> {
    return (await this.#shared.db.get(keyOf(NOTE, key))) as JsonObject | undefined;
  }
  /** On disk when it answers; `undefined` takes the note away. */
  async setNote(key: string, note: JsonObject | undefined): Promise<void> {
    if (note) await this.#shared.db.put(keyOf(NOTE, key), note, { sync: true });
    else await this.#shared.db.del(keyOf(NOTE, key), { sync: true });
  }

  /** All of the directory, every dataset, as it is at one moment. */
  rows(): AsyncIterable<Row> {
    return rowsOf(this.#shared.db);
  }

  /** Begins a load of many records that becomes visible as a whole or not at all. */
  async load(): Promise<Load> {
    return Load.begin(this.#shared, this.dataset);
  }

  async close(): Promise<void> {
    await this.#shared.tail.catch(() => {});
    await this.#shared.db.close();
  }

  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    return exclusive(this.#shared, work);
  }
}

/** One writer at a time. */
export function exclusive<T>(shared: Shared, work: () => Promise<T>): Promise<T> {
  const turn = shared.tail.then(work, work);
  shared.tail = turn.catch(() => {});
  return turn;
}

/** Writes a batch that may hold records; only within `exclusive`. */
export async function writeRecords(shared: Shared, batch: Batch, options?: { sync: boolean }): Promise<void> {
  shared.writes++;
  try {
    await (options ? shared.db.batch(batch, options) : shared.db.batch(batch));
  } finally {
    for (const { key } of batch) shared.indexed.delete(key.slice(0, key.length - lastPart(key).length));
    shared.writes++;
  }
}

/** Puts a record and its index entries, and takes away those of the record that was there. */
export function putOperations(db: Db, dataset: string, collection: string, record: JsonObject): Batch {
  const id = String(record.id);
  const key = keyOf(RECORD, dataset, collection, id);
  const old = db.getSync(key) as JsonObject | undefined;
  const batch: Batch = [];
  for (const [index, value] of old ? indexEntries(collection, old) : []) {
    batch.push({ type: "del", key: keyOf(INDEX, dataset, collection, index, value, id) });
  }
  for (const [index, value] of indexEntries(collection, record)) {
    batch.push({ type: "put", key: keyOf(INDEX, dataset, collection, index, value, id), value: 1 });
  }
  batch.push({ type: "put", key, value: record });
  return batch;
}

function answer(stored: StoredApplied): JsonObject {
  if (stored.outcome === "applied") return stored.result;
  const { code, message, reason, details } = stored.result as Record<string, any>;
  const sentence = String(message).slice(String(reason).length + 2);
  throw new Refusal(code, reason, sentence, details ?? {});
}

function checkDataset(name: string): string {
  if (!/^[A-Za-z0-9_-]{1,32}$/.test(name)) {
    throw new BackOfficeError(
      `dataset name ${JSON.stringify(name)} is not valid: use 1 to 32 letters, digits, "_" or "-"`,
    );
  }
  return name;
}
