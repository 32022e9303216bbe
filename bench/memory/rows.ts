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
  readonly encoder: EncoderMeasured;
  /** Ascending. */
  readonly facts: readonly FactsMeasured[];
  readonly knowledge: KnowledgeMeasured;
}

/** @param budgets none: nothing is held, because too little was measured for that */
export function memoryRows(m: MemoryMeasured, budgets: MemoryBudgets | undefined): BenchResult[] {
  const rows: BenchResult[] = [];
  const add = (row: BenchResult): void => void rows.push(tidy(row));
  const most = (value: number, budget: number | undefined) =>
    budget === undefined ? {} : { budget, held: value <= budget };
  const least = (value: number, budget: number | undefined) =>
    budget === undefined ? {} : { budget, held: value >= budget };
  const holds = (name: string, { rss, heap, external }: Held): void => {
    add({ name: `memory.held.${name}`, unit: "MiB", value: rss });
    add({ name: `memory.held.${name}.heap`, unit: "MiB", value: heap });
    add({ name: `memory.held.${name}.external`, unit: "MiB", value: external });
  };

  const { single, rate } = m.encoder;
  add({ name: "memory.encoder.text", unit: "ms (p95)", value: single.p95, ...percentiles([single]) });
  add({ name: "memory.encoder.batches", unit: "texts/s", value: rate });

  const first = m.facts[0]!;
  const fewest = percentiles(first.recalls).p95;
  for (const each of m.facts) {
    const { facts, filled, opened, recalls } = each;
    const of = percentiles(recalls);
    const held = each === first ? most(of.p95, budgets?.recall.customer) : {};
    add({ name: `memory.recall.customer.facts-${facts}`, unit: "ms (p95)", value: of.p95, ...of, ...held });
    if (each !== first) {
      const ratio = of.p95 / fewest;
      add({
        name: `memory.recall.grown.facts-${facts}`,
        unit: "of fewest",
        value: ratio,
        baseline: fewest,
        ratio,
        ...most(ratio, budgets?.recall.grown),
      });
    }
    const { openMs } = opened;
    add({ name: `memory.start.facts-${facts}`, unit: "ms", value: openMs, ...most(openMs, budgets?.start) });
    holds(`facts-${facts}`, opened.held);
    add({ name: `memory.append.facts-${facts}`, unit: "facts/s", value: facts / filled.appendSeconds });
    add({ name: `memory.fold.facts-${facts}`, unit: "facts/s", value: facts / filled.foldSeconds });
  }

  const { indexed, opened, searches, compared } = m.knowledge;
  const chunks = `chunks-${indexed.passages}`;
  const of = percentiles(searches);
  add({
    name: `memory.recall.workspace.${chunks}`,
    unit: "ms (p95)",
    value: of.p95,
    ...of,
    ...most(of.p95, budgets?.recall.workspace),
  });
  const { nearest, hits, near, all } = compared;
  add({
    name: `memory.found.nearest.${chunks}`,
    unit: "of ten",
    value: nearest,
    ...least(nearest, budgets?.found.nearest),
  });
  add({ name: `memory.found.hits.${chunks}`, unit: "of ten", value: hits });
  add({ name: `memory.near.${chunks}`, unit: "ms (p95)", value: near.p95, ...percentiles([near]) });
  add({ name: `memory.near.all.${chunks}`, unit: "ms (p95)", value: all.p95, ...percentiles([all]) });
  add({ name: `memory.index.${chunks}`, unit: "passages/s", value: indexed.passages / indexed.seconds });
  const delay = (name: string, value: number): void =>
    add({
      name: `memory.delay.${name}.${chunks}`,
      unit: "ms (max)",
      value,
      ...most(value, budgets?.indexing.delay),
    });
  delay("index", indexed.delay.max);
  const meanwhile = indexed.searches;
  if (meanwhile) {
    const name = `memory.index.search.${chunks}`;
    add({ name, unit: "ms (p95)", value: meanwhile.p95, ...percentiles([meanwhile]) });
  }
  const { openMs } = opened;
  add({ name: `memory.start.${chunks}`, unit: "ms", value: openMs, ...most(openMs, budgets?.start) });
  delay("start", opened.delay.max);
  holds(chunks, opened.held);
  add({ name: `memory.held.${chunks}.vectors`, unit: "MiB", value: opened.vectors });
  add({ name: `memory.held.${chunks}.words`, unit: "MiB", value: opened.words });
  return rows;
}

function percentiles(rounds: readonly Percentiles[]): { p50: number; p95: number; p99: number } {
  const at = (p: "p50" | "p95" | "p99"): number => medianOf(rounds, (round) => round[p]);
  return { p50: at("p50"), p95: at("p95"), p99: at("p99") };
}
