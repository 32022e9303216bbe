/** Reads what memory is held to. */
import { z } from "zod";
import { asset } from "../../runtime/config/paths.ts";
import { readBudgetFile } from "../budget-file.ts";

const n = z.number().positive();
const schema = z.strictObject({
  recall: z.strictObject({ customer: n, grown: n, workspace: n }),
  found: z.strictObject({ nearest: n.max(1) }),
  start: n,
  indexing: z.strictObject({ delay: n }),
});

export type MemoryBudgets = z.output<typeof schema>;

/** @throws UsageError naming the file and the place */
export function readMemoryBudgets(file = asset("bench", "memory", "budgets.yaml")): MemoryBudgets {
  return readBudgetFile(schema, file);
}
