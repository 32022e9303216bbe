/**
 * The knowledge base: articles cut into passages, indexed by words and vectors.
 *
 * It is searched while it is indexed. An article is found by its words as soon as it is read; where its vectors are not stored
 * yet they are computed afterwards, as many texts at once as the encoder takes. All of it is done in slices, so that the event
 * loop does not wait for it.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { LRUCache } from "lru-cache";
import type { Encoder } from "../encoder/encoder.ts";
import { type Calibration, confidence } from "../retrieval/confidence.ts";
import { type EncodedParts, partsOf } from "../retrieval/documents.ts";
import { type Hit, HybridIndex, type Query } from "../retrieval/hybrid.ts";
import { encodeQuery } from "../retrieval/query.ts";
import { terms } from "../retrieval/terms.ts";
import { atOnce, inSlices, type Resting, slices } from "../slices.ts";
import type { MemoryDb } from "../store/database.ts";
import { ArticleVectors } from "./article-vectors.ts";
import { type Article, type ArticleOptions, loadArticles, stateOfFolders } from "./articles.ts";
import { keptCalibration } from "./calibrations.ts";
import { encodeArticles } from "./encoding.ts";
import { plainText } from "./plain-text.ts";
import { type RerankOptions, reranked } from "./rerank.ts";

export interface FoundPassage {
  /** `<article>#<number of the passage>`. */
  readonly id: string;
  readonly articleId: string;
  readonly title: string;
  /** Plain text of the passage. */
  readonly text: string;
  /** 0 … 1 within the search: for ranking. */
  readonly score: number;
  /** 0 … 1: how probably it answers the question. */
  readonly confidence: number;
}

export interface KnowledgeOptions {
  readonly db: MemoryDb;
  readonly encoder?: Encoder;
  readonly rerank?: RerankOptions;
  readonly dirs: readonly string[];
  readonly articles?: ArticleOptions;
  /** How long `open` waits for vectors that are not stored yet, ms. Default 10,000. The others are computed later on. */
  readonly openWithinMs?: number;
  /**
   * How long is waited before what could not be encoded is tried again, ms, once for each. Default 1,000, 10,000, 40,000: an
   * encoder that crashed is back by then, one that is down for a while too.
   */
  readonly encodePausesMs?: readonly number[];
  /** Told how many articles are indexed, until `open` answers. */
  readonly progress?: (done: number, all: number) => void;
}

export interface IndexReport {
  readonly articles: number;
  readonly passages: number;
  /** Articles whose vectors were computed since the folders were read last. */
  readonly encoded: number;
  /** Articles whose vectors are still to be computed: until then they are found by their words. */
  readonly toEncode: number;
  readonly problems: readonly string[];
}

/** What is ranked once more. */
const CANDIDATES = 20;
/** Articles whose vectors are read from the database at once. */
const READ_AT_ONCE = 8;
const ENCODE_PAUSES_MS = [1_000, 10_000, 40_000];
/** Articles whose passages are kept: those that are found are found again. */
const PARTS_KEPT = 256;

export class KnowledgeBase {
  readonly #o: KnowledgeOptions;
  readonly #vectors: ArticleVectors | undefined;
  readonly #articles = new Map<string, Article>();
  readonly #index = new HybridIndex();
  readonly #parts = new LRUCache<string, EncodedParts>({ max: PARTS_KEPT });
  readonly #passages = new Map<string, number>();
  #calibrations!: { readonly byVectors?: Calibration; readonly byWords: Calibration };
  /** Articles without vectors, by id. */
  readonly #toEncode = new Map<string, Article>();
  #encoded = 0;
  /** Of the folders when they were read. */
  #state = "";
  #problems: readonly string[] = [];
  #encodingProblem: string | undefined;
  /** The folders are read by one at a time, and one encodes. */
  #reading: Promise<unknown> = Promise.resolve();
  #encoding: Promise<void> | undefined;
  #progress: KnowledgeOptions["progress"];
  readonly #closing = new AbortController();

  private constructor(options: KnowledgeOptions) {
    this.#o = options;
    this.#progress = options.progress;
    this.#vectors = options.encoder && new ArticleVectors(options.db, options.encoder);
  }

  /** Reads the folders and brings the index up to date, as far as that is done in time. */
  static async open(options: KnowledgeOptions): Promise<KnowledgeBase> {
    const base = new KnowledgeBase(options);
    base.#calibrations = {
      byVectors: options.encoder && (await keptCalibration(options.db, options.encoder)),
      byWords: await keptCalibration(options.db, undefined),
    };
    await base.#read();
    const inTime = new AbortController();
    const { signal } = inTime;
    const late = sleep(options.openWithinMs ?? 10_000, undefined, { signal }).catch(() => {});
    await Promise.race([base.#encode(), late]);
    inTime.abort();
    base.#progress = undefined;
    return base;
  }

  /** Reads the folders again: changed articles are indexed anew, missing ones are dropped. Answers when all is done. */
  async reload(): Promise<IndexReport> {
    await this.#read();
    await this.#encode();
    return this.report;
  }

  /** The same when a file was written, came or went since they were read; answers whether one was. */
  async refresh(): Promise<boolean> {
    if ((await stateOfFolders(this.#o.dirs)) === this.#state) return false;
    await this.reload();
    return true;
  }

  get report(): IndexReport {
    const [articles, toEncode] = [this.#articles.size, this.#toEncode.size];
    let passages = 0;
    for (const count of this.#passages.values()) passages += count;
    const problems = this.#encodingProblem ? [...this.#problems, this.#encodingProblem] : this.#problems;
    return { articles, passages, encoded: this.#encoded, toEncode, problems };
  }

  /** Bytes of what is held for searching, without the articles themselves. */
  get bytes(): HybridIndex["bytes"] {
    return this.#index.bytes;
  }

  /** Ends what goes on in the background; the database is the caller's to close. */
  async close(): Promise<void> {
    this.#closing.abort(new Error("the knowledge base is closed"));
    await Promise.allSettled([this.#reading, this.#encoding]);
  }

  /** The best passage of each of the k best articles, best first. */
  async search(text: string, k = 4, signal?: AbortSignal): Promise<FoundPassage[]> {
    const { rerank, encoder } = this.#o;
    const query = await encodeQuery(text, encoder, signal);
    const wanted = rerank ? Math.max(k, rerank.candidates ?? CANDIDATES) : k;
    const found = await inSlices(this.#finding(query, wanted));
    return rerank ? (await reranked(text, found, rerank, signal)).slice(0, k) : found;
  }

  /** The same for a query that is encoded. */
  find(query: Query, k = 4): FoundPassage[] {
    return atOnce(this.#finding(query, k));
  }

  *#finding(query: Query, k: number): Resting<FoundPassage[]> {
    const { byVectors, byWords } = this.#calibrations;
    const calibration = query.vectors && byVectors ? byVectors : byWords;
    const wanted = new Set(terms(query.text));
    const hits = yield* this.#index.searching(query, { k });
    return hits.map((hit) => {
      const article = this.#articles.get(hit.id)!;
      const parts = this.#partsOf(article);
      const number = passageFor(hit, parts, wanted);
      return {
        id: `${article.id}#${number}`,
        articleId: article.id,
        title: article.title,
        text: plainText(parts.passages[number]?.text ?? article.text),
        score: hit.score,
        confidence: confidence(calibration, hit.evidence, this.#index.background),
      };
    });
  }

  get(id: string): Article | undefined {
    return this.#articles.get(id);
  }

  list(): Article[] {
    return [...this.#articles.values()].sort((a, b) => (a.title < b.title ? -1 : a.title > b.title ? 1 : 0));
  }

  #read(): Promise<void> {
    const reading = this.#reading.then(() => this.#readFolders());
    this.#reading = reading.catch(() => {});
    return reading;
  }

  /** Every article is found afterwards: by its words at least, by its vectors too where they are stored. */
  async #readFolders(): Promise<void> {
    const rest = slices();
    // What is written meanwhile is read the next time.
    const state = await stateOfFolders(this.#o.dirs);
    const { articles, problems } = await loadArticles(this.#o.dirs, this.#o.articles);
    const present = new Set(articles.map(({ id }) => id));
    for (const id of this.#articles.keys()) if (!present.has(id)) this.#drop(id);
    await this.#vectors?.keepOnly(present);
    this.#problems = problems;
    this.#state = state;
    this.#encodingProblem = undefined;
    this.#encoded = 0;
    const changed = articles.filter(({ id, hash }) => this.#articles.get(id)?.hash !== hash);
    let done = articles.length - changed.length;
    for (let i = 0; i < changed.length; i += READ_AT_ONCE) {
      const some = changed.slice(i, i + READ_AT_ONCE);
      const stored = (await this.#vectors?.get(some)) ?? [];
      for (const [n, article] of some.entries()) {
        this.#add(article, stored[n]);
        done++;
        this.#progress?.(done - this.#toEncode.size, articles.length);
        await rest();
        this.#closing.signal.throwIfAborted();
      }
    }
    if (changed.length > 0 || this.#index.background.asked === 0) await this.#index.measureBackground(rest);
  }

  #add(article: Article, vectors: readonly Float32Array[] | undefined): void {
    const { id, title, text, tags, questions } = article;
    this.#index.add({ id, title, text: [text, tags.join(" "), ...questions].join("\n"), vectors });
    this.#articles.set(id, article);
    this.#parts.delete(id);
    // Beside the passages, title and questions have vectors.
    this.#passages.set(
      id,
      vectors ? vectors.length - 1 - questions.length : this.#partsOf(article).passages.length,
    );
    if (vectors || !this.#o.encoder) this.#toEncode.delete(id);
    else this.#toEncode.set(id, article);
  }

  /** What cannot be encoded is found by its words, and tried again when the folders are read again. */
  async #encode(): Promise<void> {
    while (this.#toEncode.size > 0 && this.#encodingProblem === undefined) {
      this.#closing.signal.throwIfAborted();
      this.#encoding ??= this.#encodeAll().finally(() => {
        this.#encoding = undefined;
      });
      await this.#encoding;
    }
  }

  async #encodeAll(): Promise<void> {
    const [encoder, vectors] = [this.#o.encoder!, this.#vectors!];
    const { signal } = this.#closing;
    const rest = slices();
    let measured = this.#encodedArticles;
    const keep = async (fresh: ReadonlyMap<Article, readonly Float32Array[]>): Promise<void> => {
      await vectors.put(fresh);
      for (const [article, own] of fresh) {
        // It may have changed, or be gone, meanwhile.
        if (this.#toEncode.get(article.id) !== article) continue;
        this.#index.setVectors(article.id, own);
        this.#toEncode.delete(article.id);
        this.#encoded++;
        this.#progress?.(this.#encodedArticles, this.#articles.size);
        await rest();
      }
      if (this.#encodedArticles < 2 * measured) return;
      measured = this.#encodedArticles;
      await this.#index.measureBackground(rest);
    };
    try {
      const partsOf = (article: Article): EncodedParts => this.#partsOf(article);
      const { encodePausesMs: pausesMs = ENCODE_PAUSES_MS } = this.#o;
      const waiting = this.#toEncode;
      const failure = await encodeArticles({ encoder, waiting, partsOf, keep, rest, pausesMs, signal });
      if (failure) this.#encodingProblem = unencoded(this.#toEncode.size, failure);
      await this.#index.measureBackground(rest);
    } catch (error) {
      signal.throwIfAborted();
      this.#encodingProblem = unencoded(this.#toEncode.size, error as Error);
    }
  }

  get #encodedArticles(): number {
    return this.#articles.size - this.#toEncode.size;
  }

  #drop(id: string): void {
    this.#index.remove(id);
    for (const by of [this.#articles, this.#parts, this.#passages, this.#toEncode]) by.delete(id);
  }

  #partsOf(article: Article): EncodedParts {
    const { id, title, text, questions } = article;
    const known = this.#parts.get(id);
    if (known) return known;
    const parts = partsOf(title, text, questions);
    this.#parts.set(id, parts);
    return parts;
  }
}

function unencoded(articles: number, { message }: Error): string {
  return `${articles} articles are found by their words alone, because they cannot be encoded: ${message}; it is tried again at the next start`;
}

/** The passage whose vector was nearest; when that was the title's, the one that has most of the query's words. */
function passageFor(hit: Hit, parts: EncodedParts, wanted: ReadonlySet<string>): number {
  const near = hit.part === undefined ? undefined : parts.passageOf[hit.part];
  if (near !== undefined) return near;
  let best = 0;
  let most = -1;
  for (const [i, { headings, text }] of parts.passages.entries()) {
    const had = new Set(terms(`${headings.at(-1) ?? ""} ${text}`));
    const count = [...wanted].filter((term) => had.has(term)).length;
    if (count > most) {
      most = count;
      best = i;
    }
  }
  return best;
}
