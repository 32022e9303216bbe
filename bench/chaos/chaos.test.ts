import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CompiledProgram, compileForNode } from "../../runtime/bus/testing-node.ts";
import { failuresOf } from "./checker.ts";
import { chaosReport, isWell, renderChaos } from "./report.ts";
import { type RunOptions, type RunResult, runChaos } from "./run.ts";

let program: CompiledProgram;
beforeAll(async () => {
  program = await compileForNode("bench/chaos/node-process.ts");
});
afterAll(() => program?.remove());

const SETTINGS = { seed: "of the tests", seconds: 6, conversations: 20 };

function run(options: Partial<RunOptions>): Promise<RunResult> {
  return runChaos({ ...SETTINGS, run: 0, entry: program.file, ...options });
}

describe("a short run", () => {
  it("loses and repeats nothing over a node that is killed and a record that ruins its actor", async () => {
    const result = await run({ kinds: ["kill-node", "throw"], forms: ["one-node"] });
    expect(failuresOf(result.verdict), JSON.stringify(result.verdict)).toBe(0);
    expect(result.starts).toBe(2);
    expect(result.accepted).toBeGreaterThan(20);
    expect(result.faults.map(({ kind }) => kind).sort()).toEqual(["kill-node", "throw"]);
    const report = chaosReport(SETTINGS, [result]);
    expect(isWell(report)).toBe(true);
    expect(report).toMatchObject({ lost: 0, duplicatedEffects: 0, faults: { "kill-node": 1, throw: 1 } });
    expect(renderChaos(report)).toMatch(/^lost +0$/m);
  }, 60_000);

  it("loses and repeats nothing over a node of three that stands still for longer than its lease", async () => {
    const result = await run({ kinds: ["pause-past-lease", "drain-node"], forms: ["three-nodes"] });
    expect(failuresOf(result.verdict), JSON.stringify(result.verdict)).toBe(0);
    expect(result).toMatchObject({ form: "three-nodes", failures: 0 });
    expect(result.starts).toBeGreaterThanOrEqual(4);
    expect(result.accepted).toBeGreaterThan(20);
  }, 90_000);

  it("without a protection is found out", async () => {
    const result = await run({ broken: "dedupe", kinds: ["duplicates"] });
    expect(result.verdict.repeated.length).toBeGreaterThan(0);
    const report = chaosReport({ ...SETTINGS, broken: "dedupe" }, [result]);
    expect(isWell(report)).toBe(true);
    expect(renderChaos(report)).toContain("dedupe: noticed in 1 of 1 runs");
  }, 60_000);
});
