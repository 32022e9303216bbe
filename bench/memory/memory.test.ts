import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { prepareModel } from "../../memory/encoder/index.ts";
import { passagesOf } from "../../memory/retrieval/chunk.ts";
import type { Percentiles } from "../harness/index.ts";
import { report } from "../report.ts";
import { readMemoryBudgets } from "./budgets.ts";
import { PROFILES } from "./commands.ts";
import { benchMemory } from "./memory.ts";
import { type FactsMeasured, type MemoryMeasured, memoryRows } from "./rows.ts";
import { article, fact, question } from "./texts.ts";

const modelsDir = fileURLToPath(new URL("../../.bailiwick-cache/models", import.meta.url));

describe("texts", () => {
  it("follow from a seed, are varied, and are cut as wanted", () => {
    expect(article("s", 3, 10)).toEqual(article("s", 3, 10));
    const texts = Array.from({ length: 500 }, (_, n) => [question("s", n), fact("s", n).text]).flat();
    expect(new Set(texts).size).toBeGreaterThan(850);
    expect(texts.join(" ")).not.toMatch(/[{}]|undefined/);
    for (let n = 0; n < 20; n++) {
      const { title, text } = article("s", n, 10);
      expect(passagesOf(text).length, title).toBeGreaterThanOrEqual(10);
      expect(passagesOf(text).length, title).toBeLessThanOrEqual(13);
    }
  });
});

describe("rows", () => {
  const latency = (p95: number): Percentiles => ({
    count: 1,
    mean: p95,
    p50: p95 / 2,
    p90: p95,
    p95,
    p99: 2 * p95,
    p999: 0,
    max: 0,
  });
  const held = { rss: 200, heap: 50, external: 20 };
  const facts = (count: number, ...p95: number[]): FactsMeasured => ({
    facts: count,
    filled: { appendSeconds: 2, foldSeconds: 4 },
    opened: { openMs: 900, held },
    recalls: p95.map(latency),
  });
  const measured: MemoryMeasured = {
    encoder: { id: "e", single: latency(4), rate: 900 },
    facts: [facts(1_000, 9, 2, 3), facts(9_000, 5, 5, 5)],
    knowledge: {
      indexed: { articles: 10, passages: 100, seconds: 5, delay: { p99: 3, max: 21 } },
      opened: { openMs: 100, delay: { p99: 3, max: 9 }, held, vectors: 12, words: 3 },
      searches: [latency(8)],
      compared: { nearest: 0.97, hits: 0.9, near: latency(5), all: latency(50) },
    },
  };

  it("are medians held to the budgets, by name", () => {
    const { missed, results } = report(memoryRows(measured, readMemoryBudgets()));
    expect(missed).toEqual([
      "memory.found.nearest.chunks-100",
      "memory.index.delay.chunks-100",
      "memory.recall.grown.facts-9000",
    ]);
    expect(results).toContainEqual({
      name: "memory.recall.customer.facts-1000",
      unit: "ms (p95)",
      value: 3,
      p50: 1.5,
      p95: 3,
      p99: 6,
      budget: 5,
      held: true,
    });
    expect(results.find((r) => r.name === "memory.near.chunks-100")).toMatchObject({
      baseline: 50,
      ratio: 0.1,
    });
  });

  it("are not held where too little was measured", () => {
    expect(memoryRows(measured, undefined).some((r) => "held" in r || "budget" in r)).toBe(false);
  });
});

it("measures everything at a small scale", async () => {
  await prepareModel(modelsDir);
  const { isHeld: _, ...quick } = PROFILES.quick!;
  const measured = await benchMemory({
    ...quick,
    facts: [60, 120],
    factTexts: 50,
    chunks: 60,
    requests: 10,
    comparisons: 5,
    texts: 5,
    encoder: { modelsDir },
    seed: "test",
    entry: undefined,
  });
  expect(measured.facts.map(({ facts }) => facts)).toEqual([60, 120]);
  expect(measured.knowledge!.indexed).toMatchObject({ articles: 6 });
  expect(measured.knowledge!.compared).toMatchObject({ nearest: 1, hits: 1 });
  const rows = memoryRows(measured, undefined);
  expect(rows.filter((r) => !(r.value > 0)).map((r) => r.name)).toEqual([]);
}, 120_000);

it("measures the company's own articles and questions", async () => {
  await prepareModel(modelsDir);
  const { isHeld: _, ...quick } = PROFILES.quick!;
  const articles = Array.from({ length: 12 }, (_, n) => article("own", n, 2));
  const measured = await benchMemory({
    ...quick,
    parts: ["knowledge"],
    own: { articles, questions: ["where is my parcel", "who mends a kettle"] },
    requests: 4,
    encoder: { modelsDir },
    seed: "test",
    entry: undefined,
  });
  expect(measured).toMatchObject({ facts: [], knowledge: { indexed: { articles: 12 } } });
}, 120_000);
