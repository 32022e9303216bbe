/** What was measured of the engine, as rows of the report: medians of the rounds, held to the budgets. */
import { atLeast, atMost } from "../budget-file.ts";
import type { Percentiles } from "../harness/index.ts";
import { type BenchResult, tidy } from "../report.ts";
import type { Throughput } from "./arm.ts";
import type { EngineBudgets } from "./budgets.ts";
import type { FoldSpeed } from "./fold.ts";
import type { ProcessRestart } from "./restarts.ts";

export interface KnownMeasured {
  readonly known: number;
  readonly rates: readonly Throughput[];
  /** At half of the maximum: arrivals a second, and latency in each round. */
  readonly half: number;
  readonly latencies: readonly Percentiles[];
  /** Latency at a rate that is the same for all, in each round; none where there is only one number. */
  readonly sameLoad: readonly Percentiles[];
  /** Seconds until as many conversations were known, from the first append to the last write of the node. */
  readonly fillSeconds: number;
  /** From the start of a process until its node is ready, ms. */
  readonly startMs: number;
}

export interface EngineMeasured {
  readonly known: readonly KnownMeasured[];
  readonly bare: readonly Throughput[];
  readonly unsealed: readonly Throughput[];
  readonly turns: readonly Throughput[];
  /** One message after the other, and one turn after the other. */
  readonly alone: Percentiles;
  readonly aloneTurns: Percentiles;
  readonly activation: { readonly levelDb: Percentiles; readonly log: Percentiles; readonly records: number };
  /** Bytes. */
  readonly memory: { readonly active: number; readonly raw: number };
  readonly fold: FoldSpeed;
  readonly restarts: {
    /** Why a process that was killed was not seen to answer again. */
    readonly failures: readonly string[];
    readonly process: readonly ProcessRestart[];
    readonly child: readonly number[];
    readonly actor: readonly number[];
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function medianOf<T>(rounds: readonly T[], pick: (round: T) => number): number {
  return median(rounds.map(pick));
}

/** @param budgets none: nothing is held, because too little was measured for that */
export function engineRows(m: EngineMeasured, budgets: EngineBudgets | undefined): BenchResult[] {
  const bare = medianOf(m.bare, (r) => r.rate);
  const first = m.known[0]!;
  const rows: BenchResult[] = [];
  const add = (row: BenchResult): void => void rows.push(tidy(row));

  for (const k of m.known) {
    const rate = medianOf(k.rates, (r) => r.rate);
    add({
      name: `engine.messages.known-${k.known}`,
      unit: "messages/s",
      value: rate,
      rounds: k.rates.map((r) => r.rate),
      ...atLeast(rate, budgets?.messages.least),
    });
    const ratio = rate / bare;
    add({
      name: `engine.of-bare.known-${k.known}`,
      unit: "of bare",
      value: ratio,
      baseline: bare,
      ratio,
      ...atLeast(ratio, budgets?.messages.leastOfBare),
    });
    const cpu = medianOf(k.rates, (r) => r.cpuMs);
    add({ name: `engine.cpu.known-${k.known}`, unit: "ms/message", value: cpu });
    const at = (p: "p50" | "p95" | "p99"): number => medianOf(k.latencies, (l) => l[p]);
    const [p50, p95, p99] = [at("p50"), at("p95"), at("p99")];
    const half = `engine.half-load.known-${k.known}`;
    add({ name: half, unit: "messages/s", value: k.half, p50, p95, p99 });
    add({ name: `${half}.p50`, unit: "ms", value: p50, ...atMost(p50, budgets?.latency.p50) });
    add({ name: `${half}.p99`, unit: "ms", value: p99, ...atMost(p99, budgets?.latency.p99) });
    if (k !== first) {
      const firstP50 = medianOf(first.sameLoad, (l) => l.p50);
      const flat = medianOf(k.sameLoad, (l) => l.p50) / firstP50;
      const held = atMost(flat, budgets?.flat.most);
      add({
        name: `engine.flat.known-${k.known}`,
        unit: "of fewest",
        value: flat,
        baseline: firstP50,
        ratio: flat,
        ...held,
      });
    }
    add({ name: `engine.fill.known-${k.known}`, unit: "conversations/s", value: k.known / k.fillSeconds });
    add({ name: `engine.start.known-${k.known}`, unit: "ms", value: k.startMs });
  }
  const share = (name: string, unit: string, value: number, baseline: number): void =>
    add({ name, unit, value, baseline, ratio: value / baseline });
  add({ name: "engine.bare", unit: "messages/s", value: bare, rounds: m.bare.map((r) => r.rate) });
  add({ name: "engine.bare.cpu", unit: "ms/message", value: medianOf(m.bare, (r) => r.cpuMs) });
  share(
    "engine.messages.unsealed",
    "messages/s",
    medianOf(m.unsealed, (r) => r.rate),
    bare,
  );
  add({ name: "engine.cpu.unsealed", unit: "ms/message", value: medianOf(m.unsealed, (r) => r.cpuMs) });
  const turns = m.turns.map((r) => r.rate);
  add({ name: "engine.turns", unit: "turns/s", value: median(turns), rounds: turns });
  add({ name: "engine.cpu.turns", unit: "ms/turn", value: medianOf(m.turns, (r) => r.cpuMs) });
  for (const [name, { p50, p95, p99 }] of [
    ["engine.alone.message", m.alone],
    ["engine.alone.turn", m.aloneTurns],
  ] as const)
    add({ name, unit: "ms", value: p50, p50, p95, p99 });
  const { levelDb, log, records } = m.activation;
  add({
    name: "engine.activation.leveldb",
    unit: "ms (p99)",
    value: levelDb.p99,
    ...percentiles(levelDb),
    ...atMost(levelDb.p99, budgets?.activation.p99),
  });
  add({
    name: `engine.activation.log-of-${records}`,
    unit: "ms (p99)",
    value: log.p99,
    ...percentiles(log),
  });
  const { active, raw } = m.memory;
  const allowed = budgets && budgets.memory.mostOfRaw * raw + budgets.memory.plusBytes;
  add({
    name: "engine.memory.actor",
    unit: "bytes",
    value: active,
    baseline: raw,
    ratio: active / raw,
    ...atMost(active, allowed),
  });
  share("engine.fold", "events/s", m.fold.cell, m.fold.raw);
  const { process, child, actor, failures } = m.restarts;
  if (process.length > 0) {
    add({ name: "engine.restart.process.ready", unit: "ms", value: medianOf(process, (r) => r.ready) });
    add({ name: "engine.restart.process.answered", unit: "ms", value: medianOf(process, (r) => r.answered) });
  }
  if (failures.length > 0)
    add({
      name: "engine.restart.process.failed",
      unit: `times (${failures[0]})`,
      value: failures.length,
      held: false,
    });
  add({ name: "engine.restart.actor.answered", unit: "ms", value: median(actor) });
  add({ name: "engine.restart.child", unit: "ms", value: median(child) });
  return rows;
}

function percentiles({ p50, p95, p99 }: Percentiles): Pick<BenchResult, "p50" | "p95" | "p99"> {
  return { p50, p95, p99 };
}
