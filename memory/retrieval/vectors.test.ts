import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../runtime/host/fold-guard.ts";
import { Rows } from "./rows.ts";
import { SignCodes } from "./sign-codes.ts";
import { type Nearest, VectorIndex } from "./vectors.ts";

const vectorOf = (dimension: number) =>
  fc
    .array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: dimension, maxLength: dimension })
    .map((values) => Float32Array.from(values));

/** Vectors around so many centres that are not around nothing. */
function clustered(seed: string, count: number, dimension: number, centres: number): Float32Array[] {
  const random = seededRandom(seed);
  const near = (centre: Float32Array | undefined, share: number): Float32Array => {
    const raw = Float32Array.from(
      { length: dimension },
      (_, i) => 0.3 + (centre?.[i] ?? 0) + share * (random() - 0.5),
    );
    const norm = Math.hypot(...raw);
    return raw.map((value) => value / norm);
  };
  const middles = Array.from({ length: centres }, () => near(undefined, 2));
  return Array.from({ length: count }, (_, i) => near(middles[i % centres], 0.5));
}

const ten = (found: ReadonlyMap<string, Nearest>): string[] =>
  [...found]
    .sort(([, a], [, b]) => b.cosine - a.cosine)
    .slice(0, 10)
    .map(([id]) => id);

describe("an index of many vectors", () => {
  it("finds almost all of the ten nearest, the same after others came and went", () => {
    const drawn = clustered("many", 6_050, 128, 60);
    const [vectors, queries] = [drawn.slice(0, 6_000), drawn.slice(6_000)];
    const index = new VectorIndex(128, { exactRows: 500, compared: 1_000 });
    // The mean moves: the last ones are not as the first ones are.
    for (const [i, vector] of vectors.entries()) index.add(`v${i}`, [vector]);
    for (const [i, vector] of clustered("others", 3_000, 128, 5).entries())
      index.add(
        `o${i}`,
        [vector].map((v) => v.map((value) => -value)),
      );
    for (let i = 0; i < 3_000; i++) index.remove(`o${i}`);
    for (let i = 0; i < 2_000; i++) index.remove(`v${i}`);
    let found = 0;
    for (const query of queries) {
      const near = index.near([query]);
      expect(near.isAll).toBe(false);
      expect(near.found.size).toBeLessThan(2_000);
      const wanted = ten(index.search([query]));
      found += ten(near.found).filter((id) => wanted.includes(id)).length;
    }
    expect(found / (10 * queries.length)).toBeGreaterThan(0.95);
  });

  it("tells about how the cosines of all spread", () => {
    const index = new VectorIndex(64, { exactRows: 100, compared: 200 });
    for (const [i, vector] of clustered("spread", 3_000, 64, 40).entries()) index.add(`v${i}`, [vector]);
    const [query] = clustered("query", 1, 64, 40);
    const { spread } = index.near([query!]);
    const all = [...index.search([query!]).values()].map(({ cosine }) => cosine);
    const mean = all.reduce((sum, cosine) => sum + cosine, 0) / all.length;
    expect(spread.high).toBeCloseTo(Math.max(...all), 6);
    expect(Math.abs(spread.mean - mean)).toBeLessThan(spread.deviation / 3);
    expect(Math.abs(spread.low - Math.min(...all))).toBeLessThan(1.5 * spread.deviation);
  });

  it("filters before it picks, and compares all where few are left", () => {
    const vectors = clustered("filter", 2_000, 64, 20);
    const index = new VectorIndex(64, { exactRows: 100, compared: 200 });
    for (const [i, vector] of vectors.entries()) index.add(`v${i}`, [vector]);
    const without = index.near([vectors[7]!], (id) => id !== "v7");
    expect(without.found.has("v7")).toBe(false);
    expect(without.found.size).toBeGreaterThanOrEqual(200);
    const few = new Set(["v1", "v2", "v3"]);
    const left = index.near([vectors[7]!], (id) => few.has(id));
    expect(left.isAll).toBe(true);
    expect([...left.found.keys()].sort()).toEqual(["v1", "v2", "v3"]);
  });

  it("finds what a search by hand finds, whatever was added and removed, where all that are picked is all", () => {
    const change = fc.record({
      id: fc.constantFrom("a", "b", "c", "d", "e", "f"),
      vectors: fc.array(vectorOf(40), { maxLength: 3 }),
    });
    fc.assert(
      fc.property(
        fc.array(change, { maxLength: 40 }),
        fc.array(vectorOf(40), { minLength: 1, maxLength: 2 }),
        (changes, query) => {
          const index = new VectorIndex(40, { exactRows: 1, compared: 1_000 });
          for (const { id, vectors } of changes) index.add(id, vectors);
          const sorted = (found: ReadonlyMap<string, Nearest>) =>
            [...found].map(([id, { cosine }]) => [id, cosine]).sort();
          expect(sorted(index.near(query).found)).toEqual(sorted(index.search(query)));
          const last = new Map(changes.map(({ id, vectors }) => [id, vectors.length]));
          expect(index.rows).toBe([...last.values()].reduce((sum, count) => sum + count, 0));
        },
      ),
    );
  });

  it("refuses what is no number, names it, and stays as it was", () => {
    const index = new VectorIndex(3);
    index.add("a", [Float32Array.of(1, 0, 0)]);
    const broken = Float32Array.of(0, Number.NaN, 0);
    expect(() => index.add("a", [Float32Array.of(0, 1, 0), broken])).toThrow(/vector 1 of a: NaN at place 1/);
    expect(() => index.add("b", [Float32Array.of(0, 0, Number.POSITIVE_INFINITY)])).toThrow(
      /Infinity at place 2/,
    );
    expect(() => index.search([broken])).toThrow(/vector 0 of the query: NaN/);
    expect(index.search([Float32Array.of(1, 0, 0)])).toEqual(new Map([["a", { cosine: 1, part: 0 }]]));
  });
});

describe("sign codes", () => {
  it.each([8, 64, 100, 512, 1_056])("count in how many of %i places two vectors lie apart", (dimension) => {
    const random = seededRandom(`codes ${dimension}`);
    const drawn = Array.from({ length: 20 }, () =>
      Float32Array.from({ length: dimension }, () => random() - 0.5),
    );
    // With the opposite of each, the mean is nothing.
    const vectors = drawn.flatMap((vector) => [vector, vector.map((value) => -value)]);
    const rows = new Rows(dimension);
    const codes = new SignCodes(rows);
    // Often enough that all are coded by the last mean.
    for (let round = 0; round < 2; round++) {
      for (const [row, vector] of vectors.entries()) {
        if (round > 0) codes.remove(row);
        rows.set(row, vector);
        codes.add(row);
      }
    }
    const [query] = vectors;
    const distances = new Uint16Array(vectors.length);
    codes.distances(query!, distances, 0, distances.length);
    const apart = (vector: Float32Array) => vector.filter((value, i) => value > 0 !== query![i]! > 0).length;
    for (const [row, vector] of vectors.entries())
      expect(Math.abs(distances[row]! - apart(vector)), `row ${row}`).toBeLessThan(1 + dimension / 20);
    expect(distances[0]).toBe(0);
    expect(distances[1]).toBeGreaterThan(0.9 * dimension);
  });
});
