/** A desk's knowledge base: indexing many articles while it is searched, opening with them, searching, and what is found. */
import { setTimeout as sleep } from "node:timers/promises";
import { openEncoder, openSharedEncoder, type SharedEncoder } from "../../memory/encoder/index.ts";
import { type Memory, openMemory } from "../../memory/index.ts";
import type { Knowledge } from "../../memory/knowledge/knowledge.ts";
import type { Query } from "../../memory/retrieval/hybrid.ts";
import { encodeQuery } from "../../memory/retrieval/query.ts";
import { LocalKeyRing } from "../../memory/store/local-keys.ts";
import { Latencies, type LoopDelay, measureLoopDelay, type Percentiles } from "../harness/index.ts";
import { type Compared, compareSearches } from "./compare.ts";
import { type Held, held, type Place } from "./place.ts";
import type { Side } from "./roles.ts";

export interface OpenKnowledge extends Pick<Place, "encoder" | "dir"> {
  /** Folder of articles. */
  readonly articles: string;
}

export interface Indexed {
  readonly articles: number;
  readonly passages: number;
  readonly seconds: number;
  readonly delay: LoopDelay;
  /** Searches while it was indexed, with their encoding; none where it was done too soon. */
  readonly searches?: Percentiles;
}

export interface KnowledgeOpened {
  readonly openMs: number;
  readonly delay: LoopDelay;
  readonly held: Held;
  /** MiB of vectors with their codes, and of the lists of words. */
  readonly vectors: number;
  readonly words: number;
}

/** Passages of one search: what the desk asks for. */
const HITS = 4;
/** A customer asks so often while articles are indexed, ms. */
const SEARCH_EVERY_MS = 250;

export function knowledgeSide(): Side {
  let encoder: SharedEncoder | undefined;
  let memory: Memory | undefined;

  /** As a desk has it: in a thread, with processes behind it. How long the event loop stands still for that is not the memory's. */
  async function startEncoder(options: OpenKnowledge["encoder"]): Promise<void> {
    encoder = await openSharedEncoder(options);
  }

  async function start({ dir, articles }: OpenKnowledge): Promise<Knowledge> {
    memory = await openMemory({
      dir: `${dir}/memory`,
      keys: new LocalKeyRing(),
      knowledgeDirs: [articles],
      encoder,
    });
    return memory.knowledge;
  }

  /** Indexes all that is in the folder, and asks for something now and then. */
  async function index({ questions, ...options }: OpenKnowledge & { questions: string[] }): Promise<Indexed> {
    await startEncoder(options.encoder);
    const measured = measureLoopDelay();
    const begun = performance.now();
    const knowledge = await start(options);
    const latencies = new Latencies();
    for (let n = 0; knowledge.report.toEncode > 0; n++) {
      const from = performance.now();
      const found = await knowledge.search(questions[n % questions.length]!, HITS);
      latencies.record(performance.now() - from);
      if (found.length === 0) throw new Error("nothing was found while articles were indexed");
      await sleep(SEARCH_EVERY_MS);
    }
    const seconds = (performance.now() - begun) / 1_000;
    const delay = measured();
    const { articles, passages, problems } = knowledge.report;
    if (problems.length > 0) throw new Error(`articles are not indexed: ${problems.join("; ")}`);
    return { articles, passages, seconds, delay, searches: latencies.percentiles() };
  }

  async function open(options: OpenKnowledge): Promise<KnowledgeOpened> {
    const begun = performance.now();
    await startEncoder(options.encoder);
    const measured = measureLoopDelay();
    const knowledge = await start(options);
    const openMs = performance.now() - begun;
    const delay = measured();
    if (knowledge.report.encoded + knowledge.report.toEncode > 0) throw new Error("vectors were not kept");
    const mib = (bytes: number): number => bytes / 1024 / 1024;
    const { vectors, words } = knowledge.bytes;
    return { openMs, delay, held: held(), vectors: mib(vectors), words: mib(words) };
  }

  /** One search after the other; the time of the encoder is not in it. */
  async function search({ questions }: { questions: string[] }): Promise<Percentiles> {
    const queries: Query[] = [];
    for (const text of questions) queries.push(await encodeQuery(text, encoder));
    const latencies = new Latencies();
    for (const query of queries) {
      const from = performance.now();
      const found = memory!.knowledge.find(query, HITS);
      latencies.record(performance.now() - from);
      if (found.length !== HITS) throw new Error(`${found.length} passages were found instead of ${HITS}`);
      // As between two asks: what waits gets its turn.
      await sleep(0);
    }
    return latencies.percentiles()!;
  }

  async function compare({
    questions,
    encoder: options,
    ...place
  }: OpenKnowledge & { questions: string[] }): Promise<Compared> {
    const open = await openEncoder(options);
    try {
      const queries: Query[] = [];
      for (const text of questions) queries.push(await encodeQuery(text, open));
      return await compareSearches({ ...place, encoder: open, queries });
    } finally {
      await open.close();
    }
  }

  async function end(): Promise<void> {
    await memory?.close();
    await encoder?.close();
  }

  return { handlers: { index, open, search, compare }, end };
}
