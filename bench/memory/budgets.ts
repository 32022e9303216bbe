/** Reads what memory is held to. */
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { z } from "zod";
import { UsageError } from "../../runtime/config/errors.ts";
import { asset } from "../../runtime/config/paths.ts";

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
  const parsed = schema.safeParse(parse(readFileSync(file, "utf8")));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new UsageError(`${file}: ${issue.path.join(".")}: ${issue.message}`);
}
