import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { beside, ratioOf, readBaseline } from "./compare.ts";
import { pageOf } from "./page.ts";
import { type BenchReport, type BenchResult, renderReport, report } from "./report.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "bench-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const of = (...results: BenchResult[]): BenchReport => report(results);

describe("a ratio", () => {
  it("is of the geometric means, with an interval that holds it", () => {
    const { ratio, low, high } = ratioOf([200, 220, 210, 190, 205], [100, 110, 105, 95, 102])!;
    expect(ratio).toBeCloseTo(2, 1);
    expect(low!).toBeGreaterThan(1.8);
    expect(high!).toBeLessThan(2.2);
    expect(low!).toBeLessThan(ratio);
  });

  it("covers no change in nineteen of twenty comparisons of the same with the same", () => {
    let seed = 1;
    const random = (): number => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    const rounds = (): number[] =>
      Array.from({ length: 5 }, () =>
        Math.exp(5 + 0.1 * Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random())),
      );
    const covered = Array.from({ length: 2_000 }, () => ratioOf(rounds(), rounds())!).filter(
      ({ low, high }) => low! <= 1 && high! >= 1,
    ).length;
    expect(covered / 2_000).toBeGreaterThan(0.93);
    expect(covered / 2_000).toBeLessThan(0.98);
  });

  it("says nothing of an interval where there was one round, and nothing at all of what is not above 0", () => {
    expect(ratioOf([2], [1])).toEqual({ ratio: 2 });
    expect(ratioOf([0], [1])).toBeUndefined();
    expect(ratioOf([], [1])).toBeUndefined();
    expect(ratioOf([2, 2], [1, 1])).toEqual({ ratio: 2, low: 2, high: 2 });
  });
});

describe("a baseline", () => {
  const row = (name: string, value: number, more: Partial<BenchResult> = {}): BenchResult => ({
    name,
    unit: "turns/s",
    value,
    ...more,
  });

  it("stands beside the results of the same name and unit", () => {
    const file = join(dir, "before.json");
    writeFileSync(
      file,
      JSON.stringify(of(row("a", 100, { rounds: [99, 100, 101] }), row("b", 5), row("c", 1, { unit: "ms" }))),
    );
    const { results } = beside(
      of(row("a", 150, { rounds: [149, 150, 151] }), row("c", 1), row("d", 1)),
      readBaseline(file),
    );
    expect(results[0]).toMatchObject({ before: 100, change: { ratio: expect.closeTo(1.5, 2) } });
    expect(results[1]).not.toHaveProperty("change");
    expect(results[2]).not.toHaveProperty("change");
    expect(renderReport({ machine: { cores: 2, cpu: "x" }, versions: {}, results, missed: [] })).toMatch(
      /beside the baseline[\s\S]*×1\.50 \(1\.4\d–1\.5\d\)/,
    );
  });

  it.each([
    ["none.json", undefined, /there is no such file/],
    ["bad.json", "{", /is no JSON/],
    ["other.json", '{"results":[{"name":1}]}', /machine: .*--json/],
  ])("that is none is refused: %s", (name, text, message) => {
    const file = join(dir, name);
    if (text !== undefined) writeFileSync(file, text);
    expect(() => readBaseline(file)).toThrow(message);
  });
});

describe("a page", () => {
  it("shows what the table shows, and needs no network", () => {
    const rows: BenchResult[] = [
      {
        name: "desk.<reply>",
        unit: "ms (p95)",
        value: 12,
        p50: 4,
        p95: 12,
        p99: 20.5,
        budget: 40,
        held: true,
      },
      { name: "peers.turns.a", unit: "turns/s", value: 1_200, budget: 2_000, held: false },
      {
        name: "peers.turns.b",
        unit: "turns/s",
        value: 300,
        before: 200,
        change: { ratio: 1.5, low: 1.2, high: 1.9 },
      },
    ];
    const html = pageOf("bench desk", of(...rows));
    writeFileSync(join(dir, "page.html"), html);
    expect(readFileSync(join(dir, "page.html"), "utf8")).toBe(html);
    expect(html).not.toMatch(/<script|https?:|<reply>/);
    for (const shown of [
      "desk.&lt;reply&gt;",
      "20.5",
      "1200 turns/s",
      "missed",
      "×1.50 (1.20–1.90)",
      "<circle",
      "<rect",
    ])
      expect(html, shown).toContain(shown);
    expect(html).toContain("Missed: peers.turns.a");
  });
});
