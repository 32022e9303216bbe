/** Leaving the log: what nobody needs goes, from its beginning on, and nothing that still counts does. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { type Address, address, partitionOf } from "./address.ts";
import { subjectsOf } from "./bus/index.ts";
import { ShiftedClock } from "./clock.ts";
import type { ActorDefinition } from "./host/definition.ts";
import { channel, counter } from "./host/test-machines.ts";
import { meddled, TestDesk, type TestNodeOptions } from "./host/testing.ts";
import { newId } from "./ids.ts";
import { Appender } from "./log/appender.ts";
import { Bodies } from "./log/bodies.ts";
import { CHECKPOINT, LeftLogError } from "./log/checkpoint.ts";
import { streamState } from "./log/stream.ts";

/** Closed from a total of 100 on. */
const closing: ActorDefinition = { ...counter, closed: (context) => context.total >= 100 };
const DAY = 24 * 3_600_000;
const LOG = "BW_test_LOG";

let desk: TestDesk | undefined;
let clock = new ShiftedClock();
afterEach(async () => {
  await desk?.stop();
  desk = undefined;
});

async function start(options: Partial<TestNodeOptions> = {}): Promise<TestDesk> {
  clock = new ShiftedClock();
  desk = await TestDesk.start({
    definitions: [closing, channel],
    clock,
    host: { snapshotEveryMs: 20, verifyEvery: 0 },
    retention: { tailMs: 7 * DAY, logMs: 30 * DAY },
    ...options,
  });
  return desk;
}

const of = (id: string): Address => address("counter", id);
const first = async (): Promise<number> => (await streamState(desk!.bus, LOG)).firstSeq;
const total = async (id: string): Promise<unknown> => (await desk!.node.read(of(id)))?.view.total;
const add = (id: string, n = 1, record = newId()) => desk!.send(of(id), "add", { n }, record);
const checkpointsOf = async (id: string) =>
  (await desk!.node.records(of(id))).filter(({ type }) => type === CHECKPOINT);

async function folded(id: string, sum: number): Promise<void> {
  await desk!.until(async () => (await total(id)) === sum, `${id} at ${sum}`);
}

/** Until what is in memory is on disk, so that nothing waits for it. */
async function written(): Promise<void> {
  const { head } = desk!.node.status().log as { head: number };
  const position = async () => {
    const { waiting = 0, unacknowledged = 0 } = desk!.node.status().host as Record<string, number>;
    return waiting + unacknowledged === 0;
  };
  await desk!.until(position, `everything up to ${head}`);
  await new Promise((resolve) => setTimeout(resolve, 60));
}

/** Passes until nothing more changes: a checkpoint counts once it was read back. */
async function leave(): Promise<void> {
  for (let n = 0; n < 4; n++) {
    await desk!.node.leaveLog();
    await written();
  }
}

/** A conversation that opens and closes. */
async function closed(id: string): Promise<void> {
  await add(id, 60);
  await add(id, 40);
  await desk!.until(async () => (await checkpointsOf(id)).length > 0, `the checkpoint of ${id}`);
}

it("what has closed leaves once it is old enough, with its checkpoint, and not before", async () => {
  await start();
  await closed("c1");
  clock.advance(29 * DAY);
  await leave();
  expect(await first()).toBe(1);
  clock.advance(2 * DAY);
  await add("c2");
  await leave();
  expect(await first()).toBe(4);
  await expect(desk!.node.read(of("c1"))).rejects.toThrow(LeftLogError);
  await expect(add("c1")).rejects.toThrow(LeftLogError);
  await folded("c2", 1);
});

it("an open actor holds its records until it has a checkpoint at the head, and is the same from there", async () => {
  await start({ retention: { tailMs: 90 * DAY, logMs: 30 * DAY } });
  await add("open", 5);
  await closed("c1");
  clock.advance(31 * DAY);
  await leave();
  expect(await first()).toBe(1);
  clock.advance(60 * DAY);
  await leave();
  expect(await first()).toBeGreaterThan(3);
  expect(await checkpointsOf("open")).toHaveLength(1);
  await add("open", 2);
  await folded("open", 7);
  expect((await desk!.node.verify(of("open")))!.same).toBe(true);
  // And without anything but the log.
  await desk!.crash();
  await rm(join(desk!.dir, "engine"), { recursive: true });
  await desk!.up();
  await folded("open", 7);
  expect((await desk!.node.verify(of("open")))!.same).toBe(true);
});

it("an id whose record has left still counts once", async () => {
  await start();
  const id = newId();
  await add("open", 5, id);
  await folded("open", 5);
  clock.advance(31 * DAY);
  await leave();
  await leave();
  expect(await first()).toBeGreaterThan(1);
  expect(await add("open", 5, id)).toMatchObject({ duplicate: true });
  // Another gateway's index may not know it: the owner drops it.
  await desk!.crash();
  await desk!.up();
  expect(await add("open", 5, id)).toMatchObject({ duplicate: true });
  await folded("open", 5);
});

it("a partition that is behind holds the log, until it is not any more", async () => {
  await start({ policy: { maxAttempts: 3, backoffMs: () => 1_000_000 } });
  await closed("c1");
  // What crashes its actor again and again is under way for that long.
  await desk!.send(of("stuck"), "crash");
  clock.advance(31 * DAY);
  for (let n = 0; n < 3; n++) await desk!.node.leaveLog();
  expect(await first()).toBe(1);
  await desk!.crash();
  await desk!.up({ policy: { maxAttempts: 3, backoffMs: () => 1 } });
  await leave();
  expect(await first()).toBeGreaterThan(1);
});

it("timers and records that wait survive a purge and a restart on an empty disk", async () => {
  await start();
  await desk!.send(of("waiting"), "wait");
  await closed("c1");
  clock.advance(31 * DAY);
  await leave();
  await desk!.until(async () => (await desk!.node.read(of("waiting")))!.value === "idle", "the timer");
  await desk!.send(of("waiting"), "wait");
  clock.advance(59_000);
  clock.advance(0);
  await desk!.crash();
  await rm(join(desk!.dir, "engine"), { recursive: true });
  await desk!.up();
  expect((await desk!.node.read(of("waiting")))!.value).toBe("waiting");
  clock.advance(60_000);
  await desk!.until(async () => (await desk!.node.read(of("waiting")))!.value === "idle", "the timer");
});

it.each([
  ["before the purge", false],
  ["after it, without its answer", true],
])("a crash %s loses nothing: the next start goes on", async (_, carriedOut) => {
  let crashed = false;
  await start({
    trouble: (bus) =>
      meddled(bus, async (subject, send) => {
        if (!subject.startsWith("$JS.API.STREAM.PURGE.BW_test_LOG") || crashed) return send();
        crashed = true;
        if (carriedOut) await send();
        throw new Error("the node is no more");
      }),
  });
  await add("open", 5);
  await closed("c1");
  clock.advance(31 * DAY);
  for (let n = 0; n < 5 && !crashed; n++) {
    await desk!.node.leaveLog().catch(() => {});
    await written();
  }
  expect(crashed).toBe(true);
  await desk!.crash();
  await desk!.up();
  await add("open", 1);
  await folded("open", 6);
  // What has been said to have left has left, whether it is gone or not.
  await leave();
  await expect(desk!.node.read(of("c1"))).rejects.toThrow(LeftLogError);
  expect((await desk!.node.verify(of("open")))!.same).toBe(true);
});

it("kill -9 of the server after everything has left: the log goes on where it was", async () => {
  await start();
  await closed("c1");
  const id = newId();
  await add("c2", 100, id);
  await desk!.until(async () => (await checkpointsOf("c2")).length > 0, "its checkpoint");
  clock.advance(31 * DAY);
  await leave();
  const { firstSeq, lastSeq } = await streamState(desk!.bus, LOG);
  expect(firstSeq).toBe(lastSeq);
  process.kill(desk!.server.server.pid!, "SIGKILL");
  const next = await desk!.until(() => add("c3", 3).catch(() => undefined), "appends to work again");
  expect(next.seq).toBeGreaterThan(lastSeq);
  await folded("c3", 3);
  expect(await add("c2", 100, id)).toMatchObject({ duplicate: true });
});

it("a crash after a checkpoint was appended, before anything else: it is appended once", async () => {
  await start();
  await add("open", 5);
  await folded("open", 5);
  await written();
  clock.advance(8 * DAY);
  await desk!.node.leaveLog();
  await desk!.crash();
  await desk!.up();
  await desk!.node.leaveLog();
  await leave();
  expect(await checkpointsOf("open")).toHaveLength(1);
  await folded("open", 5);
});

it("a record for an actor that is leaving is a dead letter, and no actor is made of it", async () => {
  await start();
  await closed("c1");
  clock.advance(31 * DAY);
  // The floor is raised, and the purge never comes to be.
  let tried = 0;
  await desk!.crash();
  await desk!.up({
    trouble: (bus) =>
      meddled(bus, (subject, send) => {
        if (!subject.startsWith("$JS.API.STREAM.PURGE.BW_test_LOG")) return send();
        tried++;
        return Promise.reject(new Error("no"));
      }),
  });
  await desk!.until(async () => {
    await desk!.node.leaveLog().catch(() => {});
    return tried > 0;
  }, "the floor");
  await expect(add("c1")).rejects.toThrow(LeftLogError);
  // A gateway that has not heard of it takes it all the same.
  const appender = new Appender(desk!.bus, desk!.keys, {
    bodies: new Bodies(desk!.bus, subjectsOf("test")),
    subject: subjectsOf("test").log,
    partitions: 4,
  });
  const at = clock.now();
  const from = address("test", "test");
  const record = { id: newId(), type: "add", from, to: of("c1"), at, epoch: 0, clear: {}, data: {} };
  const late = await appender.append(record);
  const letters = await desk!.until(async () => {
    const found = await desk!.node.deadLetters.list();
    return found.length > 0 ? found : undefined;
  }, "a dead letter");
  expect(letters).toMatchObject([{ seq: late.seq, to: "counter/c1/c1", type: "add" }]);
  expect(letters[0]!.reason).toContain("have left the log");
  await desk!.crash();
  await rm(join(desk!.dir, "engine"), { recursive: true });
  await desk!.up({ trouble: undefined });
  await add("c2", 3);
  await folded("c2", 3);
  expect(await desk!.node.deadLetters.count()).toBe(1);
});

it("a dead letter whose original is only in the log keeps it there", async () => {
  await start();
  const seq = (await add("c1", 100)).seq;
  await desk!.until(async () => (await checkpointsOf("c1")).length > 0, "its checkpoint");
  await desk!.node.deadLetters.put({
    seq,
    attempts: 1,
    reason: "too large for a letter",
    original: new Uint8Array(desk!.bus.maxPayload),
  });
  clock.advance(31 * DAY);
  await leave();
  expect(await first()).toBe(seq);
  const [letter] = await desk!.node.deadLetters.list();
  expect((await desk!.node.deadLetters.original(letter!.number))!.byteLength).toBeGreaterThan(100);
  await desk!.node.deadLetters.drop(letter!.number);
  await leave();
  expect(await first()).toBeGreaterThan(seq);
});

it("what is left of a key says that more has left", async () => {
  await start();
  await add("open", 5);
  await folded("open", 5);
  expect(await desk!.node.leftOfKey("open")).toBe(0);
  clock.advance(31 * DAY);
  await leave();
  const left = (await first()) - 1;
  expect(left).toBeGreaterThan(0);
  expect(await desk!.node.leftOfKey("open")).toBe(left);
  expect((await desk!.node.records(of("open"))).every((record) => record.seq > left)).toBe(true);
  await desk!.crash();
  await rm(join(desk!.dir, "engine"), { recursive: true });
  await desk!.up();
  expect(await desk!.node.leftOfKey("open")).toBe(left);
  expect(await desk!.node.leftOfKey("nobody")).toBe(0);
  expect(partitionOf("open", 4)).toBeGreaterThanOrEqual(0);
});
