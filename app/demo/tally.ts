/** What a demo adds up and prints: facts by verdict, latencies and budgets as JSON. */
import type { Held } from "../../bench/budgets.ts";
import type { Percentiles } from "../../bench/harness/index.ts";
import type { Finding } from "../../scenarios/facts/index.ts";

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
