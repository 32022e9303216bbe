/** Records with large bodies, from being sent to leaving: as any other, whatever happens to the node or to the body. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { type Address, address } from "./address.ts";
import { type Bus, subjectsOf } from "./bus/index.ts";
import type { StoredRecord } from "./envelope.ts";
import { dropSnapshots } from "./host/cell-store.ts";
import type { ActorDefinition } from "./host/definition.ts";
import { channel, counter, counterMachine } from "./host/test-machines.ts";
import { TestDesk, type TestNodeOptions } from "./host/testing.ts";
import { newId } from "./ids.ts";
import { Appender } from "./log/appender.ts";
import { Bodies } from "./log/bodies.ts";
import { WorkspaceKeyRing } from "./log/keyring.ts";
import { jetStreamApi, subjectsIn } from "./log/stream.ts";
import { TestNodes } from "./testing-nodes.ts";

const names = subjectsOf("test");
/** Closed from a total of 100 on. */
const closing: ActorDefinition = { ...counter, closed: (context) => context.total >= 100 };
/** The same after somebody has mended it: what broke it counts now. */
const mended = { ...closing, machine: counterMachine.provide({ actions: { explode: () => {} } }) };
const text = "x".repeat(100_000);
const c1 = address("counter", "c1");

let desk: TestDesk;
let running: TestDesk | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

async function start(options: Partial<TestNodeOptions> = {}): Promise<void> {
  desk = await TestDesk.start({ definitions: [closing, channel], ...options });
  running = desk;
}
const view = async (to = c1): Promise<any> => (await desk.node.read(to))?.view;
const add = (to = c1, n = 1) => desk.send(to, "add", { n, text });
const folded = (total: number, to = c1) =>
  desk.until(async () => (await view(to))?.total === total, `${to.id} at ${total}`);
const stored = (bus: Bus = desk.bus) => subjectsIn(bus, names.bodiesStream, names.bodyAll);

/** The node is down, and somebody does something to the streams. */
async function meanwhile<T>(work: (bus: Bus) => Promise<T>): Promise<T> {
  await desk.crash();
  const bus = await desk.server.connect();
  try {
    return await work(bus);
  } finally {
    await bus.close();
  }
}

/** As a gateway of another node writes it: nothing of it is in this node's memory. */
async function append(bus: Bus, to: Address, n: number): Promise<number> {
  const keys = await WorkspaceKeyRing.open({ bus, dataDir: desk.dir, workspace: "test" });
  try {
    const bodies = new Bodies(bus, names);
    const appender = new Appender(bus, keys, { bodies, subject: names.log, partitions: 4 });
    const from = address("test", "test");
    const record = {
      id: newId(),
      type: "add",
      from,
      to,
      at: Date.now(),
      epoch: 0,
      clear: {},
      data: { n, text },
    };
    return (await appender.append(record)).seq;
  } finally {
    keys.close();
  }
}

const lose = (bus: Bus) => jetStreamApi(bus, `STREAM.PURGE.${names.bodiesStream}`, undefined);
const emptyDisk = () => rm(join(desk.dir, "engine"), { recursive: true });

describe("a record with a large body", () => {
  it("is folded, shown and answered like any other, also by a node that has nothing but the log", async () => {
    await start();
    const followed: StoredRecord[] = [];
    desk.node.follow("c1", (record) => followed.push(record));
    await add();
    await add();
    await desk.send(c1, "say", { text });
    await desk.until(() => followed.length === 1, "the reply");
    expect(followed[0]!.data).toEqual({ text });
    // `add` twice, `say` and its reply: the same content is there once.
    expect(await stored()).toHaveLength(2);
    await desk.crash();
    await emptyDisk();
    await desk.up();
    await folded(2);
    expect((await desk.node.verify(c1))!.same).toBe(true);
    expect((await desk.node.recordsOfKey("c1")).map(({ data }) => data.text)).toEqual([
      text,
      text,
      text,
      text,
    ]);
    expect(desk.warnings).toEqual([]);
  });

  it("is folded by another node of the cluster", async () => {
    const nodes = await TestNodes.start(["a", "b"], { definitions: [closing, channel] });
    try {
      await nodes.send("a", c1, "add", { n: 1, text });
      const owner = await nodes.ownerOf(c1);
      const other = owner === "a" ? "b" : "a";
      await nodes.until(async () => (await nodes.node(other).read(c1))?.view.total === 1, "it to be folded");
      await nodes.crash(owner);
      await nodes.send(other, c1, "add", { n: 1, text });
      const total = async () =>
        (
          await nodes
            .node(other)
            .read(c1)
            .catch(() => undefined)
        )?.view.total;
      await nodes.until(async () => (await total()) === 2, "it to be folded by the other one");
      expect((await nodes.node(other).records(c1)).map(({ data }) => data.text)).toEqual([text, text]);
    } finally {
      await nodes.stop();
    }
  });

  it("can be given up on, and tried again", async () => {
    await start();
    await desk.send(c1, "crash", { text });
    await desk.until(async () => (await view())?.quarantined === 1);
    const [letter] = await desk.node.deadLetters.list();
    await desk.node.stop();
    await desk.bus.close();
    await desk.up({ definitions: [mended, channel] });
    await desk.node.retryDeadLetter(letter!.number);
    await desk.until(async () => (await view())?.exploded === 1);
  });
});

describe("a body that is lost", () => {
  it("before it was folded is a dead letter, and is passed over ever after, until that is tried again", async () => {
    await start();
    await desk.send(c1, "add", { n: 10 });
    await folded(10);
    const seq = await meanwhile(async (bus) => {
      const seq = await append(bus, c1, 1);
      await lose(bus);
      return seq;
    });
    await desk.up();
    await desk.until(async () => (await view()).quarantined === 1, "the actor to be told");
    await desk.send(c1, "add", { n: 100 });
    await folded(110);
    const letters = await desk.node.deadLetters.list();
    expect(letters).toMatchObject([{ seq, to: "counter/c1/c1", type: "add" }]);
    expect(letters[0]!.reason).toContain(`is missing: bring the stream ${names.bodiesStream} back`);
    await expect(desk.node.retryDeadLetter(letters[0]!.number)).rejects.toThrow("is missing");
    // It is brought back: what was folded without it stays as it is.
    await meanwhile((bus) => append(bus, address("counter", "c1", "another"), 1));
    await emptyDisk();
    await desk.up();
    await folded(110);
    expect(await view()).toMatchObject({ quarantined: 1 });
    expect((await desk.node.verify(c1))!.same).toBe(true);
    await desk.node.retryDeadLetter(letters[0]!.number);
    await folded(111);
    expect(await desk.node.deadLetters.count()).toBe(0);
  });

  it.each([
    ["on an empty disk", () => emptyDisk()],
    ["without its snapshot", () => dropSnapshots(join(desk.dir, "engine"))],
  ])("after it was folded is no silent gap when the log is folded again %s", async (_, loseState) => {
    await start();
    const { seq } = await add();
    await desk.send(c1, "add", { n: 10 });
    await folded(11);
    await desk.node.stop();
    await lose(desk.bus);
    await desk.bus.close();
    // A snapshot needs no body.
    await desk.up();
    await folded(11);
    await desk.node.stop();
    await desk.bus.close();
    await loseState();
    await desk.up();
    await desk.until(async () => (await view())?.quarantined === 1, "the actor to be told");
    expect((await view()).total).toBe(10);
    expect(await desk.node.deadLetters.list()).toMatchObject([{ seq, to: "counter/c1/c1" }]);
    expect(desk.warnings.map(({ details }) => String(details.error))).toContainEqual(
      expect.stringContaining("is missing"),
    );
    await desk.send(c1, "add", { n: 100 });
    await folded(110);
    expect((await desk.node.verify(c1))!.same).toBe(true);
  });

  it("of what nobody folds is a dead letter", async () => {
    await start();
    const seq = await meanwhile(async (bus) => {
      const seq = await append(bus, address("channel", "c1"), 1);
      await lose(bus);
      return seq;
    });
    await desk.up();
    await desk.until(async () => (await desk.node.deadLetters.count()) === 1, "a dead letter");
    expect(await desk.node.deadLetters.list()).toMatchObject([{ seq, to: "channel/c1/c1" }]);
    expect(await desk.node.recordsOfKey("c1")).toEqual([]);
  });
});

describe("an erased data subject", () => {
  it("L12: has no body left, and no dead letter", async () => {
    await start();
    const other = address("counter", "c2");
    await add();
    await add(other);
    await folded(1);
    await folded(1, other);
    await desk.keys.destroy("c1");
    await desk.until(async () => (await stored()).length === 1, "its body to be deleted");
    expect(await view()).toBeUndefined();
    await desk.crash();
    await emptyDisk();
    await desk.up();
    await folded(1, other);
    expect(await desk.node.records(c1)).toEqual([]);
    expect(await desk.node.deadLetters.count()).toBe(0);
  });

  it("L12: has none after the next start where no node was there to delete it", async () => {
    await start();
    await add();
    await folded(1);
    await meanwhile(async (bus) => {
      const keys = await WorkspaceKeyRing.open({ bus, dataDir: desk.dir, workspace: "test" });
      await keys.destroy("c1");
      keys.close();
      expect(await stored(bus)).toHaveLength(1);
    });
    await desk.up();
    await desk.until(async () => (await stored()).length === 0, "its body to be deleted");
  });
});
