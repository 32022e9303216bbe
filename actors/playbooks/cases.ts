/**
 * Tests of a playbook without code: `<name>.cases.yaml` beside it says what customers write, what the skills answer, and
 * what has to come out.
 *
 *     playbook: order-status
 *     cases:
 *       - name: states the status
 *         customer: { id: C1 }              # verified unless left out
 *         skills:
 *           orders.match: { orders: [ … ], foreign: [], unknown: [] }
 *           orders.list: { fails: timeout }
 *         say: [ "where is my order?", "the second one" ]
 *         expect:
 *           said: [ "delivered" ]           # regular expressions, each in some reply
 *           not: [ "cancelled" ]            # in no reply
 *           result: resolved
 *           skills: [ orders.match ]        # asked, in this order, among others
 */
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { z } from "zod";
import type { Playbook } from "./registry.ts";
import { PlaybookRun } from "./testing.ts";

const regex = z.string().refine((s) => {
  try {
    new RegExp(s, "i");
    return true;
  } catch {
    return false;
  }
}, "is not a regular expression");

const caseSchema = z.strictObject({
  name: z.string(),
  customer: z
    .strictObject({ id: z.string(), name: z.string().optional(), email: z.string().optional() })
    .optional(),
  skills: z.record(z.string(), z.unknown()).default({}),
  approval: z.enum(["approve", "decline"]).optional(),
  say: z.array(z.string()).min(1),
  expect: z.strictObject({
    said: z.array(regex).default([]),
    not: z.array(regex).default([]),
    result: z.enum(["resolved", "declined", "failed", "handed_off"]).optional(),
    skills: z.array(z.string()).default([]),
  }),
});
const fileSchema = z.strictObject({ playbook: z.string(), cases: z.array(caseSchema).min(1) });
export type CaseFile = z.infer<typeof fileSchema>;

export interface CaseResult {
  readonly file: string;
  readonly playbook: string;
  readonly name: string;
  readonly passed: boolean;
  /** What was expected and did not come. */
  readonly missed: readonly string[];
  readonly said: readonly string[];
}

export class CaseFileError extends Error {
  override readonly name = "CaseFileError";
}

/** @throws CaseFileError that names file and field */
export function readCases(file: string): CaseFile {
  let value: unknown;
  try {
    value = parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new CaseFileError(`${file}: ${(error as Error).message}`);
  }
  const result = fileSchema.safeParse(value);
  if (result.success) return result.data;
  const first = result.error.issues[0]!;
  throw new CaseFileError(`${file}: ${first.path.join(".") || "file"}: ${first.message}`);
}

export async function runCases(
  file: string,
  find: (name: string) => Playbook | undefined,
): Promise<readonly CaseResult[]> {
  const { playbook: name, cases } = readCases(file);
  const playbook = find(name);
  if (!playbook)
    throw new CaseFileError(`${file}: playbook: there is no playbook "${name}" among those given`);
  const results: CaseResult[] = [];
  for (const c of cases) {
    const run = await PlaybookRun.start({
      machine: playbook.machine,
      customer: c.customer ? { ...c.customer, verified: true } : null,
      text: c.say[0]!,
      ...(playbook.intents[0] ? { intent: playbook.intents[0] } : {}),
      ...(c.approval ? { approval: c.approval } : {}),
      skills: (skill) => {
        const answer = c.skills[skill];
        if (answer === undefined)
          throw { code: "unavailable", message: `the case does not say what ${skill} answers` };
        const fails = (answer as { fails?: unknown } | null)?.fails;
        if (typeof fails === "string") throw { code: fails, message: `${fails}: as the case wants it` };
        return answer;
      },
    });
    for (const text of c.say.slice(1)) if (run.result === undefined) await run.turn(text);
    const { expect } = c;
    const missed = [
      ...expect.said
        .filter((r) => !run.said.some((t) => new RegExp(r, "i").test(t)))
        .map((r) => `no reply has /${r}/`),
      ...expect.not
        .filter((r) => run.said.some((t) => new RegExp(r, "i").test(t)))
        .map((r) => `a reply has /${r}/`),
      ...(expect.result !== undefined && expect.result !== run.result
        ? [`ended as ${run.result ?? "still open"}, not ${expect.result}`]
        : []),
      ...missingInOrder(
        expect.skills,
        run.asked.map((a) => a.skill),
      ).map((s) => `${s} was not asked (in this order)`),
    ];
    results.push({ file, playbook: name, name: c.name, passed: missed.length === 0, missed, said: run.said });
  }
  return results;
}

function missingInOrder(wanted: readonly string[], asked: readonly string[]): string[] {
  let from = 0;
  return wanted.filter((w) => {
    const at = asked.indexOf(w, from);
    if (at < 0) return true;
    from = at + 1;
    return false;
  });
}
