import { describe, expect, it } from "vitest";
import { measureCost, type TurnCost } from "./cost.ts";
import { capacity, costRows } from "./rows.ts";

describe("what a turn costs", () => {
  it("is counted in records, bytes and processor time, on a real desk", async () => {
    const costs = await measureCost({ conversations: 2, turns: 2, parts: 2 });
    expect(costs).toHaveLength(1);
    expect(costs[0]).toMatchObject({ from: 3 });
    expect(costs[0]!.records).toBeGreaterThan(3);
    expect(costs[0]!.bytes.log).toBeGreaterThan(500);
    expect(costs[0]!.cpuMs.desk).toBeGreaterThan(0);
  }, 120_000);
});

describe("capacity", () => {
  const cost = (from: number, records: number): TurnCost => ({
    from,
    records,
    bytes: { log: 6_000, engine: 300, memory: 900 },
    cpuMs: { desk: 10, server: 2 },
  });

  it("follows from what a turn costs: carried out once, kept three times, half of the processors planned with", () => {
    const { perSecond, gibPerDay } = capacity(cost(1, 8), 8);
    expect(perSecond).toBeCloseTo((3 * 8 * 1_000 * 0.5) / 16);
    expect(gibPerDay).toBeCloseTo((7_000 * perSecond * 86_400) / 1024 ** 3);
  });

  it("says how a turn grows with its conversation, and nothing of what the system does not say", () => {
    const unknown = { desk: 10, server: Number.NaN };
    const rows = costRows(
      [
        { ...cost(11, 8), cpuMs: unknown },
        { ...cost(41, 10), cpuMs: unknown },
      ],
      8,
    );
    expect(rows.find(({ name }) => name === "cost.records")).toMatchObject({
      value: 10,
      baseline: 8,
      ratio: 1.25,
    });
    expect(rows.map(({ name }) => name)).not.toContain("cost.cpu.server");
  });
});
