/** Computes vectors of articles: texts of several in one call, so that batches are full, and the next ones are cut meanwhile. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Encoder } from "../encoder/encoder.ts";
import type { EncodedParts } from "../retrieval/documents.ts";
import type { Article } from "./articles.ts";

export interface ArticleEncoding {
  readonly encoder: Encoder;
  /** Articles to encode; `keep` takes them out of it. More may come while others are encoded. */
  readonly waiting: ReadonlyMap<string, Article>;
  partsOf(article: Article): EncodedParts;
  keep(vectors: ReadonlyMap<Article, readonly Float32Array[]>): Promise<void>;
  /** Awaited between two articles. */
  rest(): Promise<void>;
  /** How long is waited before a call that failed is tried again, ms, once for each. */
  readonly pausesMs: readonly number[];
  readonly signal: AbortSignal;
}

interface Group {
  readonly articles: { readonly article: Article; readonly texts: number }[];
  readonly texts: string[];
}

type Outcome = { readonly vectors: Map<Article, Float32Array[]> } | { readonly error: Error };

/** Texts in one call: some full batches. */
const TEXTS_AT_ONCE = 64;
/** Calls that are open at once, so that the encoder never waits. */
const CALLS_AT_ONCE = 2;
/** Calls one after the other that fail in spite of that, after which the encoder is taken to be out of order. */
const MOST_FAILURES = 3;

/** @returns why some articles have no vectors: they are still waiting then */
export async function encodeArticles(work: ArticleEncoding): Promise<Error | undefined> {
  const open: Promise<Outcome>[] = [];
  const begun = new Set<Article>();
  let failure: Error | undefined;
  let failures = 0;
  for (;;) {
    while (open.length < CALLS_AT_ONCE && failures < MOST_FAILURES) {
      const group = await cut(work, begun);
      if (group.texts.length === 0) break;
      open.push(outcome(group, work));
    }
    const outcomeOfNext = await open.shift();
    work.signal.throwIfAborted();
    if (!outcomeOfNext) return failure;
    if ("error" in outcomeOfNext) {
      failure = outcomeOfNext.error;
      failures++;
      continue;
    }
    failures = 0;
    await work.keep(outcomeOfNext.vectors);
    for (const article of outcomeOfNext.vectors.keys()) begun.delete(article);
  }
}

/** The next articles, as many as make up one call. */
async function cut({ waiting, partsOf, rest }: ArticleEncoding, begun: Set<Article>): Promise<Group> {
  const group: Group = { articles: [], texts: [] };
  for (const article of waiting.values()) {
    if (begun.has(article)) continue;
    begun.add(article);
    const { texts } = partsOf(article);
    group.articles.push({ article, texts: texts.length });
    group.texts.push(...texts);
    await rest();
    if (group.texts.length >= TEXTS_AT_ONCE) break;
  }
  return group;
}

async function outcome({ articles, texts }: Group, work: ArticleEncoding): Promise<Outcome> {
  try {
    const all = await patiently(texts, work);
    let from = 0;
    const own = articles.map(({ article, texts: count }): [Article, Float32Array[]] => {
      from += count;
      return [article, all.slice(from - count, from)];
    });
    return { vectors: new Map(own) };
  } catch (error) {
    return { error: error as Error };
  }
}

async function patiently(
  texts: readonly string[],
  { encoder, pausesMs, signal }: ArticleEncoding,
): Promise<Float32Array[]> {
  for (const pause of pausesMs) {
    try {
      return await encoder.encode(texts, signal);
    } catch {
      await sleep(pause, undefined, { signal });
    }
  }
  return encoder.encode(texts, signal);
}
