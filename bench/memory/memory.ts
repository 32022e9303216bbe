/**
 * Measures memory over real servers and a real LevelDB: recalls of customers' facts, searches over the whole knowledge base,
 * opening, indexing, the encoder. What is measured has a process of its own; sizes that are compared take turns (`interleaved`).
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EncoderOptions } from "../../memory/encoder/index.ts";
import { EmbeddedServer } from "../../runtime/bus/index.ts";
import { findNatsServer, natsServerVersion } from "../../runtime/config/nats-server.ts";
import { asset } from "../../runtime/config/paths.ts";
import { interleaved, type Percentiles } from "../harness/index.ts";
import type { Compared } from "./compare.ts";
import type { EncoderMeasured } from "./encoder-side.ts";
import type { FactsOpened } from "./facts-side.ts";
import type { Filled } from "./fill.ts";
import { Helpers } from "./helpers.ts";
import type { Indexed, KnowledgeOpened } from "./knowledge-side.ts";
import { FACTS_OF_CUSTOMER, type Place } from "./place.ts";
import type { FactsMeasured, KnowledgeMeasured, MemoryMeasured } from "./rows.ts";
import { article, type BenchArticle, question } from "./texts.ts";

export interface MemoryBenchOptions {
  /** Numbers of facts, ascending; a customer has 20. */
  readonly facts: readonly number[];
  /** Different texts of facts. */
  readonly factTexts: number;
  /** Passages of all articles together, where those of the bench itself are used. */
  readonly chunks: number;
  /** The company's own articles and questions instead. */
  readonly own?: { readonly articles: readonly BenchArticle[]; readonly questions: readonly string[] };
  /** Rounds that count; one before them warms up. */
  readonly rounds: number;
  /** Recalls or searches in a round. */
  readonly requests: number;
  /** Questions that are asked with every vector compared. */
  readonly comparisons: number;
  /** Texts that the encoder is measured with, one by one. */
  readonly texts: number;
  readonly encoder: EncoderOptions;
  /** What is measured. Default all. */
  readonly parts?: readonly Part[];
  /** What articles, facts and questions follow from. */
  readonly seed: string;
  /** The JavaScript file of `process.ts`; without one all is done in this process. Default: what set-up built, in dist/. */
  readonly entry?: string | undefined;
  readonly onStage?: (text: string) => void;
  /** Ends the processes and so the measuring; what lies on disk goes all the same. */
  readonly signal?: AbortSignal;
}

export const PARTS = ["encoder", "knowledge", "facts"] as const;
export type Part = (typeof PARTS)[number];

export const BUILT_ENTRY = asset("dist", "bench", "memory", "process.js");
const PASSAGES_OF_ARTICLE = 10;
/** Characters that the title of an article may have. */
const MOST_OF_TITLE = 200;
/** A million facts with their vectors take a quarter of it. */
const STREAM_BYTES = 16 * 1024 ** 3;

export async function benchMemory(
  options: MemoryBenchOptions,
): Promise<MemoryMeasured & { readonly natsServer: string }> {
  const dir = await mkdtemp(join(tmpdir(), "bailiwick-bench-"));
  const { parts = PARTS, signal } = options;
  const helpers = new Helpers("entry" in options ? options.entry : BUILT_ENTRY, signal);
  try {
    const natsServer = natsServerVersion(findNatsServer()) ?? "unknown";
    const [encoder, knowledge, facts] = [
      parts.includes("encoder") ? await measureEncoder(options, helpers) : undefined,
      parts.includes("knowledge")
        ? await measureKnowledge(join(dir, "knowledge"), options, helpers)
        : undefined,
      parts.includes("facts") ? await measureFacts(dir, options, helpers) : [],
    ];
    return { natsServer, encoder, knowledge, facts };
  } finally {
    await helpers.close();
    await rm(dir, { recursive: true, force: true });
  }
}

async function measureEncoder(
  { encoder, seed, texts, onStage }: MemoryBenchOptions,
  helpers: Helpers,
): Promise<EncoderMeasured> {
  onStage?.("the encoder");
  const helper = await helpers.start("encoder");
  const measured = await helper.call<EncoderMeasured>("measure", { encoder, seed, texts });
  await helper.end();
  return measured;
}

async function measureKnowledge(
  dir: string,
  options: MemoryBenchOptions,
  helpers: Helpers,
): Promise<KnowledgeMeasured> {
  const { encoder, rounds, requests, comparisons, onStage = () => {} } = options;
  const place = { dir, encoder, articles: join(dir, "articles") };
  const questions = await writeArticles(place.articles, options);
  onStage("indexing articles");
  const first = await helpers.start("knowledge");
  const indexed = await first.call<Indexed>("index", { ...place, questions });
  await first.end();
  onStage("opening with articles");
  const second = await helpers.start("knowledge");
  const opened = await second.call<KnowledgeOpened>("open", place);
  const searches: Percentiles[] = [];
  for (let round = 0; round <= rounds; round++) {
    onStage(`searching, ${roundOf(round, rounds)}`);
    const asked = Array.from(
      { length: requests },
      (_, n) => questions[(round * requests + n) % questions.length],
    );
    const measured = await second.call<Percentiles>("search", { questions: asked });
    if (round > 0) searches.push(measured);
  }
  await second.end();
  onStage("comparing with every vector");
  const third = await helpers.start("knowledge");
  const compared = await third.call<Compared>("compare", {
    ...place,
    questions: questions.slice(0, comparisons),
  });
  await third.end();
  return { indexed, opened, searches, compared };
}

/** @returns what is asked */
async function writeArticles(
  dir: string,
  { own, chunks, seed, requests, rounds }: MemoryBenchOptions,
): Promise<string[]> {
  await mkdir(dir, { recursive: true });
  const articles =
    own?.articles ??
    Array.from({ length: Math.ceil(chunks / PASSAGES_OF_ARTICLE) }, (_, n) =>
      article(seed, n, Math.min(PASSAGES_OF_ARTICLE, chunks - n * PASSAGES_OF_ARTICLE)),
    );
  for (const [n, { title, text }] of articles.entries()) {
    const head = JSON.stringify({ id: `article-${n}`, title: title.slice(0, MOST_OF_TITLE) });
    await writeFile(join(dir, `${n}.md`), `---\n${head}\n---\n\n${text}\n`);
  }
  if (own) return [...own.questions];
  return Array.from({ length: (rounds + 1) * requests }, (_, n) => question(seed, n));
}

async function measureFacts(
  dir: string,
  options: MemoryBenchOptions,
  helpers: Helpers,
): Promise<FactsMeasured[]> {
  const { encoder, seed, rounds, requests, onStage = () => {} } = options;
  const servers: EmbeddedServer[] = [];
  try {
    const measured: Omit<FactsMeasured, "recalls">[] = [];
    const arms: Record<string, () => Promise<Percentiles>> = {};
    for (const facts of options.facts) {
      options.signal?.throwIfAborted();
      const home = join(dir, `facts-${facts}`);
      await mkdir(home, { recursive: true });
      const server = await EmbeddedServer.start({
        binary: findNatsServer(),
        dir: join(home, "nats"),
        name: "bench",
        jetstream: { maxFile: STREAM_BYTES },
      });
      servers.push(server);
      const { url, user, pass } = server;
      const place: Place = { url, user, pass, dir: home, encoder, seed };
      const customers = Math.ceil(facts / FACTS_OF_CUSTOMER);
      onStage(`remembering ${facts} facts`);
      const filler = await helpers.start("fill");
      const texts = Math.min(facts, options.factTexts);
      const filled = await filler.call<Filled>("fill", { ...place, customers, texts });
      await filler.end();
      onStage(`opening with ${facts} facts`);
      const desk = await helpers.start("facts");
      const opened = await desk.call<FactsOpened>("open", { ...place, customers, questions: requests });
      measured.push({ facts: customers * FACTS_OF_CUSTOMER, filled, opened });
      arms[facts] = () => desk.call<Percentiles>("recall", { recalls: requests });
    }
    const recalls = await interleaved(arms, rounds, (round, arm) =>
      onStage(`recalls of ${arm} facts, ${roundOf(round, rounds)}`),
    );
    return measured.map((each, i) => ({ ...each, recalls: recalls[options.facts[i]!]! }));
  } finally {
    await helpers.endAll();
    for (const server of servers) await server.stop();
  }
}

function roundOf(round: number, rounds: number): string {
  return round === 0 ? "warming up" : `round ${round} of ${rounds}`;
}
