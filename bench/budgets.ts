/** Latency budgets: reading `budgets.yaml` and holding measured percentiles against it. */
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { z } from "zod";
import { UsageError } from "../runtime/config/errors.ts";
import { asset } from "../runtime/config/paths.ts";
import { STAGES } from "../scenarios/stages.ts";
import type { Percentiles } from "./harness/index.ts";

export const BUDGETS_FILE = asset("bench", "budgets.yaml");

const ms = z.number().positive();
/**
 * Besides the stages of a turn: from its acceptance to its reply, until a conversation goes on that had been another node's, and until
 * the desk is as fast as before a burst.
 */
const stage = z.enum([...STAGES, "reply", "takeover", "recovery"]);
const schema = z.record(
  z.string(),
  z.partialRecord(stage, z.strictObject({ p50: ms.optional(), p95: ms.optional(), p99: ms.optional() })),
);

/** Channel → stage → percentile → ms. */
export type Budgets = z.output<typeof schema>;

/** @throws UsageError naming the file and the place */
export function readBudgets(file = BUDGETS_FILE): Budgets {
  let value: unknown;
  try {
    value = parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new UsageError(`${file}: ${(error as Error).message.split("\n")[0]}`);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new UsageError(`${file}: ${issue.path.join(".")}: ${issue.message}`);
}

export interface Held {
  readonly stage: string;
  readonly percentile: "p50" | "p95" | "p99";
  readonly budget: number;
  readonly value: number;
  readonly held: boolean;
}

/** Every budget of a channel that something was measured for. */
export function holdAgainst(
  budgets: Budgets[string] | undefined,
  measured: Readonly<Record<string, Percentiles | undefined>>,
): Held[] {
  const results: Held[] = [];
  for (const [stage, limits] of Object.entries(budgets ?? {})) {
    const values = measured[stage];
    if (!values || !limits) continue;
    for (const percentile of ["p50", "p95", "p99"] as const) {
      const budget = limits[percentile];
      if (budget === undefined) continue;
      const value = values[percentile];
      results.push({ stage, percentile, budget, value, held: value <= budget });
    }
  }
  return results;
}
