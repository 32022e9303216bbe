/** What a demo adds up: latencies by stage against their budgets, facts by verdict. */
import { type Held, holdAgainst, readBudgets } from "../../bench/budgets.ts";
import { Latencies, type Percentiles } from "../../bench/harness/index.ts";
import type { Finding } from "../../scenarios/facts/index.ts";
import { STAGES, type StageTime } from "../../scenarios/stages.ts";

export class StageTally {
  readonly #stages = new Map<string, Latencies>();

  add(times: readonly StageTime[]): void {
    for (const { stage, ms } of times) {
      let latencies = this.#stages.get(stage);
      if (!latencies) {
        latencies = new Latencies();
        this.#stages.set(stage, latencies);
      }
      latencies.record(ms);
    }
  }

  /** Stages that happened, in the order in which a turn goes through them. */
  percentiles(): Record<string, Percentiles> {
    const result: Record<string, Percentiles> = {};
    for (const stage of STAGES) {
      const p = this.#stages.get(stage)?.percentiles();
      if (p) result[stage] = p;
    }
    return result;
  }

  held(channel = "chat"): Held[] {
    return holdAgainst(readBudgets()[channel], this.percentiles());
  }
}

export interface FactCounts {
  /** Right, wrong and foreign ones. */
  stated: number;
  wrong: number;
  foreign: number;
  unclassified: number;
}

export function countFacts(findings: Iterable<Finding>): FactCounts {
  const counts: FactCounts = { stated: 0, wrong: 0, foreign: 0, unclassified: 0 };
  for (const { verdict } of findings) {
    if (verdict === "unclassified") counts.unclassified++;
    else counts.stated++;
    if (verdict === "wrong" || verdict === "foreign") counts[verdict]++;
  }
  return counts;
}

export const latencyJson = (
  measured: Record<string, Percentiles>,
): Record<string, { p50: number; p95: number; p99: number; count: number }> =>
  Object.fromEntries(
    Object.entries(measured).map(([stage, { p50, p95, p99, count }]) => [stage, { p50, p95, p99, count }]),
  );

export const budgetsJson = (held: readonly Held[]) => ({
  held: held.filter((h) => h.held).length,
  missed: held.filter((h) => !h.held).length,
  over: held
    .filter((h) => !h.held)
    .map(({ stage, percentile, budget, value }) => ({ stage, percentile, budget, value })),
});
