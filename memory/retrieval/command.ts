/** What `eval retrieval` does. */
import { z } from "zod";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { UsageError } from "../../runtime/config/errors.ts";
import { encoderOptions, openEncoder } from "../encoder/index.ts";
import { readJsonl } from "../jsonl.ts";
import { indexDocuments, type Method, type RetrievalScores, scoreRetrieval } from "./evaluate.ts";

const document = z.looseObject({ id: z.string().min(1), title: z.string().optional(), text: z.string() });
const query = z.looseObject({
  id: z.string().min(1),
  text: z.string(),
  relevant: z.array(z.string()).min(1),
});

export interface RetrievalOptions {
  readonly docs: string;
  readonly queries: string;
  readonly k: readonly number[];
  readonly baselines?: boolean;
}

export async function runRetrieval(options: RetrievalOptions, env: CliEnv): Promise<void> {
  const documents = await readJsonl(options.docs, document);
  const queries = await readJsonl(options.queries, query);
  checkReferences(documents, queries, options);
  const encoder = await openEncoder(encoderOptions(env.config().encoder));
  try {
    const methods: Method[] = options.baselines ? ["hybrid", "lexical", "vector"] : ["hybrid"];
    const scores = new Map<Method, RetrievalScores>();
    for (const method of methods) {
      const progress = env.progress(`${method}: indexing`);
      const used = method === "lexical" ? undefined : encoder;
      const index = await indexDocuments(documents, used, method, (done) =>
        progress.update("documents", done, documents.length),
      );
      progress.update("asking");
      scores.set(method, await scoreRetrieval(index, queries, used, options.k));
      progress.end();
    }
    const { hybrid, ...baselines } = Object.fromEntries(scores) as Record<Method, RetrievalScores>;
    // By then the encoder has the queries in its cache: only the times of the first method mean something.
    for (const other of Object.values(baselines) as Partial<RetrievalScores>[]) {
      delete other.p50Ms;
      delete other.p95Ms;
    }
    env.out({ ...hybrid, encoder: encoder.id, ...(options.baselines ? { baselines } : {}) }, () =>
      table(scores, documents.length, queries.length),
    );
  } finally {
    await encoder.close();
  }
}

function checkReferences(
  documents: readonly { id: string }[],
  queries: readonly { id: string; relevant: readonly string[] }[],
  files: RetrievalOptions,
): void {
  const known = new Set<string>();
  for (const { id } of documents) {
    if (known.has(id)) throw new UsageError(`${files.docs}: the id ${id} is there twice`);
    known.add(id);
  }
  for (const { id, relevant } of queries) {
    const unknown = relevant.find((each) => !known.has(each));
    if (unknown !== undefined) {
      throw new UsageError(
        `${files.queries}: query ${id} names ${unknown}, which is no document of ${files.docs}`,
      );
    }
  }
}

function table(scores: ReadonlyMap<Method, RetrievalScores>, documents: number, queries: number): string {
  const names = Object.keys([...scores.values()][0]!);
  const rows = [["", ...scores.keys()]];
  for (const name of names) {
    rows.push([name, ...[...scores.values()].map((s) => String((s as Record<string, number>)[name] ?? ""))]);
  }
  const lines = rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(11) : cell.padStart(9))).join(""),
  );
  return [`${documents} documents, ${queries} queries`, ...lines].join("\n");
}
