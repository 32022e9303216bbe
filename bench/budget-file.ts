/** Budgets of a bench in a file of their own, and holding a value against one. */
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import type { z } from "zod";
import { UsageError } from "../runtime/config/errors.ts";

/** @throws UsageError naming the file and the place */
export function readBudgetFile<T>(schema: z.ZodType<T>, file: string): T {
  const parsed = schema.safeParse(parse(readFileSync(file, "utf8")));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new UsageError(`${file}: ${issue.path.join(".")}: ${issue.message}`);
}

/** Members of a result that is held to a budget; none where there is no budget. */
export type Limit = { readonly budget: number; readonly held: boolean } | Record<string, never>;

export function atLeast(value: number, budget: number | undefined): Limit {
  return budget === undefined ? {} : { budget, held: value >= budget };
}

export function atMost(value: number, budget: number | undefined): Limit {
  return budget === undefined ? {} : { budget, held: value <= budget };
}
