/** Coming back when records have left: lost disks, other versions, checkpoints that come late, actors that can't come back. */
import { mkdtempSync, rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Level } from "level";
import { afterEach, expect, it } from "vitest";
import { type Address, address, partitionOf } from "./address.ts";
import { ShiftedClock } from "./clock.ts";
import { dropSnapshots } from "./host/cell-store.ts";
import type { ActorDefinition } from "./host/definition.ts";
import { setup } from "./host/machine.ts";
import { Needs } from "./host/needs.ts";
import { channel, counter } from "./host/test-machines.ts";
import { TestDesk, type TestNodeOptions } from "./host/testing.ts";
import { CHECKPOINT } from "./log/checkpoint.ts";
import { streamState } from "./log/stream.ts";

/** Closed from a total of 100 on. */
const closing: ActorDefinition = { ...counter, closed: (context) => context.total >= 100 };
const later = [{ ...closing, version: 2 }, channel];
const broken = setup({}).createMachine({
  context: () => {
    throw new Error("this machine does not begin");
  },
});
const DAY = 24 * 3_600_000;

let desk: TestDesk;
let running = false;
let clock: ShiftedClock;
afterEach(async () => {
  if (running) await desk.stop();
  running = false;
});

async function start(options: Partial<TestNodeOptions> = {}): Promise<void> {
  clock = new ShiftedClock();
  desk = await TestDesk.start({
    definitions: [closing, channel],
    clock,
    host: { snapshotEveryMs: 20, verifyEvery: 0 },
    retention: { tailMs: 7 * DAY, logMs: 30 * DAY },
    ...options,
  });
  running = true;
}

const of = (id: string): Address => address("counter", id);
const first = async (): Promise<number> => (await streamState(desk.bus, "BW_test_LOG")).firstSeq;
const add = (id: string, n: number) => desk.send(of(id), "add", { n });
const checkpointsOf = async (id: string) =>
  (await desk.node.records(of(id))).filter(({ type }) => type === CHECKPOINT);

/** Total of an actor, or the name of what it says instead. */
const look = (id: string): Promise<unknown> =>
  desk.node.read(of(id)).then(
    (view) => view?.view.total,
    (error: Error) => error.name,
  );

async function added(id: string, n: number, sum = n): Promise<void> {
  await add(id, n);
  await desk.until(async () => (await look(id)) === sum, `${id} at ${sum}`);
}

/** Time passes until the log begins later than it did. */
async function leave(days = 31): Promise<void> {
  const before = await first();
  clock.advance(days * DAY);
  await desk.until(async () => {
    await desk.node.leaveLog();
    return (await first()) > before;
  }, "records to leave");
}

/** What an actor was before it is kept as a checkpoint alone. */
async function onlyCheckpoint(): Promise<void> {
  await start();
  await added("open", 5);
  await leave();
  expect(await checkpointsOf("open")).toHaveLength(1);
  await desk.crash();
}

it("a release with another version on an empty disk says so, instead of beginning actors anew", async () => {
  await onlyCheckpoint();
  await rm(join(desk.dir, "engine"), { recursive: true });
  await desk.up({ definitions: later });
  expect(await look("open")).toBe("UnknownVersionError");
  // The release before has it as it was.
  await desk.crash();
  await desk.up({ definitions: [closing, channel] });
  expect(await look("open")).toBe(5);
});

it("an open actor whose first record was given up has not left", async () => {
  await start({ retention: { tailMs: 90 * DAY, logMs: 30 * DAY } });
  await add("closed", 100);
  await desk.until(async () => (await checkpointsOf("closed")).length > 0, "a checkpoint");
  await desk.send(of("open"), "crash");
  await added("open", 5);
  await leave();
  await desk.crash();
  await dropSnapshots(join(desk.dir, "engine"));
  await desk.up();
  expect(await look("open")).toBe(5);
});

it("an actor of which nothing is left but that it was there holds nothing", async () => {
  await start();
  await added("open", 5);
  await desk.node.stop();
  await desk.bus.close();
  const row = `b!${String(partitionOf("open", 4)).padStart(4, "0")}!counter/open/open`;
  expect(await desk.stored(row)).toBe("1");
  // In the next release its machine can't even begin: all that it has is given up.
  await dropSnapshots(join(desk.dir, "engine"));
  await desk.up({ definitions: [{ ...closing, machine: broken }, channel] });
  expect(await look("open")).toBeUndefined();
  await leave();
  await desk.node.stop();
  await desk.bus.close();
  expect(await desk.stored(row)).toBeUndefined();
  await desk.up();
});

it("an actor that can't be woken holds up nobody else", async () => {
  const service = { name: "test", operations: { echo: () => new Promise<never>(() => {}) } };
  await start({ services: [service] });
  await added("open", 5);
  await leave();
  await desk.send(of("open"), "ask");
  await desk.until(() => (desk.node.status().host as Record<string, number>).asks === 1, "the ask");
  // For its row to be written: what is not on disk is not woken.
  await new Promise((resolve) => setTimeout(resolve, 200));
  await desk.crash();
  await desk.up({ definitions: later });
  await added("another", 1);
  expect(desk.warnings.some(({ message }) => message === "an actor is not woken")).toBe(true);
});

it("a row that is on its way to disk when somebody begins to look for the lowest is seen", async () => {
  const dir = mkdtempSync(join(tmpdir(), "bw-needs-"));
  const db = new Level<string, string>(dir);
  try {
    await db.open();
    const needs = new Needs(db, () => 0);
    for (let n = 0; n < 100; n++) {
      const to = of(`x${n}`);
      const written = db.batch([needs.row(to, 10)]);
      const lowest = await needs.lowest(0, 1);
      await written;
      needs.written(to, 10);
      expect(lowest.take()).toBe(10);
      await db.clear();
    }
  } finally {
    await db.close();
    rmSync(dir, { recursive: true });
  }
});
