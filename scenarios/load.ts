/** Reads scenario files. Bad ones are refused with file, line and what to write instead. */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { isScalar, LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import { UsageError } from "../runtime/config/errors.ts";
import { filesOf } from "./files.ts";
import { type Scenario, scenarioSchema } from "./format.ts";

const SUFFIX = ".scenario.yaml";

/** All scenarios of files and folders, sorted by name. @throws UsageError */
export function loadScenarios(paths: readonly string[]): Scenario[] {
  const files = paths.flatMap((path) => filesOf(path, SUFFIX));
  if (files.length === 0) throw new UsageError(`no *${SUFFIX} in ${paths.join(", ")}`);
  const scenarios = files.map(loadScenario);
  const byName = new Map<string, string>();
  for (const { name, file } of scenarios) {
    const other = byName.get(name);
    if (other) throw new UsageError(`${file}: scenario ${name} is in ${other} already: give it another name`);
    byName.set(name, file);
  }
  return scenarios.sort((a, b) => (a.name < b.name ? -1 : 1));
}

export function loadScenario(file: string): Scenario {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new UsageError(`${file} can't be read: ${(error as Error).message}`);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [problem] = document.errors;
  if (problem) {
    const at = problem.linePos?.[0];
    throw new UsageError(`${file}:${at?.line ?? 1}:${at?.col ?? 1}: ${problem.message.split("\n")[0]}`);
  }
  const parsed = scenarioSchema.safeParse(document.toJS());
  if (!parsed.success) {
    const issue = deepest(parsed.error.issues);
    const node = document.getIn(issue.path as (string | number)[], true);
    const range =
      isScalar(node) || (node && typeof node === "object") ? (node as { range?: number[] }).range : undefined;
    const { line, col } = lines.linePos(range?.[0] ?? 0);
    throw new UsageError(
      `${file}:${line}:${col}: ${issue.path.join(".") || basename(file)}: ${issue.message}`,
    );
  }
  return { ...parsed.data, file };
}

/** Of a union's failures the one that got furthest says best what is wrong. */
function deepest(issues: readonly z.core.$ZodIssue[]): { path: readonly PropertyKey[]; message: string } {
  const all = issues.flatMap((issue): { path: readonly PropertyKey[]; message: string }[] => {
    if (issue.code !== "invalid_union") return [issue];
    return issue.errors
      .filter((branch) => branch.length > 0)
      .map((branch) => {
        const inner = deepest(branch);
        return { path: [...issue.path, ...inner.path], message: inner.message };
      });
  });
  return all.reduce((best, issue) => (issue.path.length > best.path.length ? issue : best), all[0]!);
}
