import { expect, it } from "vitest";
import { FAILINGS, type Verdict } from "./checker.ts";
import { chaosReport, isWell, renderChaos } from "./report.ts";
import type { RunResult } from "./run.ts";

const SETTINGS = { seed: "s", seconds: 60, conversations: 200 };

function run(number: number, lost: readonly string[], apart?: readonly string[]): RunResult {
  const verdict = Object.fromEntries(
    FAILINGS.map((f) => [f, f === "lost" ? lost : []]),
  ) as unknown as Verdict;
  const counts = { messages: 1, accepted: 1, records: 1, attempts: 1, applied: 1, starts: 1 };
  return { run: number, form: "three-servers", faults: [], ...counts, verdict, failures: lost.length, apart };
}

const LOST = ["m1 is not in the log"];
const APART = ["the copies of LOG end with 5, 4, 4"];

it("sets a run apart only over copies that came apart, and only where the server does that by itself", () => {
  const runs = [run(0, []), run(1, LOST, APART)];
  const proven = chaosReport(SETTINGS, runs, ["the copies came apart"], true);
  expect(proven).toMatchObject({ lost: 0, failedRuns: 0, setApart: [1] });
  expect(isWell(proven)).toBe(true);
  expect(renderChaos(proven)).toMatch(/set apart\s+runs 1[\s\S]*the copies of LOG end with 5, 4, 4/);

  const unproven = chaosReport(SETTINGS, runs);
  expect(unproven).toMatchObject({ lost: 1, failedRuns: 1, setApart: [] });
  expect(isWell(unproven)).toBe(false);

  const other = chaosReport(SETTINGS, [...runs, run(2, LOST)], ["the copies came apart"], true);
  expect(other).toMatchObject({ lost: 1, failedRuns: 1, setApart: [1] });
  expect(isWell(other)).toBe(false);
});

it("is not content where no run is left to be judged", () => {
  expect(isWell(chaosReport(SETTINGS, [run(0, LOST, APART)], [], true))).toBe(false);
});
