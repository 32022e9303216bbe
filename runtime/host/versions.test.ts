/** Versions of machines (L11): actors stay on theirs, go on in a later one, come back to an earlier release. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { Level } from "level";
import { afterEach, describe, expect, it } from "vitest";
import { address } from "../address.ts";
import { ShiftedClock } from "../clock.ts";
import { UnavailableError } from "../engine.ts";
import type { JsonObject } from "../json.ts";
import { CHECKPOINT } from "../log/checkpoint.ts";
import { TestNodes } from "../testing-nodes.ts";
import { dropSnapshots } from "./cell-store.ts";
import type { ActorDefinition, Migration } from "./definition.ts";
import {
  type ActorEvent,
  type ActorInput,
  type AnyStateMachine,
  ask,
  assign,
  type Effect,
  emit,
  setup,
  spawnChild,
} from "./machine.ts";
import { channel, counter } from "./test-machines.ts";
import { TestDesk, type TestNodeOptions } from "./testing.ts";
import { checkVersions, versionsByKind, versionToBegin } from "./versions.ts";

const c1 = address("counter", "c1");

interface Sum {
  input: ActorInput;
  sum: number;
  answers: number;
}

/** Counts in tens, rests for a minute when it is told to, and then has one more. */
const second = setup({
  types: {} as { context: Sum; input: ActorInput; events: ActorEvent; emitted: Effect },
  delays: { nap: 60_000 },
}).createMachine({
  id: "counter",
  context: ({ input }) => ({ input, sum: 0, answers: 0 }),
  on: {
    add: { actions: assign({ sum: ({ context, event }) => context.sum + 10 * Number(event.data.n ?? 1) }) },
    ask: {
      actions: emit(({ event }) => ask("lookup", "test", "slow", event.data, { timeoutMs: 60_000 })),
    },
    "lookup.done": { actions: assign({ answers: ({ context }) => context.answers + 1 }) },
  },
  initial: "up",
  states: {
    up: { on: { rest: "resting" } },
    resting: {
      after: { 60000: { target: "up", actions: assign({ sum: ({ context }) => context.sum + 1 }) } },
    },
    napping: { after: { nap: "up" } },
  },
});

const first: ActorDefinition = counter;
const both: ActorDefinition = { ...counter, version: 2, machine: second, earlier: [counter] };
const onlySecond: ActorDefinition = { ...counter, version: 2, machine: second };
const toSecond: Migration = {
  from: 1,
  to: 2,
  migrate: ({ context, children }) => ({
    value: "up",
    context: { input: context.input!, sum: Number(context.total) * 100, answers: 0 },
    children,
    timers: [],
  }),
};
const migrating: ActorDefinition = { ...both, migrations: [toSecond] };

let desk: TestDesk;
let running = false;
afterEach(async () => {
  if (running) await desk.stop();
  running = false;
});

async function start(definition: ActorDefinition, options: Partial<TestNodeOptions> = {}): Promise<void> {
  desk = await TestDesk.start({
    definitions: [definition, channel],
    host: { snapshotEveryMs: 20, verifyEvery: 0 },
    ...options,
  });
  running = true;
}

/** Another release takes over, in order or after a crash. */
async function release(definition: ActorDefinition, how: "stop" | "crash" = "stop"): Promise<void> {
  if (how === "crash") await desk.crash();
  else {
    await desk.node.stop();
    await desk.bus.close();
  }
  await desk.up({ definitions: [definition, channel] });
}

const view = async (to = c1): Promise<JsonObject | undefined> => (await desk.node.read(to))?.view;
const status = () => desk.node.status().host as Record<string, number>;
const checkpoints = async (to = c1) =>
  (await desk.node.records(to)).filter(({ type }) => type === CHECKPOINT).map(({ clear }) => clear);
const said = (what: string) => desk.warnings.filter(({ message }) => message.includes(what));

async function added(n: number, expected: JsonObject, to = c1): Promise<void> {
  await desk.send(to, "add", { n });
  await desk.until(async () => {
    const seen = await view(to);
    return seen && Object.entries(expected).every(([name, value]) => seen[name] === value);
  }, JSON.stringify(expected));
}

/** What is in memory is what the log says, with and without snapshots. */
async function same(to = c1): Promise<void> {
  expect(await desk.node.verify(to)).toMatchObject({ same: true });
  const before = await view(to);
  await desk.node.stop();
  await desk.bus.close();
  await dropSnapshots(join(desk.dir, "engine"));
  await desk.up();
  expect(await view(to)).toEqual(before);
}

describe("an actor", () => {
  it("stays on the version that it began with, as long as a release has it; a new one begins with the present one", async () => {
    await start(first);
    await added(1, { total: 1 });
    await release(both);
    await added(1, { total: 2 });
    const c2 = address("counter", "c2");
    await added(1, { sum: 10 }, c2);
    await same();
    await same(c2);
    expect(await checkpoints()).toEqual([]);
    expect((await desk.node.records(c2))[0]!.machine).toBe(2);
  });

  it("waits in the log for a release that has its version, and holds up nobody else", async () => {
    await start(first);
    await added(1, { total: 1 });
    await release(onlySecond);
    for (let n = 0; n < 5; n++) await desk.send(c1, "add");
    await desk.until(() => status().refused === 1, "it to be refused");
    await expect(desk.node.read(c1)).rejects.toThrow(
      "counter/c1/c1 is in version 1 of the machine of counter, this release runs 2: start a release that has version 1",
    );
    await expect(desk.node.read(c1)).rejects.toBeInstanceOf(UnavailableError);
    const others = ["c2", "c3", "c4", "c5", "c6"].map((id) => address("counter", id));
    for (const to of others) await added(1, { sum: 10 }, to);
    expect(said("cell counter/c1/c1 waits")).toHaveLength(1);
    expect(await desk.node.deadLetters.count()).toBe(0);
    await release(both);
    await desk.until(async () => (await view())?.total === 6, "what it was told meanwhile");
    await same();
  });

  it("begins with the version before as long as a node of the release before is there", async () => {
    const nodes = await TestNodes.start(["a"], { definitions: [both, channel] });
    try {
      await nodes.up("b", { definitions: [first, channel] });
      const begun = async (id: string): Promise<number | undefined> => {
        const to = address("counter", id);
        await nodes.send("a", to, "add");
        await nodes.until(async () => (await nodes.node("a").read(to))?.seq, "it to be folded, wherever");
        return (await nodes.node("a").records(to))[0]!.machine;
      };
      for (const id of ["c1", "c2", "c3", "c4"]) expect(await begun(id)).toBe(1);
      await nodes.down("b");
      expect(await begun("c5")).toBe(2);
    } finally {
      await nodes.stop();
    }
  });

  it("begins with the latest version that all nodes run", () => {
    const machines = (...versions: number[]) => ({ counter: versions });
    const begin = (own: number[], others: unknown[]): number => versionToBegin("counter", own, others);
    expect(begin([1, 2], [])).toBe(2);
    expect(begin([1, 2], [machines(1, 2), machines(2)])).toBe(2);
    // A node of the release before says nothing of a kind that has only its first version.
    expect(begin([1, 2], [machines(1, 2), {}])).toBe(1);
    expect(begin([1, 2], [undefined])).toBe(1);
    expect(begin([2], [{}])).toBe(2);
    expect(versionsByKind([both, channel])).toEqual({ counter: [1, 2] });
  });
});

it("an actor in the middle of a child that a release does not have waits for it, and nothing of it is given up", async () => {
  const parent = (children: Record<string, AnyStateMachine>): ActorDefinition => ({
    kind: "counter",
    version: 1,
    machine: setup({
      types: {} as { context: { input: ActorInput; told: number }; input: ActorInput; events: ActorEvent },
      actors: children,
    }).createMachine({
      id: "parent",
      context: ({ input }) => ({ input, told: 0 }),
      on: {
        begin: { actions: spawnChild("talk@1", { id: "talk" }) },
        add: { actions: assign({ told: ({ context }) => context.told + 1 }) },
      },
    }),
  });
  const talk = setup({}).createMachine({ initial: "on", states: { on: {} } });
  await start(parent({ "talk@1": talk }));
  await desk.send(c1, "begin");
  await added(1, { told: 1 });
  await release(parent({ "talk@2": talk }));
  await desk.send(c1, "add");
  await expect(desk.node.read(c1)).rejects.toThrow(
    "counter/c1/c1 is in the middle of talk@1, which is not there any more: put it back",
  );
  expect(await desk.node.deadLetters.count()).toBe(0);
  await release(parent({ "talk@1": talk, "talk@2": talk }));
  await desk.until(async () => (await view())?.told === 2, "it to go on");
});

describe("a migration", () => {
  it("has open actors go on in the later version, from a checkpoint in their own log", async () => {
    await start(first);
    await added(3, { total: 3 });
    await release(migrating, "crash");
    await desk.until(() => status().migrated === 1, "the migration, though nobody asks for the actor");
    expect(await checkpoints()).toEqual([expect.objectContaining({ version: 2, anew: true })]);
    await added(1, { sum: 310 });
    await same();
    expect(await checkpoints()).toHaveLength(1);
    // The version before may be dropped now.
    await release({ ...onlySecond, migrations: [] });
    await added(1, { sum: 320 });
    await desk.crash();
    await rm(join(desk.dir, "engine"), { recursive: true });
    await desk.up();
    await desk.until(async () => (await view())?.sum === 320, "it from the log alone");
  });

  it("comes to one state however often it is interrupted", async () => {
    await start(first);
    await added(3, { total: 3 });
    for (let n = 0; n < 5; n++) {
      await release(migrating, "crash");
      await new Promise((resolve) => setTimeout(resolve, n * 10));
    }
    await added(1, { sum: 310 });
    expect(await checkpoints()).toHaveLength(1);
    await same();
  });

  it("counts more than what a node kept of the actor before it", async () => {
    const row = "s!counter/c1/c1";
    await start(first);
    await added(3, { total: 3 });
    await desk.node.stop();
    await desk.bus.close();
    const old = (await desk.stored(row))!;
    await desk.up({ definitions: [migrating, channel] });
    await added(1, { sum: 310 });
    await desk.node.stop();
    await desk.bus.close();
    const db = new Level<string, string>(join(desk.dir, "engine"));
    await db.put(row, old);
    await db.close();
    await desk.up();
    expect(await view()).toMatchObject({ sum: 310 });
    await same();
    expect(status().migrated).toBe(0);
  });

  it("waits while an answer is open", async () => {
    let answer = (): void => {};
    const service = {
      name: "test",
      operations: { slow: () => new Promise<JsonObject>((resolve) => (answer = () => resolve({}))) },
    };
    await start({ ...both, version: 2 }, { services: [service] });
    await desk.send(c1, "ask");
    await desk.until(() => status().asks === 1, "the ask");
    const third: ActorDefinition = {
      ...both,
      version: 3,
      earlier: [counter, { version: 2, machine: second }],
      migrations: [{ from: 2, to: 3, migrate: (s) => ({ ...s, context: { ...s.context, sum: 7 } }) }],
    };
    await release(third, "crash");
    await desk.until(() => status().asks === 1, "the ask again");
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(status().migrated).toBe(0);
    answer();
    await desk.until(() => status().migrated === 1, "the migration");
    expect(await view()).toMatchObject({ sum: 7, answers: 1 });
    await same();
  });

  it("that fails leaves the actor in its version, and says so without a word of what anybody said", async () => {
    const failing: Migration = {
      ...toSecond,
      migrate: () => {
        throw new RangeError("ada@example.com is too much");
      },
    };
    await start(first);
    await added(3, { total: 3 });
    await release({ ...both, migrations: [failing] });
    await desk.until(() => said("a migration failed").length > 0, "the word");
    await added(1, { total: 4 });
    expect(JSON.stringify(desk.warnings)).not.toContain("ada@");
    expect(said("a migration failed")).toHaveLength(1);
    await same();
  });

  it.each([
    ["a state that is not there", { value: "nowhere" }],
    ["a state whose delay has a name, without its timer", { value: "napping" }],
  ])("to %s fails", async (_what, changed) => {
    const wrong: Migration = { ...toSecond, migrate: (s) => ({ ...toSecond.migrate(s), ...changed }) };
    await start(first);
    await added(3, { total: 3 });
    await release({ ...both, migrations: [wrong] });
    await desk.until(() => said("a migration failed").length > 0, "the word");
    await added(1, { total: 4 });
  });

  it("sets the delayed transitions of the state that it moves an actor into", async () => {
    const clock = new ShiftedClock();
    const resting: Migration = {
      ...toSecond,
      migrate: (s) => ({ ...toSecond.migrate(s), value: "resting" }),
    };
    await start(first, { clock });
    await added(3, { total: 3 });
    await release({ ...both, migrations: [resting] });
    await desk.until(() => status().migrated === 1, "the migration");
    expect((await desk.node.read(c1))?.value).toBe("resting");
    clock.advance(61_000);
    await desk.until(async () => (await view())?.sum === 301, "its timer");
    expect((await desk.node.read(c1))?.value).toBe("up");
    await same();
  });
});

describe("a release that is rolled back", () => {
  it("goes on from before the migration where nothing has happened since, and so does whoever comes next", async () => {
    await start(first);
    await added(3, { total: 3 });
    await release(migrating);
    await desk.until(() => status().migrated === 1, "the migration");
    await release(first);
    await added(1, { total: 4 });
    expect(said("before a later release")[0]!.details).toEqual({ actor: "counter/c1/c1", from: 2, to: 1 });
    expect((await checkpoints()).map(({ version }) => version)).toEqual([2, 1]);
    await same();
    await release(migrating);
    await desk.until(() => status().migrated === 1, "the migration again");
    await added(1, { sum: 410 });
    expect((await checkpoints()).map(({ version }) => version)).toEqual([2, 1, 2]);
    await same();
  });

  it("leaves what the later one has gone on with to it", async () => {
    await start(first);
    await added(3, { total: 3 });
    await release(migrating);
    await added(1, { sum: 310 });
    await release(first);
    await desk.send(c1, "add");
    await expect(desk.node.read(c1)).rejects.toThrow("in version 2");
    await release(migrating);
    await desk.until(async () => (await view())?.sum === 320, "it to go on");
    await same();
  });
});

it("a definition whose versions do not hold together is refused", () => {
  const refused = (definition: Partial<ActorDefinition>): string => {
    try {
      checkVersions({ ...counter, ...definition });
    } catch (error) {
      return (error as Error).message;
    }
    return "";
  };
  const to = (from: number, version: number): Migration => ({ ...toSecond, from, to: version });
  expect(refused({})).toBe("");
  expect(refused({ version: 3, migrations: [to(1, 2), to(2, 3)] })).toBe("");
  expect(refused({ version: 0 })).toMatch(/counter: version 0 is no whole number/);
  expect(refused({ version: 1, earlier: [counter] })).toMatch(/twice/);
  expect(refused({ version: 1, earlier: [{ ...counter, version: 2 }] })).toMatch(/above the present one, 1/);
  expect(refused({ version: 2, migrations: [to(2, 1)] })).toMatch(/leads from 2 to 1/);
  expect(refused({ version: 2, migrations: [to(1, 3)] })).toMatch(
    /version 3, which this release does not run/,
  );
  expect(refused({ version: 3, migrations: [to(1, 2), to(1, 3)] })).toMatch(/begin at the same version/);
});
