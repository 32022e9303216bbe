/** Reads what the engine is held to. */
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { z } from "zod";
import { UsageError } from "../../runtime/config/errors.ts";
import { asset } from "../../runtime/config/paths.ts";

const n = z.number().positive();
const schema = z.strictObject({
  messages: z.strictObject({ least: n, leastOfBare: n }),
  latency: z.strictObject({ p50: n, p99: n }),
  flat: z.strictObject({ most: n }),
  activation: z.strictObject({ p99: n }),
  memory: z.strictObject({ mostOfRaw: n, plusBytes: n }),
});

export type EngineBudgets = z.output<typeof schema>;

/** @throws UsageError naming the file and the place */
export function readEngineBudgets(file = asset("bench", "engine", "budgets.yaml")): EngineBudgets {
  const parsed = schema.safeParse(parse(readFileSync(file, "utf8")));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new UsageError(`${file}: ${issue.path.join(".")}: ${issue.message}`);
}
