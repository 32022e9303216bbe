import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Bm25Index } from "./bm25.ts";
import { HybridIndex } from "./hybrid.ts";
import { queryParts } from "./query.ts";
import { terms } from "./terms.ts";
import { VectorIndex } from "./vectors.ts";

describe("Bm25Index", () => {
  const texts = [
    "refund of a damaged lamp",
    "change the delivery address",
    "where is the parcel",
    "refund refund refund",
  ];
  const add = (index: Bm25Index, i: number) => index.add(`d${i}`, [{ terms: terms(texts[i]!), weight: 1 }]);

  it("finds by terms and prefers what says it more often in fewer words", () => {
    const index = new Bm25Index();
    for (const i of texts.keys()) add(index, i);
    const scores = index.search(terms("refunds"));
    expect([...scores.keys()].sort()).toEqual(["d0", "d3"]);
    expect(scores.get("d3")).toBeGreaterThan(scores.get("d0")!);
  });

  it("is the same after documents came and went", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: texts.length - 1 }), { maxLength: 30 }), (toggles) => {
        const index = new Bm25Index();
        const present = new Set<number>();
        for (const i of toggles) {
          if (present.delete(i)) index.remove(`d${i}`);
          else add(index, [...present.add(i)].at(-1)!);
        }
        const fresh = new Bm25Index();
        for (const i of present) add(fresh, i);
        const query = terms("refund for the parcel's address");
        const sorted = (scores: Map<string, number>) => [...scores].sort(([a], [b]) => (a < b ? -1 : 1));
        const [got, expected] = [sorted(index.search(query)), sorted(fresh.search(query))];
        expect(got.map(([id]) => id)).toEqual(expected.map(([id]) => id));
        for (const [i, [, score]] of got.entries()) expect(score).toBeCloseTo(expected[i]![1], 9);
      }),
    );
  });
});

describe("VectorIndex", () => {
  const vector = fc
    .array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 6, maxLength: 6 })
    .map((values) => Float32Array.from(values));

  it("finds what a search by hand finds, whatever was added and removed", () => {
    const change = fc.record({
      id: fc.constantFrom("a", "b", "c", "d"),
      vectors: fc.array(vector, { maxLength: 3 }),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 20 }), vector, (changes, query) => {
        const index = new VectorIndex(6);
        const expected = new Map<string, Float32Array[]>();
        for (const { id, vectors } of changes) {
          index.add(id, vectors);
          if (vectors.length > 0) expected.set(id, vectors);
          else expected.delete(id);
        }
        const found = index.search([query]);
        expect([...found.keys()].sort()).toEqual([...expected.keys()].sort());
        for (const [id, vectors] of expected) {
          const best = Math.max(
            ...vectors.map((v) => v.reduce((sum, value, i) => sum + value * query[i]!, 0)),
          );
          expect(found.get(id)!.cosine).toBeCloseTo(best, 5);
        }
      }),
    );
  });

  it("refuses vectors of another dimension", () => {
    expect(() => new VectorIndex(3).add("a", [new Float32Array(4)])).toThrow(
      /4 numbers does not fit an index of 3/,
    );
  });
});

describe("HybridIndex", () => {
  const unit = (...values: number[]) => Float32Array.from(values.map((v) => v / Math.hypot(...values)));
  const index = new HybridIndex();
  index.add({
    id: "refund",
    title: "Refunds",
    text: "We pay back within 14 days.",
    vectors: [unit(1, 0, 0)],
  });
  index.add({ id: "lamp", title: "Lamps", text: "Lamps are mended or refunded.", vectors: [unit(0, 1, 0)] });
  index.add({ id: "ship", title: "Shipping", text: "Two days.", vectors: [unit(0, 0, 1), unit(1, 0, 1)] });

  it("joins words and vectors", () => {
    const hits = index.search({ text: "refund", vectors: [unit(1, 0.1, 0)] });
    expect(hits[0]).toMatchObject({ id: "refund", score: 1, part: 0, evidence: { coverage: 1 } });
    expect(hits[0]!.evidence.lead).toBeGreaterThan(0);
    expect(hits[1]!.evidence.lead).toBeLessThan(0);
    expect(hits.map(({ id }) => id)).toContain("lamp");
  });

  it("says which part was near", () => {
    expect(index.search({ text: "", vectors: [unit(1, 0, 0.9)] })[0]).toMatchObject({ id: "ship", part: 1 });
  });

  it("searches by words alone where there is no vector", () => {
    const hits = index.search({ text: "broken lamps" });
    expect(hits.map(({ id }) => id)).toEqual(["lamp"]);
    expect(hits[0]!.score).toBe(1);
  });

  it("filters before it ranks", () => {
    const allow = (id: string) => id !== "refund";
    const [first] = index.search({ text: "refund", vectors: [unit(1, 0.1, 0)] }, { allow });
    expect(first!.score).toBeGreaterThanOrEqual(0.5);
    expect(first!.id).not.toBe("refund");
  });

  it("has more background where documents are alike", async () => {
    const alike = new HybridIndex();
    for (const i of [0, 1, 2]) {
      alike.add({ id: `${i}`, title: "masks", text: `masks ${i}`, vectors: [unit(1, 0.1 * i, 0)] });
    }
    const background = await index.measureBackground();
    expect((await alike.measureBackground()).cosine).toBeGreaterThan(background.cosine);
    expect(alike.background.coverage).toBeGreaterThan(background.coverage);
  });
});

describe("queryParts", () => {
  it("leaves a short query whole and cuts a long one between sentences", () => {
    expect(queryParts("Where is it? I am waiting.")).toEqual(["Where is it? I am waiting."]);
    const long = Array.from({ length: 20 }, (_, i) => `This is the sentence with the number ${i}.`).join(" ");
    const parts = queryParts(long);
    expect(parts.join(" ")).toBe(long);
    expect(parts.length).toBe(4);
  });
});
