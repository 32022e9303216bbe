import { describe, expect, it } from "vitest";
import { address } from "../../runtime/address.ts";
import type { Recording } from "../recording/recording.ts";
import { armOf, HELD_OUT } from "./assignment.ts";
import { Pairs } from "./pairs.ts";
import { compare, Sample } from "./sequential.ts";
import { normalBelow, sampleSize } from "./size.ts";
import { runTrials } from "./trials.ts";

describe("arms", () => {
  const experiment = { name: "greeting", arms: { a: 0.3, b: 0.5 } };
  const customers = Array.from({ length: 20_000 }, (_, i) => `customer ${i}`);

  it("are the same for a customer each time, in the shares that were said, and the rest is held out", () => {
    const counts: Record<string, number> = {};
    for (const customer of customers) {
      const arm = armOf(experiment, customer);
      expect(armOf(experiment, customer)).toBe(arm);
      counts[arm] = (counts[arm] ?? 0) + 1;
    }
    const shareOf = (arm: string) => counts[arm]! / customers.length;
    expect(shareOf("a")).toBeCloseTo(0.3, 1);
    expect(shareOf("b")).toBeCloseTo(0.5, 1);
    expect(shareOf(HELD_OUT)).toBeCloseTo(0.2, 1);
  });

  it("of two experiments do not depend on each other", () => {
    const other = { ...experiment, name: "farewell" };
    const both = customers.filter((c) => armOf(experiment, c) === "b" && armOf(other, c) === "b").length;
    expect(both / customers.length).toBeCloseTo(0.25, 1);
  });

  it("are refused where their shares are none", () => {
    expect(() => armOf({ name: "x", arms: { a: 0.7, b: 0.7 } }, "c")).toThrow(/not more than 1 together/);
    expect(() => armOf({ name: "x", arms: { a: -0.1 } }, "c")).toThrow(/from 0 on/);
  });
});

describe("the comparison", () => {
  it("says nothing before there are enough", () => {
    const [a, b] = [new Sample(), new Sample()];
    for (let i = 0; i < 20; i++) {
      a.add(0);
      b.add(1);
    }
    expect(compare(a, b)).toMatchObject({ found: false, low: Number.NEGATIVE_INFINITY });
  });

  it("finds an effect that is there, with the interval around it", () => {
    const [a, b] = [new Sample(), new Sample()];
    for (let i = 0; i < 2_000; i++) {
      a.add(i % 10 < 5 ? 1 : 0);
      b.add(i % 10 < 7 ? 1 : 0);
    }
    const { difference, low, high, found } = compare(a, b);
    expect(difference).toBeCloseTo(0.2, 5);
    expect(found).toBe(true);
    expect(low).toBeGreaterThan(0.1);
    expect(high).toBeLessThan(0.3);
  });
});

describe("the size", () => {
  it("grows with the square of what is to be found", () => {
    const of = (effect: number) => sampleSize({ effect, variance: 0.24 });
    expect(of(0.05) / of(0.1)).toBeCloseTo(4, 0);
    expect(() => sampleSize({ effect: 0, variance: 0.24 })).toThrow(/above 0/);
  });

  it("rests on the normal distribution", () => {
    expect(normalBelow(0)).toBeCloseTo(0.5, 6);
    expect(normalBelow(1.959964)).toBeCloseTo(0.975, 5);
    expect(normalBelow(-1.281552)).toBeCloseTo(0.1, 5);
  });
});

describe("200 experiments", () => {
  it("find something where there is nothing in at most 8 %, and what was promised in at least 74 %", () => {
    const { falseAlarms, found, foundAfter, size } = runTrials({ seeds: 200, base: 0.6, effect: 0.08 });
    expect(falseAlarms).toBeLessThanOrEqual(0.08);
    expect(found).toBeGreaterThanOrEqual(0.74);
    expect(foundAfter).toBeLessThan(size);
  }, 60_000);
});

describe("pairs", () => {
  const conversation = (outcome: string): Recording => {
    const [from, to] = [address("conversation", "k"), address("channel", "k")];
    const record = {
      id: "o",
      seq: 1,
      type: "outcome",
      from,
      to,
      at: 0,
      epoch: 0,
      clear: {},
      data: { outcome },
    };
    return { header: {} as Recording["header"], records: [record] };
  };
  const compared = (n: number, after: (i: number) => string) => {
    const pairs = new Pairs();
    for (let i = 0; i < n; i++) {
      const before = conversation(i % 2 === 0 ? "resolved" : "handed_off");
      pairs.add(before, conversation(after(i)), { before: 10, after: 10 });
    }
    return pairs.compare().find(({ measure }) => measure === "resolved")!;
  };

  it("find what few conversations have changed in, since each is compared with itself", () => {
    const same = compared(200, (i) => (i % 2 === 0 ? "resolved" : "handed_off"));
    expect(same).toMatchObject({ difference: 0, low: 0, high: 0, found: false });
    expect([same.before, same.after]).toEqual([expect.closeTo(0.5), expect.closeTo(0.5)]);
    const better = compared(200, (i) => (i % 2 === 0 || i % 10 === 1 ? "resolved" : "handed_off"));
    expect(better).toMatchObject({ difference: expect.closeTo(0.1), found: true });
    expect(better.low).toBeGreaterThan(0);
    // As two groups of others, nobody could tell.
    const [a, b] = [new Sample(), new Sample()];
    for (let i = 0; i < 200; i++) {
      a.add(i % 2 === 0 ? 1 : 0);
      b.add(i % 2 === 0 || i % 10 === 1 ? 1 : 0);
    }
    expect(compare(a, b).found).toBe(false);
  });

  it("say nothing of a few", () => {
    expect(compared(20, () => "resolved")).toMatchObject({ found: false, low: Number.NEGATIVE_INFINITY });
  });
});
