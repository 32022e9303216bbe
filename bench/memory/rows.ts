/** What was measured of memory, as rows of the report: medians of the rounds, held to the budgets. */
import { medianOf } from "../engine/rows.ts";
import type { Percentiles } from "../harness/index.ts";
import { type BenchResult, tidy } from "../report.ts";
import type { MemoryBudgets } from "./budgets.ts";
import type { Compared } from "./compare.ts";
import type { EncoderMeasured } from "./encoder-side.ts";
import type { FactsOpened } from "./facts-side.ts";
import type { Filled } from "./fill.ts";
import type { Indexed, KnowledgeOpened } from "./knowledge-side.ts";
import type { Held } from "./place.ts";

export interface FactsMeasured {
  readonly facts: number;
  readonly filled: Filled;
  readonly opened: FactsOpened;
  /** Recalls in each round. */
  readonly recalls: readonly Percentiles[];
}

export interface KnowledgeMeasured {
  readonly indexed: Indexed;
  readonly opened: KnowledgeOpened;
  readonly searches: readonly Percentiles[];
  readonly compared: Compared;
}

export interface MemoryMeasured {
  readonly encoder?: EncoderMeasured | undefined;
  readonly knowledge?: KnowledgeMeasured | undefined;
  /** Ascending. */
  readonly facts: readonly FactsMeasured[];
}

/** @param budgets none: nothing is held, because too little was measured for that */
export function memoryRows(
  { encoder, knowledge, facts }: MemoryMeasured,
  budgets: MemoryBudgets | undefined,
): BenchResult[] {
  const rows = [
    ...(encoder ? encoderRows(encoder) : []),
    ...(knowledge ? knowledgeRows(knowledge, budgets) : []),
    ...factsRows(facts, budgets),
  ];
  return rows.map(tidy);
}

function encoderRows({ single, rate }: EncoderMeasured): BenchResult[] {
  return [
    slowest("memory.encoder.text", [single]),
    { name: "memory.encoder.batches", unit: "texts/s", value: rate },
  ];
}

function knowledgeRows(
  { indexed, opened, searches, compared }: KnowledgeMeasured,
  budgets: MemoryBudgets | undefined,
): BenchResult[] {
  const { passages, seconds, searches: meanwhile } = indexed;
  const { nearest, hits, near, all } = compared;
  const of = (name: string): string => `memory.${name}.chunks-${passages}`;
  const delay = (name: string, value: number): BenchResult =>
    heldTo({ name: of(name), unit: "ms (max)", value }, budgets?.indexing.delay);
  const least = budgets && { budget: budgets.found.nearest, held: nearest >= budgets.found.nearest };
  return [
    heldTo(slowest(of("recall.workspace"), searches), budgets?.recall.workspace),
    { name: of("found.nearest"), unit: "of ten", value: nearest, ...least },
    { name: of("found.hits"), unit: "of ten", value: hits },
    { ...slowest(of("near"), [near]), baseline: all.p95, ratio: near.p95 / all.p95 },
    { name: of("index"), unit: "passages/s", value: passages / seconds },
    delay("index.delay", indexed.delay.max),
    ...(meanwhile ? [slowest(of("index.search"), [meanwhile])] : []),
    startRow(of("start"), opened.openMs, budgets),
    delay("start.delay", opened.delay.max),
    ...heldRows(of, opened.held),
    { name: of("held.vectors"), unit: "MiB", value: opened.vectors },
    { name: of("held.words"), unit: "MiB", value: opened.words },
  ];
}

function factsRows(all: readonly FactsMeasured[], budgets: MemoryBudgets | undefined): BenchResult[] {
  const [fewest] = all;
  return all.flatMap((each) => {
    const { facts, filled, opened, recalls } = each;
    const of = (name: string): string => `memory.${name}.facts-${facts}`;
    const recall = slowest(of("recall.customer"), recalls);
    const baseline = slowest("", fewest!.recalls).value;
    const ratio = recall.value / baseline;
    return [
      each === fewest ? heldTo(recall, budgets?.recall.customer) : recall,
      ...(each === fewest
        ? []
        : [
            heldTo(
              { name: of("recall.grown"), unit: "of fewest", value: ratio, baseline, ratio },
              budgets?.recall.grown,
            ),
          ]),
      startRow(of("start"), opened.openMs, budgets),
      ...heldRows(of, opened.held),
      { name: of("append"), unit: "facts/s", value: facts / filled.appendSeconds },
      { name: of("fold"), unit: "facts/s", value: facts / filled.foldSeconds },
    ];
  });
}

/** The p95 of one request, the median of the rounds. */
function slowest(name: string, rounds: readonly Percentiles[]): BenchResult {
  const at = (p: "p50" | "p95" | "p99"): number => medianOf(rounds, (round) => round[p]);
  return { name, unit: "ms (p95)", value: at("p95"), p50: at("p50"), p95: at("p95"), p99: at("p99") };
}

function startRow(name: string, value: number, budgets: MemoryBudgets | undefined): BenchResult {
  return heldTo({ name, unit: "ms", value }, budgets?.start);
}

function heldRows(of: (name: string) => string, { rss, heap, external }: Held): BenchResult[] {
  return [
    { name: of("held"), unit: "MiB", value: rss },
    { name: of("held.heap"), unit: "MiB", value: heap },
    { name: of("held.external"), unit: "MiB", value: external },
  ];
}

/** To a budget that it may not go above. */
function heldTo(row: BenchResult, budget: number | undefined): BenchResult {
  return budget === undefined ? row : { ...row, budget, held: row.value <= budget };
}
