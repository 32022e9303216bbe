/** Leaving the log with several nodes: what any of them still needs stays, and whoever comes later goes on from what is left. */
import { join } from "node:path";
import { Level } from "level";
import { afterEach, expect, it } from "vitest";
import { type Address, address, partitionOf } from "./address.ts";
import { subjectsOf } from "./bus/index.ts";
import { ShiftedClock } from "./clock.ts";
import type { ActorDefinition } from "./host/definition.ts";
import { OwnFloors, SharedFloors } from "./host/floors.ts";
import { Needs } from "./host/needs.ts";
import { channel, counter } from "./host/test-machines.ts";
import { newId } from "./ids.ts";
import type { JsonObject } from "./json.ts";
import { Appender } from "./log/appender.ts";
import { Bodies } from "./log/bodies.ts";
import { CHECKPOINT, LeftLogError } from "./log/checkpoint.ts";
import { WorkspaceKeyRing } from "./log/keyring.ts";
import { streamState } from "./log/stream.ts";
import type { Node } from "./node.ts";
import { TestNodes } from "./testing-nodes.ts";

/** Closed from a total of 100 on. */
const closing: ActorDefinition = { ...counter, closed: (context) => context.total >= 100 };
const DAY = 24 * 3_600_000;
const LOG = "BW_test_LOG";
const PARTITIONS = 8;

let nodes: TestNodes | undefined;
let clock: ShiftedClock;
afterEach(async () => {
  await nodes?.stop();
  nodes = undefined;
});

async function start(...names: string[]): Promise<TestNodes> {
  clock = new ShiftedClock();
  nodes = await TestNodes.start(names, {
    definitions: [closing, channel],
    clock,
    partitions: PARTITIONS,
    retention: { logMs: 30 * DAY },
    host: { snapshotEveryMs: 20, verifyEvery: 0 },
  });
  return nodes;
}

const of = (id: string): Address => address("counter", id);
/** An actor of each partition. */
const everywhere = Array.from({ length: PARTITIONS }, (_, partition) => {
  for (let n = 0; ; n++) if (partitionOf(`a${n}`, PARTITIONS) === partition) return `a${n}`;
});
const first = async (node: Node): Promise<number> => (await node.logState()).firstSeq;
const any = (): Node => nodes!.all()[0]!;

/** Appends as a gateway does that has not heard of what leaves. */
async function late(to: Address, type: string, data: JsonObject): Promise<void> {
  const bus = await nodes!.server.connect("late");
  const [name] = nodes!.names() as [string];
  const keys = await WorkspaceKeyRing.open({ bus, dataDir: nodes!.dataDir(name), workspace: "test" });
  const subject = subjectsOf("test").log;
  const appender = new Appender(bus, keys, {
    bodies: new Bodies(bus, subjectsOf("test")),
    subject,
    partitions: PARTITIONS,
  });
  const from = address("test", "test");
  await appender.append({ id: newId(), type, from, to, at: clock.now(), epoch: 0, clear: {}, data });
  keys.close();
}

async function folded(id: string, sum: number): Promise<void> {
  const is = async () =>
    (
      await any()
        .read(of(id))
        .catch(() => undefined)
    )?.view.total === sum;
  await nodes!.until(is, `${id} at ${sum}`);
}

/** An actor that opens and closes; answers where its checkpoint is. */
async function closed(id: string): Promise<number> {
  await nodes!.send("a", of(id), "add", { n: 100 });
  const checkpoint = async () => (await any().records(of(id))).find(({ type }) => type === CHECKPOINT);
  return (await nodes!.until(checkpoint, "a checkpoint")).seq;
}

const hasLeft = (at: string, id: string): Promise<boolean> =>
  nodes!
    .node(at)
    .read(of(id))
    .then(
      () => false,
      (error) => error instanceof LeftLogError,
    );

async function leave(upTo: () => Promise<boolean>): Promise<void> {
  await nodes!.until(async () => {
    for (const node of nodes!.all()) await node.leaveLog().catch(() => {});
    return upTo();
  }, "records to leave");
}

it("the partitions of all nodes are asked, and a node with an empty disk goes on from what is left", async () => {
  await start("a", "b");
  for (const id of everywhere) await nodes!.send("a", of(id), "add", { n: 5 });
  for (const id of everywhere) await folded(id, 5);
  clock.advance(31 * DAY);
  const { lastSeq: before } = await any().logState();
  // What one of them alone says is not enough.
  const [one] = nodes!.all() as [Node];
  for (let n = 0; n < 3; n++) {
    await one.leaveLog();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(await first(one)).toBe(1);
  await leave(async () => (await first(any())) > before);
  await nodes!.crash("a");
  await nodes!.up("c");
  await nodes!.down("b");
  for (const id of everywhere) {
    await nodes!.send("c", of(id), "add", { n: 1 });
    await folded(id, 6);
    expect((await nodes!.node("c").verify(of(id)))!.same).toBe(true);
  }
});

it("a node that was away while records left does not go on from what it had", async () => {
  await start("a");
  await nodes!.send("a", of("c1"), "add", { n: 60 });
  await nodes!.send("a", of("open"), "add", { n: 1 });
  await folded("c1", 60);
  await folded("open", 1);
  await nodes!.up("b");
  await nodes!.down("a");
  await nodes!.send("b", of("c1"), "add", { n: 40 });
  await nodes!.send("b", of("open"), "add", { n: 1 });
  await folded("open", 2);
  const covered = async () => (await any().records(of("c1"))).some(({ type }) => type === CHECKPOINT);
  await nodes!.until(covered, "a checkpoint");
  const { lastSeq: before } = await any().logState();
  clock.advance(31 * DAY);
  await leave(async () => (await first(any())) > before);
  await nodes!.up("a");
  await nodes!.down("b");
  await expect(nodes!.node("a").read(of("c1"))).rejects.toThrow(LeftLogError);
  await nodes!.send("a", of("open"), "add", { n: 1 });
  await folded("open", 3);
});

it("what has left is said to have left by a gateway of another node, too", async () => {
  await start("a", "b");
  await nodes!.send("a", of("c1"), "add", { n: 100 });
  await nodes!.send("a", of("open"), "add", { n: 1 });
  const covered = async () => (await any().records(of("c1"))).some(({ type }) => type === CHECKPOINT);
  await nodes!.until(covered, "a checkpoint");
  const { lastSeq: before } = await any().logState();
  clock.advance(31 * DAY);
  await leave(async () => (await first(any())) > before);
  for (const node of nodes!.all()) await expect(node.read(of("c1"))).rejects.toThrow(LeftLogError);
  for (const node of nodes!.all()) expect((await node.list("counter")).map((v) => v.view.total)).toEqual([1]);
});

it("a gateway that joins before what was given up has left refuses it, as the others do", async () => {
  await start("a");
  const seq = await closed("c1");
  clock.advance(31 * DAY);
  await leave(() => hasLeft("a", "c1"));
  await nodes!.up("b");
  expect(await first(any())).toBeLessThanOrEqual(seq);
  await expect(nodes!.send("b", of("c1"), "add", { n: 5 })).rejects.toThrow(LeftLogError);
});

it("what was opened again after it was announced to leave is whole for a next owner", async () => {
  await start("a", "b");
  let id = "";
  for (const each of everywhere) if ((await nodes!.ownerOf(of(each!))) === "a") id = each!;
  await closed(id);
  clock.advance(31 * DAY);
  await leave(() => hasLeft("b", id));
  expect(await first(any())).toBe(1);
  await late(of(id), "add", { n: 5 });
  await nodes!.down("a");
  await folded(id, 105);
});

it("a floor that a node had at home, and told nobody, does not bind what others did since", async () => {
  await start("a");
  const seq = await closed("c1");
  await nodes!.up("b");
  await nodes!.down("a");
  // As if it had ended before it could say so.
  const home = new Level<string, string>(join(nodes!.dataDir("a"), "engine"));
  await new Needs(home, () => 0).raiseFloor(partitionOf("c1", PARTITIONS), seq + 1);
  await home.close();
  await nodes!.send("b", of("c1"), "add", { n: 5 });
  await folded("c1", 105);
  await nodes!.up("a");
  await nodes!.down("b");
  await folded("c1", 105);
});

it("of a node that is alone all partitions have to be known, and a floor is not taken back", async () => {
  const floors = new OwnFloors(2);
  await floors.publish(0, { floor: 50, needs: 70 });
  expect(await floors.lowest()).toBeUndefined();
  await floors.publish(1, { floor: 60, needs: 65 });
  expect(await floors.lowest()).toEqual({ floor: 50, needs: 65 });
  await floors.publish(0, { floor: 40 });
  await floors.publish(1, { needs: 62 });
  expect(await floors.lowest()).toEqual({ floor: 50, needs: 62 });
});

it("an owner that has lost a partition does not raise its floor any more", async () => {
  await start("a");
  const bus = await nodes!.server.connect("floors");
  const kv = await bus.kv("FLOORS");
  const floors = (partitions = 1, log = "log") =>
    new SharedFloors(
      kv,
      partitions,
      () => log,
      () => 1,
    );
  const [before, after] = [floors(), floors()];
  expect(await before.claim(0, { epoch: 1, log: "log" })).toBe(1);
  expect(await after.lowest()).toEqual({ floor: 1, needs: 1 });
  await before.publish(0, { floor: 50, needs: 70 });
  expect(await after.claim(0, { epoch: 2, log: "log" })).toBe(50);
  await expect(before.publish(0, { floor: 90 })).rejects.toThrow();
  await expect(before.claim(0, { epoch: 1, log: "log" })).rejects.toThrow("epoch 2");
  await after.publish(0, { floor: 60 });
  await after.publish(0, { floor: 55 });
  expect(await before.lowest()).toEqual({ floor: 60, needs: 70 });
  expect(await before.announced()).toBe(70);
  await after.publish(0, { needs: 40 });
  expect(await before.announced()).toBe(60);
  // Of another log of the same name it says nothing.
  expect(await floors(1, "another").lowest()).toBeUndefined();
  expect(await floors(2).lowest()).toBeUndefined();
  expect(await floors(2).announced()).toBe(60);
  expect(await floors(1, "another").announced()).toBe(1);
  expect(await streamState(bus, LOG)).toMatchObject({ firstSeq: 1 });
});
