import { beforeAll, describe, expect, it } from "vitest";
import { LiveMachine, type PersistedMachine } from "../../runtime/host/live-machine.ts";
import { compareMachines, type MachinesResult } from "./machines.ts";
import { LEAST_FIRED, rehydrationReport, renderRehydration } from "./report.ts";
import type { Restore } from "./twins.ts";

const SEED = "of the tests";

/** Restores what is left after a loss. */
function losing(loss: (persisted: PersistedMachine) => PersistedMachine): Restore {
  return (machine, persisted, id, at) => LiveMachine.restore(machine, loss(persisted), id, at);
}

function differences(restore: Restore): MachinesResult["differences"] {
  return compareMachines({ seed: SEED, machines: 40, restore }).differences;
}

describe("forty random machines", () => {
  let result: MachinesResult;
  beforeAll(() => {
    result = compareMachines({ seed: SEED, machines: 40 });
  });

  it("behave the same when they are restored after every step", () => {
    expect(result.differences).toEqual([]);
    expect(result.steps).toBeGreaterThan(400);
    expect(rehydrationReport(SEED, result).failures).toEqual([]);
  });

  it("have delays, most of which fire, and children, parallel states and history", () => {
    const { delays, children, parallel, shallow, deep } = result.with;
    expect([delays, children]).toEqual([40, 40]);
    for (const some of [parallel, shallow, deep]) expect(some).toBeGreaterThan(20);
    expect(result.fired / result.armed).toBeGreaterThan(LEAST_FIRED);
  });

  it("are the same again from the same seed, and others from another", () => {
    expect(compareMachines({ seed: SEED, machines: 40 })).toEqual(result);
    expect(compareMachines({ seed: "other", machines: 40 })).not.toEqual(result);
  });
});

describe("a restore that loses something is found out", () => {
  it("when it loses timers", () => {
    const found = differences(losing((persisted) => ({ ...persisted, timers: [] })));
    expect(found.length).toBeGreaterThan(30);
    expect(found[0]).toMatchObject({ machine: 1, step: 0, after: "start", member: "timers" });
  });

  it("when it loses only the timers of children", () => {
    const own = ({ source }: { source: string }): boolean => source === "root";
    const loss = losing((persisted) => ({ ...persisted, timers: persisted.timers.filter(own) }));
    expect(differences(loss).length).toBeGreaterThan(0);
  });

  it("when timers fire at other times", () => {
    const loss = losing((persisted) => ({
      ...persisted,
      timers: persisted.timers.map((timer) => ({ ...timer, deadline: timer.deadline + 1 })),
    }));
    expect(differences(loss)[0]).toMatchObject({ member: "timers" });
  });

  it("when it loses what history remembers", () => {
    const loss = losing((persisted) => ({
      ...persisted,
      snapshot: { ...(persisted.snapshot as object), historyValue: {} },
    }));
    expect(differences(loss).length).toBeGreaterThan(0);
  });

  it("when it forgets which generations were given out", () => {
    expect(differences(losing((persisted) => ({ ...persisted, generation: 0 }))).length).toBeGreaterThan(0);
  });

  it("and the report says where, so that it can be made again", () => {
    const restore = losing((persisted) => ({ ...persisted, timers: [] }));
    const report = rehydrationReport(SEED, compareMachines({ seed: SEED, machines: 1, restore }));
    expect(report.failures).toHaveLength(1);
    expect(report.failures[0]).toMatch(/^machine 1 of seed of the tests at step 0, after start: timers is /);
    expect(renderRehydration(report)).toContain("differences  1\n");
  });
});
