/** Leaving the log while something else is under way: nothing is made of half an actor, and nothing that was taken is lost. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { type Address, address } from "./address.ts";
import type { BusMessage } from "./bus/bus.ts";
import { subjectsOf } from "./bus/index.ts";
import { ShiftedClock } from "./clock.ts";
import { dropSnapshots } from "./host/cell-store.ts";
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

let desk: TestDesk;
let clock: ShiftedClock;
/** What goes wrong on the way to the server; by default nothing. */
let meddle: (subject: string, send: () => Promise<BusMessage>) => Promise<BusMessage>;
afterEach(() => desk.stop());

async function start(options: Partial<TestNodeOptions> = {}): Promise<void> {
  clock = new ShiftedClock();
  meddle = (_, send) => send();
  desk = await TestDesk.start({
    definitions: [closing, channel],
    clock,
    host: { snapshotEveryMs: 20, verifyEvery: 0 },
    partitions: 1,
    retention: { tailMs: 90 * DAY, logMs: 30 * DAY },
    trouble: (bus) => meddled(bus, (subject, send) => meddle(subject, send)),
    ...options,
  });
}

const of = (id: string): Address => address("counter", id);
const first = async (): Promise<number> => (await streamState(desk.bus, LOG)).firstSeq;
const add = (id: string, n: number) => desk.send(of(id), "add", { n });
const look = (id: string) => desk.node.read(of(id)).then((view) => view?.view.total);

/** Appends as a gateway does that has not heard of what leaves. */
function late(to: Address, type: string, data = {}, id = newId()) {
  const subject = subjectsOf("test").log;
  const appender = new Appender(desk.bus, desk.keys, {
    bodies: new Bodies(desk.bus, subjectsOf("test")),
    subject,
    partitions: 1,
  });
  const from = address("test", "test");
  return appender.append({ id, type, from, to, at: clock.now(), epoch: 0, clear: {}, data });
}

async function closed(id: string): Promise<void> {
  await add(id, 60);
  await add(id, 40);
  const isCovered = async () => (await desk.node.records(of(id))).some(({ type }) => type === CHECKPOINT);
  await desk.until(isCovered, `the checkpoint of ${id}`);
}

/** Holds the next request of a kind back until it is let go. */
function hold(prefix: string): { begun: Promise<void>; go(): void } {
  let go!: () => void;
  let begin!: () => void;
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const held = new Promise<void>((resolve) => {
    go = resolve;
  });
  meddle = async (subject, send) => {
    if (!subject.startsWith(prefix)) return send();
    meddle = (_, others) => others();
    begin();
    await held;
    return send();
  };
  return { begun, go };
}

async function leave(upTo: number): Promise<void> {
  await desk.until(async () => {
    await desk.node.leaveLog();
    return (await first()) > upTo;
  }, "records to leave");
}

it("an actor whose records leave while they are read is not begun anew", async () => {
  await start();
  await closed("c1");
  await desk.node.stop();
  await desk.bus.close();
  await dropSnapshots(join(desk.dir, "engine"));
  await desk.up();
  await add("c2", 1);
  clock.advance(31 * DAY);
  const get = hold("$JS.API.DIRECT.GET.BW_test_LOG");
  const reading = expect(look("c1")).rejects.toThrow(LeftLogError);
  await get.begun;
  await leave(3);
  get.go();
  await reading;
  await late(of("c1"), "add", { n: 5 });
  await desk.until(async () => (await desk.node.deadLetters.count()) > 0, "a dead letter");
});

it("an actor that crashed right after it was opened again holds what it was opened from", async () => {
  await start({ policy: { maxAttempts: 2, backoffMs: () => 1_500 } });
  await closed("c1");
  await add("c2", 100);
  clock.advance(31 * DAY);
  await add("c3", 1);
  // Announced, and in the next pass there is nothing left to be folded.
  await desk.until(async () => {
    await desk.node.leaveLog();
    return desk.node.read(of("c1")).then(
      () => false,
      () => true,
    );
  }, "it to be announced");
  const crashes = () => (desk.node.status().host as Record<string, number>).crashes;
  meddle = async (subject, send) => {
    const answer = await send();
    if (!subject.startsWith("$JS.API.STREAM.MSG.GET.BW_test_LOG")) return answer;
    meddle = (_, others) => others();
    await Promise.all([late(of("c1"), "add", { n: 5 }), late(of("c1"), "crash")]);
    await desk.until(() => crashes() === 1, "the crash");
    return answer;
  };
  await desk.node.leaveLog();
  await desk.until(() => crashes() === 2, "the second attempt");
  await desk.until(async () => (await look("c1")) === 105, "it as it was before the crash");
});

it("folding again what leaves in the middle of it begins with a checkpoint instead", async () => {
  await start({ retention: { tailMs: 7 * DAY, logMs: 30 * DAY } });
  await add("open", 5);
  await add("open", 6);
  clock.advance(8 * DAY);
  const isCovered = async () => (await desk.node.records(of("open"))).length === 3;
  await desk.until(async () => {
    await desk.node.leaveLog();
    return isCovered();
  }, "a checkpoint");
  clock.advance(31 * DAY);
  await add("other", 1);
  const get = hold("$JS.API.DIRECT.GET.BW_test_LOG");
  const verified = desk.node.verify(of("open"));
  await get.begun;
  await leave(2);
  get.go();
  expect((await verified)!.same).toBe(true);
  expect(desk.warnings).toEqual([]);
});

it("records that are read while they leave are those from one place on, without a gap", async () => {
  await start({ retention: { tailMs: 7 * DAY, logMs: 30 * DAY } });
  for (let n = 0; n < 40; n++) await add("open", 1);
  clock.advance(31 * DAY);
  await add("other", 1);
  // The first window of records is there, the second one has left.
  let got = 0;
  meddle = async (subject, send) => {
    if (subject.startsWith("$JS.API.DIRECT.GET.BW_test_LOG") && ++got === 33) {
      meddle = (_, others) => others();
      await leave(33);
    }
    return send();
  };
  const records = await desk.node.records(of("open"));
  expect(got).toBe(33);
  const left = await first();
  for (const { seq } of records) expect(seq).toBeGreaterThanOrEqual(left);
});

it("what a gateway has under way when it hears what leaves is folded first", async () => {
  await start();
  await closed("c1");
  await add("c2", 100);
  clock.advance(31 * DAY);
  await add("c3", 1);
  const append = hold("bw.test.log.");
  const adding = add("c1", 5);
  await append.begun;
  const passes = (async () => {
    for (let n = 0; n < 3; n++) await desk.node.leaveLog();
  })();
  // As long as they would take, did they not wait.
  await Promise.race([passes, new Promise((resolve) => setTimeout(resolve, 500))]);
  append.go();
  await adding;
  await passes;
  await desk.until(async () => (await look("c1")) === 105, "it to be folded");
  expect(await desk.node.deadLetters.count()).toBe(0);
});

it("a gateway that starts after something was given up, and before it has left, refuses it", async () => {
  await start();
  await closed("c1");
  clock.advance(31 * DAY);
  await add("c2", 1);
  let tried = false;
  meddle = (subject, send) => {
    if (!subject.startsWith("$JS.API.STREAM.PURGE.BW_test_LOG")) return send();
    tried = true;
    return Promise.reject(new Error("not now"));
  };
  await desk.until(async () => {
    await desk.node.leaveLog().catch(() => {});
    return tried;
  }, "the floor");
  await desk.crash();
  await desk.up();
  expect(await first()).toBe(1);
  await expect(add("c1", 5)).rejects.toThrow(LeftLogError);
  await expect(look("c1")).rejects.toThrow(LeftLogError);
  expect(await add("c2", 1)).toMatchObject({ duplicate: false });
});

it("an id that is repeated counts once, also for a node that lost its disk when the first record was to leave", async () => {
  const stream = { duplicateWindowMs: 100 };
  await start({ stream, retention: { tailMs: 7 * DAY, logMs: 30 * DAY } });
  const id = newId();
  await desk.send(of("open"), "add", { n: 5 }, id);
  await desk.until(async () => (await look("open")) === 5, "it to be folded");
  // By a gateway that did not know it, after the server had forgotten it.
  clock.advance(29 * DAY);
  await desk.until(async () => !(await late(of("open"), "add", { n: 5 }, id)).duplicate, "the same again");
  await desk.until(
    () => (desk.node.status().host as Record<string, number>).duplicates === 1,
    "it not to count",
  );
  clock.advance(2 * DAY);
  for (let n = 0; n < 5; n++) await desk.node.leaveLog();
  await desk.crash();
  await rm(join(desk.dir, "engine"), { recursive: true });
  await desk.up();
  await add("open", 1);
  await desk.until(async () => Number(await look("open")) % 5 === 1, "it to be folded");
  expect(await look("open")).toBe(6);
  // Both leave together.
  clock.advance(31 * DAY);
  await leave(2);
});
