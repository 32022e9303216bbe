import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Pulls } from "./pulls.ts";

const options = { credit: 8, expiresMs: 2_000, graceMs: 100 };

/** Pulls when something is due; answers how much. */
function pull(pulls: Pulls, now: number): number {
  const due = pulls.due(now);
  if (due > 0) pulls.opened(now, due);
  return due;
}

describe("pulls", () => {
  it("overlap: the next one is under way when one ends", () => {
    const pulls = new Pulls(options);
    expect(pull(pulls, 0)).toBe(4);
    expect(pulls.dueIn(0)).toBe(1_000);
    expect(pull(pulls, 500)).toBe(0);
    expect(pull(pulls, 1_000)).toBe(4);
    pulls.ended(2_000);
    expect(pull(pulls, 2_000)).toBe(4);
    pulls.ended(3_000);
    expect(pull(pulls, 3_000)).toBe(4);
  });

  it("are made before the records of one run out", () => {
    const pulls = new Pulls(options);
    pull(pulls, 0);
    pulls.took();
    expect(pull(pulls, 1)).toBe(0);
    pulls.took();
    expect(pull(pulls, 2)).toBe(4);
  });

  it("are forgotten when their end is not told, and a late word of it is not taken for that of another", () => {
    const pulls = new Pulls(options);
    pull(pulls, 0);
    pull(pulls, 1_000);
    expect(pull(pulls, 2_050)).toBe(0);
    expect(pull(pulls, 2_100)).toBe(4);
    pulls.ended(2_150);
    expect(pull(pulls, 2_200)).toBe(0);
  });

  it("never hold more than the credit, and are never missing for long, whatever happens", () => {
    const step = fc.oneof(
      fc.record({ what: fc.constant("take" as const) }),
      fc.record({ what: fc.constant("end" as const) }),
      fc.record({ what: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 900 }) }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.array(step, { maxLength: 200 }), (credit, steps) => {
        const pulls = new Pulls({ ...options, credit });
        let now = 0;
        let open: { at: number; left: number }[] = [];
        const left = (): number => open.reduce((sum, p) => sum + p.left, 0);
        const look = (): void => {
          open = open.filter((p) => p.left > 0 && now < p.at + 2_100);
          const due = pull(pulls, now);
          if (due > 0) open.push({ at: now, left: due });
          expect(left()).toBeLessThanOrEqual(credit);
          expect(left()).toBeGreaterThan(0);
        };
        look();
        for (const s of steps) {
          if (s.what === "wait") now += s.ms;
          else if (s.what === "end") {
            pulls.ended(now);
            if (open[0] && now >= open[0].at + 1_800) open.shift();
          } else if (open[0]) {
            pulls.took();
            open[0].left--;
          }
          look();
        }
      }),
    );
  });
});
