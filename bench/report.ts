/** The shape in which every bench reports, and the machine that it ran on. */
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, platform, release, totalmem } from "node:os";
import { asset } from "../runtime/config/paths.ts";
import type { JsonObject } from "../runtime/json.ts";

export interface BenchResult {
  readonly name: string;
  readonly unit: string;
  readonly value: number;
  /** Percentiles of one request, ms; absent where no request was timed. */
  readonly p50?: number;
  readonly p95?: number;
  readonly p99?: number;
  readonly baseline?: number;
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

export function report(results: readonly BenchResult[], versions: JsonObject = {}): BenchReport {
  const { version } = JSON.parse(readFileSync(asset("package.json"), "utf8")) as { version: string };
  return {
    machine: {
      cpu: cpus()[0]?.model.trim() ?? "unknown",
      cores: availableParallelism(),
      memoryMiB: Math.round(totalmem() / 1024 / 1024),
      system: `${platform()} ${release()}`,
    },
    versions: { bailiwick: version, node: process.versions.node, ...versions },
    results,
    missed: results.filter((r) => r.held === false).map((r) => r.name),
  };
}

/** A table for people. */
export function renderReport({ machine, results }: BenchReport): string {
  const cell = (value: number | undefined): string => (value === undefined ? "-" : value.toFixed(2));
  const was = (r: BenchResult): string => (r.baseline === undefined ? "" : ` (was ${r.baseline})`);
  const missed = (r: BenchResult): string => (r.held === false ? " missed" : "");
  const rows = results.map((r) => [
    r.name,
    `${r.value} ${r.unit}${was(r)}${missed(r)}`,
    ...[r.p50, r.p95, r.p99].map(cell),
  ]);
  const table = [["", "", "p50 ms", "p95 ms", "p99 ms"], ...rows];
  const widths = table[0]!.map((_, i) => Math.max(...table.map((row) => row[i]!.length)));
  const lines = table.map((row) =>
    row
      .map((text, i) => (i === 0 ? text.padEnd(widths[i]!) : text.padStart(widths[i]!)))
      .join("  ")
      .trimEnd(),
  );
  return [...lines, "", `${machine.cores} cores, ${machine.cpu}`].join("\n");
}
