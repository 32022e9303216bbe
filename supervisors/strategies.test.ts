import { describe, expect, it } from "vitest";
import { EscalationError } from "./errors.ts";
import type { Supervisor } from "./supervisor.ts";
import type { SupervisorOptions } from "./supervisor-options.ts";
import { counts, Lab, states, until } from "./testing.ts";

const LIMIT = { max: 2, periodMs: 3_600_000 };
const ALL = ["a:running", "b:running", "c:running"];

async function abc(lab: Lab, options: Partial<SupervisorOptions>): Promise<Supervisor> {
  const children = ["a", "b", "c"].map((id) => lab.child(id));
  const s = lab.supervisor({ children, intensity: LIMIT, ...options });
  await s.start();
  await lab.happened("+a +b +c");
  return s;
}

/** One failure is restarted as `first` says, one of c as `second`, and the next is one too many. */
async function restartsAsLongAsItMay(
  strategy: SupervisorOptions["strategy"],
  first: string,
  second: string,
  last: string,
): Promise<void> {
  const lab = new Lab();
  const s = await abc(lab, { strategy });
  lab.crash("b");
  await lab.happened(first);
  await until(() => states(s), ALL);
  expect(counts(s)).toEqual([3, 3, 0, 3]);
  expect(s.which().children[1]).toMatchObject({ restarts: 1, lastError: "b crashed" });
  lab.crash("c");
  await lab.happened(second);
  await until(() => states(s), ALL);
  lab.crash("b");
  expect(await s.ended).toBeInstanceOf(EscalationError);
  await lab.happened(last);
}

/** `id` does not start any more: each try counts, until there were too many. */
async function escalates(strategy: SupervisorOptions["strategy"], id: string, want: string): Promise<void> {
  const lab = new Lab();
  const s = await abc(lab, { strategy });
  lab.failStarts(id);
  lab.crash("b");
  const error = await s.ended;
  expect(error).toBeInstanceOf(EscalationError);
  expect(error?.message).toBe(
    `top gave up: more than 2 restarts within 3600000 ms, the last of ${id}: ${id} does not start`,
  );
  expect(error?.cause).toMatchObject({ message: `${id} does not start` });
  await lab.happened(want);
  expect(s.which().state).toBe("failed");
  expect(lab.events.filter((e) => e.type === "escalated")).toMatchObject([{ child: id, error }]);
}

describe("one_for_one", () => {
  it("one_for_one: restarts the failed child alone", () =>
    restartsAsLongAsItMay("one_for_one", "-b +b", "-c +c", "-b -c -a"));

  it("one_for_one_escalation: gives up when a child does not start again", () =>
    escalates("one_for_one", "b", "-b !b !b -c -a"));
});

describe("one_for_all", () => {
  it("one_for_all: restarts every child", () =>
    restartsAsLongAsItMay("one_for_all", "-b -c -a +a +b +c", "-c -b -a +a +b +c", "-b -c -a"));

  it("one_for_all_escalation: gives up when a sibling does not start again", () =>
    escalates("one_for_all", "c", "-b -c -a +a +b !c -b -a +a +b !c -b -a"));

  it("one_for_all_other_child_fails_restart: stops those again that had come back", async () => {
    const lab = new Lab();
    const s = await abc(lab, { strategy: "one_for_all" });
    lab.failStarts("b", 1);
    lab.crash("a");
    await lab.happened("-a -c -b +a !b -a +a +b +c");
    await until(() => states(s), ALL);
    await s.stop();
  });

  it("counts two that fail together as one", async () => {
    const lab = new Lab();
    const s = await abc(lab, { strategy: "one_for_all", intensity: { max: 1 } });
    lab.crash("a");
    lab.crash("c");
    await lab.happened("-a -c -b +a +b +c");
    await until(() => states(s), ALL);
    await s.stop();
    await lab.happened("-c -b -a");
  });
});

describe("rest_for_one", () => {
  it("rest_for_one: restarts the failed child and those after it", () =>
    restartsAsLongAsItMay("rest_for_one", "-b -c +b +c", "-c +c", "-b -c -a"));

  it("rest_for_one_escalation: gives up when a later child does not start again", () =>
    escalates("rest_for_one", "c", "-b -c +b !c !c -b -a"));

  it("rest_for_one_other_child_fails_restart: leaves those alone that had come back", async () => {
    const lab = new Lab();
    const s = await abc(lab, { strategy: "rest_for_one" });
    lab.failStarts("b", 1);
    lab.crash("a");
    await lab.happened("-a -c -b +a !b +b +c");
    await until(() => states(s), ALL);
    await s.stop();
  });
});

describe("intensity", () => {
  it("multiple_restarts: any number of them, as long as there are not too many within a period", async () => {
    const lab = new Lab();
    let now = 0;
    const s = await abc(lab, { intensity: { max: 1, periodMs: 1_000, now: () => now } });
    for (let i = 0; i < 4; i++) {
      lab.crash("b");
      await lab.happened("-b +b");
      await until(() => states(s), ALL);
      now += 1_000;
    }
    now -= 1;
    lab.crash("b");
    expect(await s.ended).toBeInstanceOf(EscalationError);
    await lab.happened("-b -c -a");
  });

  it("waits longer before each restart, by their number within the period", async () => {
    const lab = new Lab();
    const s = await abc(lab, { strategy: "rest_for_one", backoff: (number) => number });
    lab.failStarts("c", 1);
    lab.crash("c");
    await lab.happened("-c !c +c");
    const waits = lab.events.filter((e) => e.type === "restarting");
    expect(waits.map((e) => [e.child, e.waitMs])).toEqual([
      ["c", 1],
      ["c", 2],
    ]);
    await s.stop();
  });

  it("gone during the start fails the start with what led to it", async () => {
    const lab = new Lab();
    const s = lab.supervisor({ intensity: { max: 0 }, children: [lab.child("a"), lab.child("b")] });
    lab.holdStart("b");
    const starting = s.start();
    const refused = expect(starting).rejects.toThrow(EscalationError);
    await lab.happened("+a +b");
    lab.crash("a");
    await refused;
    await lab.happened("-a");
  });
});
