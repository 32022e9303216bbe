import { describe, expect, it } from "vitest";
import { address } from "../../runtime/address.ts";
import type { StoredRecord } from "../../runtime/envelope.ts";
import { reordered } from "./order.ts";

function record(seq: number, to: string, cause?: number): StoredRecord {
  return {
    id: `r${seq}`,
    seq,
    type: "it",
    from: address("channel", "k"),
    to: address(to, "k"),
    at: seq,
    epoch: 0,
    ...(cause === undefined ? {} : { cause: `r${cause}` }),
    clear: {},
    data: {},
  };
}

/** Two chains of causes, and three addressees. */
const RECORDS = [
  record(1, "conversation"),
  record(2, "channel", 1),
  record(3, "task", 1),
  record(4, "conversation", 3),
  record(5, "channel", 4),
  record(6, "handoff"),
  record(7, "handoff", 5),
  record(8, "conversation"),
];
const SEEDS = Array.from({ length: 200 }, (_, n) => `seed ${n}`);
const placed = (seed: string): number[] => reordered(RECORDS, seed).map(({ seq }) => seq);

describe("another order", () => {
  it("has every record once, each addressee's as they were and none before its cause", () => {
    for (const seed of SEEDS) {
      const order = reordered(RECORDS, seed);
      expect(order.map(({ seq }) => seq).sort()).toEqual(RECORDS.map(({ seq }) => seq));
      for (const kind of ["conversation", "channel", "task", "handoff"]) {
        const of = (records: readonly StoredRecord[]) => records.filter(({ to }) => to.kind === kind);
        expect(of(order)).toEqual(of(RECORDS));
      }
      for (const [i, { cause }] of order.entries())
        if (cause) expect(order.findIndex(({ id }) => id === cause)).toBeLessThan(i);
    }
  });

  it("is the seed's, and all that can change places does", () => {
    expect(placed("one")).toEqual(placed("one"));
    const orders = SEEDS.map(placed);
    const isBefore = (order: number[], a: number, b: number) => order.indexOf(a) < order.indexOf(b);
    for (const [a, b] of [
      [2, 3],
      [5, 6],
      [7, 8],
      [1, 6],
    ] as const) {
      expect(orders.some((order) => isBefore(order, a, b))).toBe(true);
      expect(orders.some((order) => isBefore(order, b, a))).toBe(true);
    }
  });

  it("keeps a record whose cause is not of this conversation", () => {
    expect(reordered([record(1, "task", 99)], "x")).toHaveLength(1);
  });
});
