import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { placementOf, placementOfAll } from "./placement.ts";

const PARTITIONS = 32;
const names = fc.uniqueArray(fc.stringMatching(/^[a-z0-9-]{1,12}$/), { minLength: 1, maxLength: 12 });

describe("placement", () => {
  it("does not depend on the order of the nodes", () => {
    fc.assert(
      fc.property(names, fc.integer(), (nodes, seed) => {
        const shuffled = [...nodes].sort(
          (a, b) => ((a.length * 31 + seed) % 7) - ((b.length * 31 + seed) % 7),
        );
        const reversed = [...nodes].reverse();
        expect(placementOfAll(PARTITIONS, shuffled)).toEqual(placementOfAll(PARTITIONS, nodes));
        expect(placementOfAll(PARTITIONS, reversed)).toEqual(placementOfAll(PARTITIONS, nodes));
      }),
    );
  });

  it("moves to a node that joins what becomes its own, and nothing else", () => {
    fc.assert(
      fc.property(names, (nodes) => {
        const [joins, ...before] = nodes;
        const [was, is] = [placementOfAll(PARTITIONS, before), placementOfAll(PARTITIONS, nodes)];
        for (let p = 0; p < PARTITIONS; p++) expect([was[p], joins]).toContain(is[p]);
      }),
    );
  });

  it("moves from a node that leaves what was its own, and nothing else", () => {
    fc.assert(
      fc.property(names, (nodes) => {
        const [leaves, ...after] = nodes;
        const [was, is] = [placementOfAll(PARTITIONS, nodes), placementOfAll(PARTITIONS, after)];
        for (let p = 0; p < PARTITIONS; p++) if (was[p] !== leaves) expect(is[p]).toBe(was[p]);
      }),
    );
  });

  it("spreads evenly over many partitions", () => {
    fc.assert(
      fc.property(names, (nodes) => {
        const shares = new Map<string, number>();
        for (const node of placementOfAll(2_000, nodes)) shares.set(node!, (shares.get(node!) ?? 0) + 1);
        const fair = 2_000 / nodes.length;
        for (const node of nodes)
          expect(Math.abs((shares.get(node) ?? 0) - fair)).toBeLessThan(6 * Math.sqrt(fair));
      }),
      { numRuns: 20 },
    );
  });

  it("is the same in every release", () => {
    expect(placementOfAll(16, ["a", "b", "c"]).join("")).toBe("acbacbaaaacbcbbc");
  });

  it("is nowhere without nodes", () => {
    expect(placementOf(0, [])).toBeUndefined();
  });
});
