/** Reads what the engine is held to. */
import { z } from "zod";
import { asset } from "../../runtime/config/paths.ts";
import { readBudgetFile } from "../budget-file.ts";

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
  return readBudgetFile(schema, file);
}
