import { describe, expect, it } from "vitest";
import { compileForNode } from "../../runtime/bus/testing-node.ts";
import { report } from "../report.ts";
import { readEngineBudgets } from "./budgets.ts";
import { benchEngine } from "./engine.ts";
import { Coverage } from "./progress.ts";
import { type EngineMeasured, engineRows, median } from "./rows.ts";

describe("coverage", () => {
  it("counts a message once a stored position has passed it", async () => {
    const coverage = new Coverage();
    for (const [partition, seq] of [
      [0, 1],
      [1, 2],
      [0, 3],
    ] as const)
      coverage.add(partition, seq);
    let reached = false;
    const all = coverage.reached(3).then(() => {
      reached = true;
    });
    coverage.stored(
      new Map([
        [0, 3],
        [1, 2],
      ]),
    );
    await coverage.reached(1);
    expect(reached).toBe(false);
    coverage.stored(
      new Map([
        [0, 4],
        [1, 3],
      ]),
    );
    await all;
  });
});

describe("rows", () => {
  const latency = (p50: number) => ({
    count: 1,
    mean: p50,
    p50,
    p90: p50,
    p95: p50,
    p99: 10 * p50,
    p999: 0,
    max: 0,
  });
  const rounds = (...rates: number[]) => rates.map((rate) => ({ rate, cpuMs: 0.3 }));
  const measured: EngineMeasured = {
    known: [10, 100].map((known) => ({
      known,
      rates: rounds(2_000, 2_600, 9_000),
      half: 1_300,
      latencies: [latency(1)],
      sameLoad: [latency(known === 10 ? 1 : 1.9)],
      fillSeconds: 2,
      startMs: 400,
    })),
    bare: rounds(9_000),
    unsealed: rounds(3_000),
    turns: rounds(1_500),
    alone: latency(1),
    aloneTurns: latency(2),
    activation: { levelDb: latency(0.4), log: latency(3), records: 10 },
    memory: { active: 9_000, raw: 4_000 },
    fold: { cell: 50_000, raw: 100_000 },
    restarts: { process: [{ ready: 700, answered: 710 }], failures: [], child: [1], actor: [60] },
  };

  it("are medians held to the budgets, by name", () => {
    const { missed, results } = report(engineRows(measured, readEngineBudgets()));
    expect(missed).toEqual(["engine.of-bare.known-10", "engine.of-bare.known-100", "engine.flat.known-100"]);
    expect(results).toContainEqual({
      name: "engine.messages.known-10",
      unit: "messages/s",
      value: 2_600,
      rounds: [2_000, 2_600, 9_000],
      budget: 2_500,
      held: true,
    });
    expect(results.find((r) => r.name === "engine.memory.actor")).toMatchObject({
      baseline: 4_000,
      ratio: 2.25,
      budget: 10_096,
      held: true,
    });
  });

  it("are not held where too little was measured", () => {
    expect(engineRows(measured, undefined).some((r) => "held" in r || "budget" in r)).toBe(false);
  });

  it("take the mean of the two in the middle of an even number", () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });
});

it("measures a node in a process of its own, from another one", async () => {
  const program = await compileForNode("bench/engine/process.ts");
  try {
    const measured = await benchEngine({
      known: [6, 400],
      active: 6,
      rounds: 1,
      seconds: 0.2,
      window: 8,
      activations: 30,
      actors: 10,
      events: 4_000,
      restarts: 1,
      program: { entry: program.file },
    });
    const rows = engineRows(measured, undefined);
    // What so few actors hold is less than what the collector may give back meanwhile.
    const { value: memory } = rows.find((r) => r.name === "engine.memory.actor")!;
    expect(memory).toSatisfy(Number.isFinite);
    expect(rows.filter((r) => r.value !== memory && !(r.value > 0)).map((r) => r.name)).toEqual([]);
  } finally {
    program.remove();
  }
}, 120_000);
