import { describe, expect, it } from "vitest";
import { DEALT_KINDS, type FaultKind } from "./faults.ts";
import { canMeet, FORMS } from "./forms.ts";
import { scheduleOf } from "./schedule.ts";

const runs = (seed: string, seconds = 60) =>
  Array.from({ length: 50 }, (_, run) => scheduleOf({ seed, run, seconds }));

describe("a schedule", () => {
  it("is the same again from the same seed, and another from another", () => {
    expect(runs("a")).toEqual(runs("a"));
    expect(runs("b")).not.toEqual(runs("a"));
  });

  it("has at least six faults of four kinds in a minute, in order, with time before the first and after the last", () => {
    for (const { faults } of runs("a")) {
      expect(faults.length).toBeGreaterThanOrEqual(6);
      expect(new Set(faults.map(({ kind }) => kind)).size).toBeGreaterThanOrEqual(4);
      const times = faults.map(({ at }) => at);
      expect(times).toEqual([...times].sort((a, b) => a - b));
      expect(times[0]).toBeGreaterThan(1_000);
      expect(times.at(-1)).toBeLessThan(59_000);
    }
  });

  it("meets each kind at least ten times in fifty runs", () => {
    for (const seed of ["a", "b", "c"]) {
      const all = runs(seed).flatMap(({ faults }) => faults.map(({ kind }) => kind));
      for (const kind of DEALT_KINDS) {
        expect(all.filter((each) => each === kind).length, `${kind} of ${seed}`).toBeGreaterThanOrEqual(10);
      }
    }
  });

  it("has what it is told to have", () => {
    const trials: FaultKind[] = ["kill-node", "kill-node", "spin"];
    for (const seconds of [10, 20, 60]) {
      const kinds = scheduleOf({ seed: "a", run: 3, seconds, trials }).faults.map(({ kind }) => kind);
      // Last: what came after them could heal what they have done.
      expect(kinds.slice(-trials.length).sort()).toEqual(trials.toSorted());
    }
    const { faults } = scheduleOf({ seed: "a", run: 0, seconds: 12, kinds: ["grow"] });
    expect(faults.map(({ kind }) => kind)).toEqual(["grow", "grow"]);
  });

  it("is of each form, and what a form can't meet is not dealt to it", () => {
    for (const seed of ["a", "b", "c"]) {
      const all = runs(seed);
      for (const form of FORMS) {
        expect(all.filter((each) => each.form === form).length).toBeGreaterThanOrEqual(12);
      }
      for (const { form, faults } of all)
        expect(faults.filter(({ kind }) => !canMeet(form, kind))).toEqual([]);
    }
    const only = (kinds: FaultKind[]) =>
      Array.from({ length: 8 }, (_, run) => scheduleOf({ seed: "a", run, seconds: 12, kinds }).form);
    expect(new Set(only(["kill-one-server"]))).toEqual(new Set(["three-servers"]));
    expect(new Set(only(["pause-past-lease"]))).toEqual(new Set(["three-nodes", "three-servers"]));
    expect(() => only(["kill-one-server", "full-disk"])).toThrow(RangeError);
  });
});
