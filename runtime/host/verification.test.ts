import { describe, expect, it } from "vitest";
import { address } from "../address.ts";
import type { NewRecord, StoredRecord } from "../envelope.ts";
import type { JsonObject } from "../json.ts";
import type { ActorDefinition } from "./definition.ts";
import { type ActorEvent, type ActorInput, assign, type Effect, emit, setup, tell } from "./machine.ts";
import { quarantineId } from "./quarantine.ts";
import { counter } from "./test-machines.ts";
import { differences, effectDivergence, stateDivergence, verifyFolds } from "./verification.ts";

const to = address("counter", "c1");

function record(seq: number, type: string, data: JsonObject = {}, id = `r${seq}`): StoredRecord {
  return { id, seq, type, from: address("test", "test"), to, at: seq * 1_000, epoch: 0, clear: {}, data };
}

const pure = [
  record(1, "add"),
  record(2, "wait"),
  record(3, "add", { n: 4 }),
  record(4, "say", { text: "hi" }),
];

/** Counts in a variable of its module: what no record says. */
let served = 0;
const numbering: ActorDefinition = {
  kind: "counter",
  version: 1,
  machine: setup({
    types: {} as { context: { number: number }; input: ActorInput; events: ActorEvent; emitted: Effect },
  }).createMachine({
    context: { number: 0 },
    on: {
      number: { actions: assign({ number: () => ++served }) },
      print: { actions: emit(() => tell(to, "printed", { number: ++served })) },
    },
  }),
};

/** Keeps what JSON doesn't. */
const forgetful: ActorDefinition = {
  kind: "counter",
  version: 1,
  machine: setup({
    types: {} as { context: { since: Date; for: number }; input: ActorInput; events: ActorEvent },
  }).createMachine({
    context: { since: new Date(0), for: 0 },
    on: { look: { actions: assign({ for: ({ context, event }) => event.at - context.since.getTime() }) } },
  }),
};

/** Goes by the clock on the wall. */
const local: ActorDefinition = {
  kind: "counter",
  version: 1,
  machine: setup({
    types: {} as { context: { hour: number }; input: ActorInput; events: ActorEvent },
  }).createMachine({
    context: { hour: 0 },
    on: { look: { actions: assign({ hour: ({ event }) => new Date(event.at).getHours() }) } },
  }),
};

describe("folds of the same records", () => {
  it("of a pure machine are the same at every step, however often and however restored", () => {
    const { steps, folds, diverged } = verifyFolds(counter, to, pure, 10);
    expect(diverged).toEqual([]);
    expect(folds).toBe(12);
    expect(steps.map((s) => [s.seq, s.type])).toEqual([
      [1, "add"],
      [2, "wait"],
      [3, "add"],
      [4, "say"],
    ]);
    expect(JSON.parse(steps[2]!.state)).toMatchObject({ state: { context: { total: 5 } }, timers: [{}] });
    expect(JSON.parse(steps[3]!.wants)).toMatchObject({ out: [{ type: "reply", data: { text: "hi" } }] });
  });

  it("name the step at which a machine used what no record says, with both states", () => {
    const records = [record(1, "other"), record(2, "other"), record(3, "number"), record(4, "other")];
    const { diverged } = verifyFolds(numbering, to, records, 3);
    expect(diverged.map((d) => d.which)).toEqual([
      "fold 2",
      "fold 3",
      "in another time zone",
      "restored between records",
    ]);
    const [first] = diverged;
    expect(first).toMatchObject({ actor: "counter/c1/c1", seq: 3, type: "number" });
    expect(first!.paths).toEqual([{ path: "state.context.number", first: served - 4, other: served - 3 }]);
    expect(JSON.parse(first!.first).state.context).toEqual({ number: served - 4 });
    expect(JSON.parse(first!.other).state.context).toEqual({ number: served - 3 });
  });

  it("differ where only what a machine wants done does", () => {
    const { diverged } = verifyFolds(numbering, to, [record(1, "other"), record(2, "print")], 2);
    expect(diverged[0]).toMatchObject({ seq: 2, type: "print", paths: [{ path: "out[0].data.number" }] });
  });

  it("differ where a snapshot does not keep all of a state", () => {
    const { diverged } = verifyFolds(forgetful, to, [record(1, "other"), record(2, "look")], 3);
    expect(diverged).toHaveLength(1);
    expect(diverged[0]).toMatchObject({ which: "restored between records", seq: 2, type: "look" });
    expect(JSON.parse(diverged[0]!.other)).toMatchObject({ error: expect.stringContaining("getTime") });
  });

  it("differ where the time of day is that of the place", () => {
    const here = new Date(0).getHours();
    const { diverged } = verifyFolds(local, to, [record(1, "other"), record(2, "look")], 3);
    expect(diverged).toHaveLength(1);
    expect(diverged[0]).toMatchObject({ which: "in another time zone", seq: 2, type: "look" });
    expect(new Date(0).getHours()).toBe(here);
  });

  it("pass over what was given up on", () => {
    const crash = record(2, "crash");
    const given = record(3, "host.quarantined", {}, quarantineId(crash.id));
    const { steps, diverged } = verifyFolds(counter, to, [record(1, "add"), crash, given], 2);
    expect(diverged).toEqual([]);
    expect(steps.map((s) => s.seq)).toEqual([1, 3]);
    expect(JSON.parse(steps[1]!.state).state.context).toMatchObject({ quarantined: 1 });
  });
});

describe("a state that an actor has", () => {
  it("is held against the fold of its records up to the same one", () => {
    const { steps } = verifyFolds(counter, to, pure, 1);
    const machine = {
      snapshot: structuredClone(JSON.parse(steps[2]!.state).state),
      timers: JSON.parse(steps[2]!.state).timers,
      generation: 1,
    };
    expect(stateDivergence(to, steps, 3, machine, "in memory")).toBeUndefined();
    machine.snapshot.context.total = 6;
    expect(stateDivergence(to, steps, 3, machine, "in memory")).toMatchObject({
      which: "in memory",
      seq: 3,
      type: "add",
      paths: [{ path: "state.context.total", first: 5, other: 6 }],
    });
    // An actor that the log knows nothing of.
    expect(stateDivergence(to, [], 3, machine, "in memory")).toMatchObject({ first: "{}" });
  });
});

describe("what folds want done", () => {
  const { steps } = verifyFolds(
    counter,
    to,
    [...pure, record(5, "ask"), record(6, "forward", { to: "c2" })],
    1,
  );
  const wanted = steps.flatMap((s) => JSON.parse(s.wants).out as NewRecord[]);
  const stored = wanted.map(
    (each, i): StoredRecord => ({ clear: {}, data: {}, ...each, seq: 10 + i, at: 0, epoch: 0 }),
  );
  const inLog = (log: readonly StoredRecord[]) => (r: NewRecord) =>
    Promise.resolve(log.find((s) => s.id === r.id));

  it("is what the log has, but for reads, which need no record", async () => {
    expect(wanted.map((r) => r.type)).toEqual(["reply", "host.ask", "add"]);
    expect(await effectDivergence(to, steps, inLog(stored))).toBeUndefined();
    expect(await effectDivergence(to, steps, inLog(stored.toSpliced(1, 1)))).toBeUndefined();
  });

  it("shows a machine that wanted something else when it was at work", async () => {
    const other = stored.with(0, { ...stored[0]!, data: { text: "ho" } });
    expect(await effectDivergence(to, steps, inLog(other))).toMatchObject({
      which: "in the log",
      seq: 4,
      type: "say",
      paths: [{ path: "data.text", first: "hi", other: "ho" }],
    });
    expect(await effectDivergence(to, steps, inLog(stored.slice(0, 2)))).toMatchObject({
      seq: 6,
      other: "{}",
    });
  });
});

describe("differences", () => {
  it("are named by their paths, as deep as can be, and not without end", () => {
    expect(differences({ a: [1, { b: 2 }], c: 1 }, { a: [1, { b: 3 }, 4], d: null })).toEqual([
      { path: "a[1].b", first: 2, other: 3 },
      { path: "a[2]", first: undefined, other: 4 },
      { path: "c", first: 1, other: undefined },
      { path: "d", first: undefined, other: null },
    ]);
    expect(differences(Array(100).fill(1), Array(100).fill(2))).toHaveLength(20);
  });
});
