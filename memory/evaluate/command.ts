/** What `eval memory` does. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { UsageError } from "../../runtime/config/errors.ts";
import { encoderOptions, openEncoder } from "../encoder/index.ts";
import { percentile, rounded } from "../figures.ts";
import { openMemory } from "../index.ts";
import { readJsonl } from "../jsonl.ts";
import { LocalKeyRing } from "../store/local-keys.ts";
import {
  askAll,
  askBaseline,
  BASELINES,
  type Baseline,
  type EvalQuestion,
  type EvalTurn,
  keepTurns,
  type MemoryScores,
  type Recalls,
  scoreMemory,
} from "./evaluate.ts";

const turn = z.looseObject({
  id: z.string().min(1),
  conversation: z.string().min(1),
  session: z.union([z.string(), z.number()]).optional(),
  speaker: z.string().max(128).optional(),
  at: z.string().optional(),
  text: z.string(),
});
const question = z.looseObject({
  id: z.string().min(1),
  conversation: z.string().min(1),
  text: z.string().min(1),
  evidence: z.array(z.string()).min(1),
  category: z.string().optional(),
});

export interface MemoryEvalOptions {
  readonly turns: string;
  readonly questions: string;
  readonly k: readonly number[];
  readonly baselines?: boolean;
}

/** Everything goes through a memory of its own in a folder that is gone afterwards. */
export async function runMemory(options: MemoryEvalOptions, env: CliEnv): Promise<void> {
  const { k: ks } = options;
  const k = Math.max(...ks);
  const turns: EvalTurn[] = await readJsonl(options.turns, turn);
  const questions: EvalQuestion[] = await readJsonl(options.questions, question);
  checkEvidence(turns, questions, options);
  const dir = await mkdtemp(join(tmpdir(), "bailiwick-eval-"));
  const encoder = await openEncoder(encoderOptions(env.config().encoder));
  const keys = new LocalKeyRing();
  const open = () => openMemory({ dir, keys, encoder, knowledgeDirs: [] });
  const progress = env.progress("eval memory:");
  let memory = await open();
  try {
    const places = await keepTurns(memory, turns, (done) => progress.update("turns", done, turns.length));
    progress.update("asking");
    const first = await askAll(memory, places, questions, k);
    await memory.close();
    memory = await open();
    const again = await askAll(memory, places, questions, k);
    await memory.tiers.demoteAll();
    await memory.close();
    memory = await open();
    const { warm, cold: segments } = await memory.tiers.report();
    const cold = await askAll(memory, places, questions, k);
    const baselines: Partial<Record<Baseline, MemoryScores>> = {};
    if (options.baselines) {
      for (const name of Object.keys(BASELINES) as Baseline[]) {
        const found = await askBaseline(memory, places, questions, k, name, encoder);
        baselines[name] = scoreMemory(questions, found, ks);
      }
    }
    progress.end();
    const most = Math.max(...[...first.found, ...again.found, ...cold.found].map((found) => found.length));
    const ms = first.ms.sort((a, b) => a - b);
    const result = {
      turns: turns.length,
      questions: questions.length,
      ...scoreMemory(questions, first.found, ks),
      /** Turns that were returned for one question at most, neighbours included. */
      most,
      afterRestart: {
        ...scoreMemory(questions, again.found, ks),
        same: isDeepStrictEqual(first.found, again.found),
      },
      /** Everything was cold when the first was asked. */
      afterDemotion: {
        ...scoreMemory(questions, cold.found, ks),
        same: isDeepStrictEqual(first.found, cold.found),
        warm: warm.conversations,
        cold: segments.conversations,
        bytes: segments.bytes,
      },
      p50Ms: rounded(percentile(ms, 0.5), 2),
      p95Ms: rounded(percentile(ms, 0.95), 2),
      encoder: encoder.id,
      ...(options.baselines ? { baselines } : {}),
    };
    env.out(result, () => table(result, baselines, ks));
  } finally {
    progress.end();
    await memory.close();
    await encoder.close();
    await rm(dir, { recursive: true, force: true });
  }
}

function checkEvidence(
  turns: readonly EvalTurn[],
  questions: readonly EvalQuestion[],
  files: MemoryEvalOptions,
): void {
  const known = new Map<string, string>();
  for (const { id, conversation } of turns) {
    if (known.has(id)) throw new UsageError(`${files.turns}: the id ${id} is there twice`);
    known.set(id, conversation);
  }
  for (const { id, conversation, evidence } of questions) {
    const foreign = evidence.find((each) => known.get(each) !== conversation);
    if (foreign === undefined) continue;
    throw new UsageError(
      `${files.questions}: question ${id} names ${foreign}, which is no turn of ${conversation} in ${files.turns}`,
    );
  }
}

function table(
  result: MemoryScores & {
    readonly turns: number;
    readonly questions: number;
    readonly most: number;
    readonly afterRestart: { readonly same: boolean };
    readonly afterDemotion: { readonly same: boolean; readonly cold: number; readonly bytes: number };
    readonly p50Ms: number;
    readonly p95Ms: number;
  },
  baselines: Partial<Record<Baseline, MemoryScores>>,
  ks: readonly number[],
): string {
  const columns: [string, MemoryScores][] = [["found", result], ...Object.entries(baselines)];
  const row = (what: string, of: (scores: MemoryScores) => Recalls | undefined) =>
    ks.map((k) => [
      `${what} recall@${k}`,
      ...columns.map(([, scores]) => String(of(scores)?.[`recall@${k}`] ?? "")),
    ]);
  const rows = [
    ["", ...columns.map(([name]) => name)],
    ...row("all", (scores) => scores),
    ...Object.keys(result.byCategory).flatMap((name) => row(name, ({ byCategory }) => byCategory[name])),
  ];
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((cells) => cells[i]!.length)));
  const lines = rows.map((cells) =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]! + 2))).join(""),
  );
  const { turns, questions, most, afterRestart, afterDemotion, p50Ms, p95Ms } = result;
  const sameness = ({ same }: { same: boolean }): string => (same ? "the same turns" : "other turns");
  return [
    `${turns} turns, ${questions} questions; at most ${most} turns were returned`,
    ...lines,
    `after a restart: ${sameness(afterRestart)}`,
    `with all ${afterDemotion.cold} conversations cold (${Math.ceil(afterDemotion.bytes / 1024)} KiB): ${sameness(afterDemotion)}`,
    `one question with its encoding: p50 ${p50Ms} ms, p95 ${p95Ms} ms`,
  ].join("\n");
}
