/**
 * Loading many records at once: all of them or none.
 *
 * Records are staged beside the data while they are read. `commit` marks the load as decided and then moves them in
 * batches; a crash after the mark is finished at the next opening, a crash before it leaves nothing behind. So a file of
 * any size needs little memory.
 */
import { newId } from "../../../runtime/ids.ts";
import type { JsonObject } from "../../../runtime/json.ts";
import { below, DATASET, keyOf, LOAD, lastPart, STAGED } from "./keys.ts";
import { type Batch, exclusive, putOperations, type Shared, writeRecords } from "./store.ts";
import { type Settings, settingsSchema } from "./types.ts";

/** Records per batch on disk. */
const CHUNK = 500;

interface StagedRecord {
  readonly collection: string;
  readonly record: JsonObject;
}
interface LoadState {
  readonly dataset: string;
  readonly decided: boolean;
  readonly settings?: Partial<Settings>;
  readonly origin?: string;
}

export class Load {
  readonly #shared: Shared;
  readonly #dataset: string;
  readonly #id: string;
  #buffer: Batch = [];
  #count = 0;

  private constructor(shared: Shared, dataset: string, id: string) {
    this.#shared = shared;
    this.#dataset = dataset;
    this.#id = id;
  }

  static async begin(shared: Shared, dataset: string): Promise<Load> {
    const id = newId();
    await shared.db.put(keyOf(LOAD, id), { dataset, decided: false } satisfies LoadState);
    return new Load(shared, dataset, id);
  }

  /** Records staged so far. */
  get count(): number {
    return this.#count;
  }

  async put(collection: string, record: JsonObject): Promise<void> {
    const n = String(this.#count++).padStart(12, "0");
    const value: StagedRecord = { collection, record };
    this.#buffer.push({ type: "put", key: keyOf(STAGED, this.#id, n), value });
    if (this.#buffer.length >= CHUNK) await this.#flush();
  }

  /** Makes the records visible; of two with one id the later wins. Answers how many were loaded. */
  async commit(options: { settings?: Partial<Settings>; origin?: string } = {}): Promise<number> {
    await this.#flush();
    const state: LoadState = { dataset: this.#dataset, decided: true, ...options };
    await exclusive(this.#shared, async () => {
      await this.#shared.db.put(keyOf(LOAD, this.#id), state, { sync: true });
      await finish(this.#shared, this.#id, state);
    });
    return this.#count;
  }

  /** Forgets what was staged. */
  async discard(): Promise<void> {
    this.#buffer = [];
    await drop(this.#shared, this.#id);
  }

  async #flush(): Promise<void> {
    const batch = this.#buffer;
    this.#buffer = [];
    if (batch.length > 0) await this.#shared.db.batch(batch);
  }
}

/** Finishes the loads that were decided and drops the others. */
export async function recoverLoads(shared: Shared): Promise<void> {
  for await (const [key, state] of shared.db.iterator(below(LOAD))) {
    if ((state as LoadState).decided) await finish(shared, lastPart(key), state as LoadState);
    else await drop(shared, lastPart(key));
  }
}

async function finish(shared: Shared, id: string, state: LoadState): Promise<void> {
  const { db } = shared;
  for (;;) {
    const staged = await db.iterator({ ...below(STAGED, id), limit: CHUNK }).all();
    if (staged.length === 0) break;
    const batch: Batch = [];
    // Of two records with one id in a chunk the later wins; the earlier would leave its index entries behind.
    const last = new Map<string, StagedRecord>();
    for (const [key, value] of staged) {
      const { collection, record } = value as StagedRecord;
      last.set(keyOf(collection, String(record.id)), value as StagedRecord);
      batch.push({ type: "del", key });
    }
    for (const { collection, record } of last.values()) {
      batch.push(...putOperations(db, state.dataset, collection, record));
    }
    await writeRecords(shared, batch);
  }
  const key = keyOf(DATASET, state.dataset);
  const old = (await db.get(key)) as { settings?: Settings; origin?: string } | undefined;
  const settings = settingsSchema.parse({ ...old?.settings, ...state.settings });
  const info = { settings, origin: old?.origin ?? state.origin };
  await db.batch(
    [
      { type: "put", key, value: info },
      { type: "del", key: keyOf(LOAD, id) },
    ],
    { sync: true },
  );
  shared.infos.set(state.dataset, info);
}

async function drop(shared: Shared, id: string): Promise<void> {
  for (;;) {
    const keys = await shared.db.keys({ ...below(STAGED, id), limit: CHUNK }).all();
    if (keys.length === 0) break;
    await shared.db.batch(keys.map((key) => ({ type: "del", key })));
  }
  await shared.db.del(keyOf(LOAD, id));
}
