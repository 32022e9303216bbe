/**
 * The knowledge base of a desk whose encoder may be another one than before. Vectors of two encoders cannot be compared, and those of
 * the new one take a while: until they are all there the old encoder serves, if it is still on this machine. Without it articles
 * are found by their words meanwhile.
 */
import type { Encoder, OpenEncoder } from "../encoder/encoder.ts";
import type { Query } from "../retrieval/hybrid.ts";
import { key, type MemoryDb } from "../store/database.ts";
import { dropVectorsOf } from "./article-vectors.ts";
import type { Article } from "./articles.ts";
import { type FoundPassage, type IndexReport, KnowledgeBase, type KnowledgeOptions } from "./base.ts";

export interface ServedOptions extends KnowledgeOptions {
  /** Opens an encoder by its id; undefined when it is not here any more. It is closed when it has served. */
  readonly former?: (id: string) => Promise<OpenEncoder | undefined>;
}

/** From one encoder to another. */
interface Change {
  readonly former: OpenEncoder;
  /** Takes over once all of it is encoded. */
  next?: KnowledgeBase;
  /** The present attempt is. */
  over: Promise<void>;
}

/** The id of the encoder whose vectors serve. */
const SERVING = key("knowledge", "encoder");

export class Knowledge {
  readonly #o: ServedOptions;
  #serving: KnowledgeBase;
  #change: Change | undefined;
  #closed = false;

  private constructor(options: ServedOptions, serving: KnowledgeBase) {
    this.#o = options;
    this.#serving = serving;
  }

  static async open(options: ServedOptions): Promise<Knowledge> {
    const { db, encoder } = options;
    const served = await db.get(SERVING);
    const isOther = encoder !== undefined && served !== undefined && served !== encoder.id;
    const former = isOther ? await options.former?.(served) : undefined;
    if (!former) {
      if (encoder) await serves(db, encoder, served);
      return new Knowledge(options, await KnowledgeBase.open(options));
    }
    const knowledge = new Knowledge(options, await KnowledgeBase.open({ ...options, encoder: former }));
    knowledge.#change = { former, over: Promise.resolve() };
    knowledge.#encodeAnew();
    return knowledge;
  }

  /** In the background; what fails is tried again when the folders are looked at. */
  #encodeAnew(): void {
    const change = this.#change!;
    change.over = this.#takeOver(change).catch(() => {});
  }

  async #takeOver(change: Change): Promise<void> {
    const { db, encoder } = this.#o;
    change.next ??= await KnowledgeBase.open({ ...this.#o, openWithinMs: 0, progress: undefined });
    if (this.#closed) return;
    const { toEncode } = await change.next.reload();
    if (toEncode > 0 || this.#closed) return;
    const before = this.#serving;
    this.#serving = change.next;
    this.#change = undefined;
    await serves(db, encoder!, change.former.id);
    await before.close();
    await change.former.close();
  }

  /** Whether the vectors of another encoder than the one that is configured serve. */
  get isChanging(): boolean {
    return this.#change !== undefined;
  }

  search(text: string, k?: number, signal?: AbortSignal): Promise<FoundPassage[]> {
    return this.#serving.search(text, k, signal);
  }

  /** @param query encoded by the encoder that serves */
  find(query: Query, k?: number): FoundPassage[] {
    return this.#serving.find(query, k);
  }

  get(id: string): Article | undefined {
    return this.#serving.get(id);
  }

  list(): Article[] {
    return this.#serving.list();
  }

  async reload(): Promise<IndexReport> {
    await this.#serving.reload();
    await this.#change?.over;
    if (this.#change) this.#encodeAnew();
    await this.#change?.over;
    return this.report;
  }

  /** Answers whether anything was written, came or went. */
  async refresh(): Promise<boolean> {
    const changed = await this.#serving.refresh();
    const change = this.#change;
    if (change) void change.over.then(() => this.#change === change && !this.#closed && this.#encodeAnew());
    return changed;
  }

  get report(): IndexReport {
    const report = this.#serving.report;
    if (!this.#change) return report;
    const { toEncode = report.articles, problems = [] } = this.#change.next?.report ?? {};
    return {
      ...report,
      toEncode: report.toEncode + toEncode,
      problems: [...new Set([...report.problems, ...problems])],
    };
  }

  get bytes(): KnowledgeBase["bytes"] {
    const { words, vectors } = this.#serving.bytes;
    const next = this.#change?.next?.bytes ?? { words: 0, vectors: 0 };
    return { words: words + next.words, vectors: vectors + next.vectors };
  }

  async close(): Promise<void> {
    this.#closed = true;
    const change = this.#change;
    await change?.next?.close();
    await change?.over;
    // It may just have been opened.
    await change?.next?.close();
    await this.#serving.close();
    await change?.former.close();
  }
}

/** @param before id of the encoder that served until now */
async function serves(db: MemoryDb, { id }: Pick<Encoder, "id">, before: string | undefined): Promise<void> {
  if (before === id) return;
  await db.put(SERVING, id);
  if (before !== undefined) await dropVectorsOf(db, before);
}
