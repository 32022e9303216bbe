/** The shape in which every bench reports, and the machine that it ran on. */
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, platform, release, totalmem } from "node:os";
import { asset } from "../runtime/config/paths.ts";
import type { JsonObject } from "../runtime/json.ts";
import type { Ratio } from "./compare.ts";

export interface BenchResult {
  readonly name: string;
  readonly unit: string;
  readonly value: number;
  /** Percentiles of one request, ms; absent where no request was timed. */
  readonly p50?: number;
  readonly p95?: number;
  readonly p99?: number;
  readonly baseline?: number;
  /** What each round came to; absent where there was one. */
  readonly rounds?: readonly number[];
  /** Of an earlier report: its value, and how many times as much this one is. */
  readonly before?: number;
  readonly change?: Ratio;
  readonly ratio?: number;
  readonly budget?: number;
  readonly held?: boolean;
}

export interface BenchReport {
  readonly machine: JsonObject;
  readonly versions: JsonObject;
  readonly results: readonly BenchResult[];
  /** Names of the results that missed their budget. */
  readonly missed: readonly string[];
}

/** @param machine what else there is to say of the machine, such as how busy it was before */
export function report(
  results: readonly BenchResult[],
  versions: JsonObject = {},
  machine: JsonObject = {},
): BenchReport {
  const { version } = JSON.parse(readFileSync(asset("package.json"), "utf8")) as { version: string };
  return {
    machine: {
      cpu: cpus()[0]?.model.trim() ?? "unknown",
      cores: availableParallelism(),
      memoryMiB: Math.round(totalmem() / 1024 / 1024),
      system: `${platform()} ${release()}`,
      ...machine,
    },
    versions: { bailiwick: version, node: process.versions.node, ...versions },
    results,
    missed: results.filter((r) => r.held === false).map((r) => r.name),
  };
}

/** Four digits say as much as such a measurement does. @throws RangeError for what is no figure: nothing was measured */
export function tidy(row: BenchResult): BenchResult {
  if (!Number.isFinite(row.value)) throw new RangeError(`${row.name} is ${row.value}`);
  const round = (v: number): number => (v >= 1_000 ? Math.round(v) : Number(v.toPrecision(4)));
  return Object.fromEntries(
    Object.entries(row).map(([name, v]) => [
      name,
      typeof v === "number" ? round(v) : name === "rounds" ? (v as number[]).map(round) : v,
    ]),
  ) as unknown as BenchResult;
}

/** How many times the baseline it is, and in what that lies with 95 %. */
export function changeOf({ change }: Pick<BenchResult, "change">): string {
  if (!change) return "";
  const { ratio, low, high } = change;
  const text = (value: number): string => value.toFixed(2);
  return low === undefined || high === undefined
    ? `×${text(ratio)}`
    : `×${text(ratio)} (${text(low)}–${text(high)})`;
}

/** A table for people. */
export function renderReport({ machine, results }: BenchReport): string {
  const cell = (value: number | undefined): string => (value === undefined ? "-" : value.toFixed(2));
  const number = (value: number | undefined): string => (value === undefined ? "-" : String(value));
  const rows = results.map((r) => [
    r.name,
    `${r.value} ${r.unit}`,
    ...[r.p50, r.p95, r.p99].map(cell),
    number(r.baseline),
    number(r.budget),
    r.held === undefined ? "" : r.held ? "held" : "missed",
    changeOf(r),
  ]);
  const all = [
    ["", "", "p50 ms", "p95 ms", "p99 ms", "against", "budget", "", "beside the baseline"],
    ...rows,
  ];
  // Columns that say nothing are left out.
  const said = all[0]!.map((_, i) => i < 2 || rows.some((row) => row[i] !== "-" && row[i] !== ""));
  const table = all.map((row) => row.filter((_, i) => said[i]));
  const widths = table[0]!.map((_, i) => Math.max(...table.map((row) => row[i]!.length)));
  const lines = table.map((row) =>
    row
      .map((text, i) => (i === 0 ? text.padEnd(widths[i]!) : text.padStart(widths[i]!)))
      .join("  ")
      .trimEnd(),
  );
  return [...lines, "", `${machine.cores} cores, ${machine.cpu}`].join("\n");
}
