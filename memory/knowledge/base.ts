/**
 * The knowledge base: articles cut into passages, indexed by words and vectors. Vectors are kept in LevelDB with the
 * encoder's id and dimension, and computed again only for articles that changed or when the encoder is another one.
 */
import { createHash } from "node:crypto";
import type { Encoder } from "../encoder/encoder.ts";
import { type Calibration, calibrate, confidence, shippedCalibrationSet } from "../retrieval/confidence.ts";
import { type EncodedParts, partsOf } from "../retrieval/documents.ts";
import { type Hit, HybridIndex } from "../retrieval/hybrid.ts";
import { encodeQuery } from "../retrieval/query.ts";
import { terms } from "../retrieval/terms.ts";
import { key, type MemoryDb, under } from "../store/database.ts";
import { type Article, loadArticles } from "./articles.ts";
import { plainText } from "./plain-text.ts";

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
  readonly dirs: readonly string[];
  readonly progress?: (done: number, all: number) => void;
}

export interface IndexReport {
  readonly articles: number;
  readonly passages: number;
  /** Articles whose vectors were computed now. */
  readonly encoded: number;
  readonly problems: readonly string[];
}

interface Indexed {
  readonly article: Article;
  readonly parts: EncodedParts;
}

/** As an article's vectors lie in the database. */
interface StoredVectors {
  /** Of the article and of how it is cut. */
  readonly hash: string;
  readonly model: string;
  readonly dimension: number;
  /** Base64 of 32-bit floats, little endian, one vector after the other. */
  readonly data: string;
}

/** Raised when articles are cut differently, so that their vectors are computed again. */
const CUT_VERSION = 2;

export class KnowledgeBase {
  readonly #o: KnowledgeOptions;
  readonly #articles = new Map<string, Indexed>();
  readonly #index = new HybridIndex();
  #calibrations!: { readonly byVectors?: Calibration; readonly byWords: Calibration };
  #report: IndexReport = { articles: 0, passages: 0, encoded: 0, problems: [] };

  private constructor(options: KnowledgeOptions) {
    this.#o = options;
  }

  /** Reads the folders and brings the index up to date. */
  static async open(options: KnowledgeOptions): Promise<KnowledgeBase> {
    const base = new KnowledgeBase(options);
    base.#calibrations = {
      byVectors: options.encoder && (await base.#calibration(options.encoder)),
      byWords: await base.#calibration(undefined),
    };
    await base.reload();
    return base;
  }

  /** Reads the folders again: changed articles are indexed anew, missing ones are dropped. */
  async reload(): Promise<IndexReport> {
    const { encoder } = this.#o;
    const { articles, problems } = await loadArticles(this.#o.dirs);
    const present = new Set(articles.map(({ id }) => id));
    for (const id of this.#articles.keys()) {
      if (present.has(id)) continue;
      this.#articles.delete(id);
      this.#index.remove(id);
    }
    await this.#dropOthers(present);
    let encoded = 0;
    let done = 0;
    const add = async (article: Article) => {
      if (this.#articles.get(article.id)?.article.hash !== article.hash) {
        const parts = partsOf(article.title, article.text, article.questions);
        const stored = encoder && (await this.#storedVectors(article, encoder));
        const vectors = stored ?? (encoder && (await this.#encode(article, parts, encoder)));
        if (vectors && !stored) encoded++;
        const { id, title, text, tags, questions } = article;
        this.#index.add({ id, title, text: [text, tags.join(" "), ...questions].join("\n"), vectors });
        this.#articles.set(id, { article, parts });
      }
      this.#o.progress?.(++done, articles.length);
    };
    // All at once: the encoder puts their texts into full batches.
    await Promise.all(articles.map(add));
    this.#report = { articles: articles.length, passages: this.#passages(), encoded, problems };
    return this.#report;
  }

  get report(): IndexReport {
    return this.#report;
  }

  /** The best passage of each of the k best articles, best first. */
  async search(text: string, k = 4, signal?: AbortSignal): Promise<FoundPassage[]> {
    const query = await encodeQuery(text, this.#o.encoder, signal);
    const { byVectors, byWords } = this.#calibrations;
    const calibration = query.vectors && byVectors ? byVectors : byWords;
    const wanted = new Set(terms(text));
    return this.#index.search(query, { k }).map((hit) => {
      const { article, parts } = this.#articles.get(hit.id)!;
      const number = passageFor(hit, parts, wanted);
      return {
        id: `${article.id}#${number}`,
        articleId: article.id,
        title: article.title,
        text: plainText(parts.passages[number]?.text ?? article.text),
        score: hit.score,
        confidence: confidence(calibration, hit.evidence, this.#index.background()),
      };
    });
  }

  get(id: string): Article | undefined {
    return this.#articles.get(id)?.article;
  }

  list(): Article[] {
    return [...this.#articles.values()]
      .map(({ article }) => article)
      .sort((a, b) => (a.title < b.title ? -1 : a.title > b.title ? 1 : 0));
  }

  #passages(): number {
    return [...this.#articles.values()].reduce((sum, { parts }) => sum + parts.passages.length, 0);
  }

  async #encode(article: Article, parts: EncodedParts, encoder: Encoder): Promise<Float32Array[]> {
    const vectors = await encoder.encode(parts.texts);
    const flat = Buffer.concat(vectors.map((vector) => new Uint8Array(vector.slice().buffer)));
    const stored: StoredVectors = {
      hash: vectorHash(article),
      model: encoder.id,
      dimension: encoder.dimension,
      data: flat.toString("base64"),
    };
    await this.#o.db.put(key("vectors", article.id), JSON.stringify(stored));
    return vectors;
  }

  async #storedVectors(article: Article, encoder: Encoder): Promise<Float32Array[] | undefined> {
    const text = await this.#o.db.get(key("vectors", article.id));
    if (text === undefined) return undefined;
    const stored = JSON.parse(text) as StoredVectors;
    if (stored.hash !== vectorHash(article) || stored.model !== encoder.id) return undefined;
    const bytes = Uint8Array.from(Buffer.from(stored.data, "base64"));
    const flat = new Float32Array(bytes.buffer);
    return Array.from({ length: flat.length / stored.dimension }, (_, i) =>
      flat.subarray(i * stored.dimension, (i + 1) * stored.dimension),
    );
  }

  async #dropOthers(present: ReadonlySet<string>): Promise<void> {
    const range = under("vectors");
    const batch = this.#o.db.batch();
    for await (const at of this.#o.db.keys(range))
      if (!present.has(at.slice(range.gte.length))) batch.del(at);
    await batch.write();
  }

  /** Depends on the encoder and the calibration set only: computed once and kept. */
  async #calibration(encoder: Encoder | undefined): Promise<Calibration> {
    const set = createHash("sha256")
      .update(JSON.stringify(await shippedCalibrationSet()))
      .digest("hex");
    const at = key("calibration", encoder?.id ?? "words", set.slice(0, 16), CUT_VERSION);
    const known = await this.#o.db.get(at);
    if (known !== undefined) return JSON.parse(known) as Calibration;
    const fresh = await calibrate(encoder);
    await this.#o.db.put(at, JSON.stringify(fresh));
    return fresh;
  }
}

function vectorHash({ hash }: Article): string {
  return `${CUT_VERSION}:${hash}`;
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
