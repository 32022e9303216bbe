/** A report beside an earlier one: how many times as much, and how sure that is. */
import { existsSync, readFileSync } from "node:fs";
import { z } from "zod";
import { UsageError } from "../runtime/config/errors.ts";
import type { BenchReport, BenchResult } from "./report.ts";

export interface Ratio {
  readonly ratio: number;
  /** In which it lies with 95 %; absent where there were too few rounds to say. */
  readonly low?: number;
  readonly high?: number;
}

const result = z.looseObject({
  name: z.string(),
  unit: z.string(),
  value: z.number(),
  rounds: z.array(z.number()).optional(),
});
const reportShape = z.looseObject({
  machine: z.record(z.string(), z.unknown()),
  versions: z.record(z.string(), z.unknown()),
  results: z.array(result),
});
export type Baseline = z.output<typeof reportShape>;

/** What a bench has printed under `--json`. @throws UsageError */
export function readBaseline(file: string): Baseline {
  if (!existsSync(file)) throw new UsageError(`--baseline ${file}: there is no such file`);
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new UsageError(`--baseline ${file}: is no JSON (${(error as Error).message})`);
  }
  const parsed = reportShape.safeParse(value);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0]!;
  throw new UsageError(
    `--baseline ${file}: ${path.map(String).join(".") || "the file"}: ${message}; it has to be what a bench prints under --json`,
  );
}

/** The same report, each result with how it is beside the one of the same name and unit. */
export function beside(report: BenchReport, baseline: Baseline): BenchReport {
  const before = new Map(baseline.results.map((each) => [`${each.name} ${each.unit}`, each]));
  const results = report.results.map((each): BenchResult => {
    const known = before.get(`${each.name} ${each.unit}`);
    const ratio = known && ratioOf(each.rounds ?? [each.value], known.rounds ?? [known.value]);
    return ratio ? { ...each, before: known.value, change: ratio } : each;
  });
  return { ...report, results };
}

/** Two-sided 95 % quantiles of Student's distribution, by degrees of freedom from 1. */
const QUANTILES = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131,
  2.12, 2.11, 2.101, 2.093, 2.086,
];
const NORMAL = 1.96;

/**
 * How many times `before` is `now`, of the geometric means of their rounds, with Welch's interval on the logarithms. Undefined where
 * one is not above 0, and so no times of anything.
 */
export function ratioOf(now: readonly number[], before: readonly number[]): Ratio | undefined {
  if ([...now, ...before].some((value) => value <= 0) || now.length === 0 || before.length === 0)
    return undefined;
  const [a, b] = [spread(now), spread(before)];
  const difference = a.mean - b.mean;
  const ratio = Math.exp(difference);
  if (now.length < 2 || before.length < 2) return { ratio };
  const [va, vb] = [a.variance / now.length, b.variance / before.length];
  const freedom = (va + vb) ** 2 / (va ** 2 / (now.length - 1) + vb ** 2 / (before.length - 1));
  if (!(freedom >= 1)) return { ratio, low: ratio, high: ratio };
  const quantile = QUANTILES[Math.floor(freedom) - 1] ?? NORMAL;
  const half = quantile * Math.sqrt(va + vb);
  return { ratio, low: Math.exp(difference - half), high: Math.exp(difference + half) };
}

/** Of the logarithms. */
function spread(values: readonly number[]): { mean: number; variance: number } {
  const logs = values.map(Math.log);
  const mean = logs.reduce((sum, value) => sum + value, 0) / logs.length;
  const variance = logs.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, logs.length - 1);
  return { mean, variance };
}
