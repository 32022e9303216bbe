/** Large bodies leave with the records that refer to them, and not before. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { type Address, address } from "./address.ts";
import { subjectsOf } from "./bus/index.ts";
import { ShiftedClock } from "./clock.ts";
import type { ActorDefinition } from "./host/definition.ts";
import { channel, counter } from "./host/test-machines.ts";
import { TestDesk } from "./host/testing.ts";
import { streamState, subjectsIn } from "./log/stream.ts";

const names = subjectsOf("test");
/** Closed from a total of 100 on. */
const closing: ActorDefinition = { ...counter, closed: (context) => context.total >= 100 };
const DAY = 24 * 3_600_000;
const text = "x".repeat(100_000);
const c1 = address("counter", "c1");

let desk: TestDesk;
afterEach(() => desk.stop());

const add = (to = c1, n = 1) => desk.send(to, "add", { n, text });
const folded = (total: number, to = c1) =>
  desk.until(async () => (await desk.node.read(to))?.view.total === total, `${to.id} at ${total}`);
const stored = () => subjectsIn(desk.bus, names.bodiesStream, names.bodyAll);
const emptyDisk = () => rm(join(desk.dir, "engine"), { recursive: true });

describe("where records leave the log", () => {
  let clock: ShiftedClock;
  /** Passes until nothing more changes: a checkpoint counts once it was read back. */
  async function leave(): Promise<void> {
    for (let n = 0; n < 6; n++) {
      await desk.node.leaveLog();
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
  }
  async function startLeaving(): Promise<void> {
    clock = new ShiftedClock();
    desk = await TestDesk.start({
      definitions: [closing, channel],
      clock,
      host: { snapshotEveryMs: 20, verifyEvery: 0 },
      retention: { tailMs: 90 * DAY, logMs: 30 * DAY, settleMs: 0 },
    });
  }
  const checkpointed = (to: Address) =>
    desk.until(
      async () => (await desk.node.records(to)).some(({ type }) => type === "host.checkpoint"),
      `the checkpoint of ${to.id}`,
    );

  it("their bodies leave with them, and those of open actors stay", async () => {
    await startLeaving();
    const open = address("counter", "open");
    await add(c1, 100);
    await checkpointed(c1);
    await leave();
    await add(open);
    await folded(1, open);
    clock.advance(31 * DAY);
    const young = address("counter", "young");
    await desk.send(young, "add", { n: 100 });
    await checkpointed(young);
    await leave();
    expect((await stored()).map((subject) => subject.split(".").at(-2))).toEqual(["open"]);
    await desk.crash();
    await emptyDisk();
    await desk.up();
    await folded(1, open);
    expect((await desk.node.verify(open))!.same).toBe(true);
    // Once it has closed, too.
    await add(open, 100);
    await checkpointed(open);
    await leave();
    clock.advance(31 * DAY);
    await desk.send(address("counter", "younger"), "add");
    await leave();
    expect(await stored()).toEqual([]);
  });

  it("a dead letter keeps its body", async () => {
    await startLeaving();
    const { seq } = await desk.send(c1, "crash", { text });
    await desk.send(c1, "add", { n: 100 });
    await checkpointed(c1);
    await leave();
    clock.advance(31 * DAY);
    await desk.send(address("counter", "young"), "add");
    await leave();
    expect((await streamState(desk.bus, names.logStream)).firstSeq).toBe(seq);
    expect(await stored()).toHaveLength(1);
    const [letter] = await desk.node.deadLetters.list();
    await desk.node.deadLetters.drop(letter!.number);
    await leave();
    expect(await stored()).toHaveLength(0);
  });
});
