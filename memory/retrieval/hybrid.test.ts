import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { inSlices } from "../slices.ts";
import { Bm25Index } from "./bm25.ts";
import { HybridIndex, type HybridOptions } from "./hybrid.ts";
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
      fc.property(
        fc.array(fc.nat({ max: texts.length - 1 }), { maxLength: 30 }),
        fc.boolean(),
        (toggles, many) => {
          const index = new Bm25Index();
          // So many come and go that documents get other numbers meanwhile.
          for (let i = 0; many && i < 1_100; i++) {
            add(index, i % texts.length);
            if (i >= 1_100 - texts.length) index.remove(`d${i % texts.length}`);
          }
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
        },
      ),
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

  it("tells the best of many by words", () => {
    const index = new Bm25Index();
    for (let i = 0; i < 500; i++)
      index.add(`m${i}`, [{ terms: terms(`lamp ${"shade ".repeat(i % 50)}`), weight: 1 }]);
    const all = index.search(terms("lamp"));
    const scores = index.score(terms("lamp"), (id) => id !== "m50");
    const top = scores.top(20);
    expect(top.length).toBeGreaterThanOrEqual(20);
    expect(top.length).toBeLessThan(100);
    expect(top).not.toContain("m50");
    expect(scores.best).toBe(Math.max(...all.values()));
    const least = Math.min(...top.map((id) => scores.of(id)));
    expect([...all].filter(([id, score]) => id !== "m50" && score > least && !top.includes(id))).toEqual([]);
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

describe("HybridIndex of many documents", () => {
  const texts = Array.from({ length: 600 }, (_, i) => `${i % 7} lamps of kind ${i % 40} in box ${i}`);
  const unit = (i: number) => {
    const raw = [Math.cos(i / 97), Math.sin(i / 97), Math.cos(i / 13) / 4];
    return Float32Array.from(raw.map((value) => value / Math.hypot(...raw)));
  };
  const made = (options: HybridOptions) => {
    const index = new HybridIndex(options);
    for (const [i, text] of texts.entries())
      index.add({ id: `d${i}`, title: `box ${i}`, text, vectors: [unit(i)] });
    return index;
  };

  it("finds the same first as when all are candidates", () => {
    const some = made({ allCandidates: 10, exactRows: 100 });
    const whole = made({});
    for (const i of [3, 77, 250, 599]) {
      const query = { text: `lamps in box ${i}`, vectors: [unit(i)] };
      const [hit] = some.search(query, { k: 3 });
      expect(hit).toMatchObject({ id: `d${i}`, part: 0 });
      expect(hit!.score).toBeCloseTo(whole.search(query, { k: 3 })[0]!.score, 2);
    }
  });

  it("finds what is only found by its words", () => {
    const index = made({ allCandidates: 10, exactRows: 100 });
    index.add({ id: "word", text: "the unheard-of zeppelin" });
    expect(index.search({ text: "zeppelin", vectors: [unit(5)] }, { k: 600 }).map(({ id }) => id)).toContain(
      "word",
    );
  });

  it("rests in a search, and finds nothing that went meanwhile", async () => {
    const index = made({ allCandidates: 10, exactRows: 100 });
    const query = { text: "lamps in box 7", vectors: [unit(7)] };
    const whole = index.search(query, { k: 20 });
    expect(await inSlices(index.searching(query, { k: 20 }), async () => {})).toEqual(whole);
    for (let rests = 1; ; rests++) {
      const changing = made({ allCandidates: 10, exactRows: 100 });
      const search = changing.searching(query, { k: 20 });
      let step = search.next();
      for (let n = 1; n < rests && !step.done; n++) step = search.next();
      if (step.done) break;
      changing.remove("d7");
      changing.add({ id: "new", text: "lamps in box 7", vectors: [unit(300)] });
      while (!step.done) step = search.next();
      const found = step.value.map(({ id }) => id);
      expect(found).not.toContain("d7");
      // What comes later than its words are looked at is not found by them.
      if (rests === 1) expect(found).toContain("new");
      expect(rests).toBeLessThan(20);
    }
  });

  it("keeps vectors and words of a document that is replaced or refused", () => {
    const index = made({});
    index.setVectors("d3", [unit(250)]);
    expect(
      index
        .search({ text: "", vectors: [unit(250)] }, { k: 2 })
        .map(({ id }) => id)
        .sort(),
    ).toEqual(["d250", "d3"]);
    const broken = Float32Array.of(Number.NaN, 0, 0);
    expect(() => index.add({ id: "d3", text: "zeppelin", vectors: [broken] })).toThrow(/vector 0 of d3/);
    expect(index.search({ text: "zeppelin" })).toEqual([]);
    expect(index.search({ text: "box 3" })[0]!.id).toBe("d3");
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
