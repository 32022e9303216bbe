/** L4: the fold begins with the actor's last checkpoint, which a closed actor gets before it leaves memory. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { address, partitionOf } from "../address.ts";
import { subjectsOf } from "../bus/index.ts";
import type { StoredRecord } from "../envelope.ts";
import { derivedId, newId } from "../ids.ts";
import { Appender } from "../log/appender.ts";
import { Bodies } from "../log/bodies.ts";
import { CHECKPOINT } from "../log/checkpoint.ts";
import { purge } from "../log/stream.ts";
import type { ActorDefinition } from "./definition.ts";
import { channel, counter } from "./test-machines.ts";
import { meddled, TestDesk } from "./testing.ts";
import { foldSteps, verifyFolds } from "./verification.ts";

/** Closed from a total of 100 on; a later sum may open it again. */
const closing: ActorDefinition = { ...counter, closed: (context) => context.total >= 100 };
const definitions = [closing, channel];
/** Long enough for nothing to leave by itself. */
const retention = { logMs: 30 * 24 * 3_600_000 };
const to = address("counter", "c1");
const other = address("counter", "c2");

let desk: TestDesk | undefined;
afterEach(async () => {
  await desk?.stop();
  desk = undefined;
});

const host = { passivateAfterMs: 100, snapshotEveryMs: 20, verifyEvery: 1 };
const records = () => desk!.node.records(to);
const checkpoints = async () => (await records()).filter(({ type }) => type === CHECKPOINT);
const status = () => desk!.node.status().host as Record<string, number>;

async function closed(): Promise<StoredRecord> {
  await desk!.send(to, "add", { n: 60 });
  await desk!.send(to, "add", { n: 40 });
  const checkpoint = await desk!.until(async () => (await checkpoints())[0], "a checkpoint");
  await desk!.until(() => status().cells === 0, "everybody to have left memory");
  return checkpoint;
}

it("a closed actor gets one checkpoint, which says what it covers and opens only with its key", async () => {
  desk = await TestDesk.start({ definitions, host, retention });
  const checkpoint = await closed();
  const [first, last] = await records();
  expect(checkpoint.clear).toEqual({ covers: last!.seq, first: first!.seq, version: 1, anew: false });
  expect(checkpoint.id).toBe(derivedId("counter/c1/c1", "checkpoint", 1, last!.seq));
  expect(JSON.stringify(checkpoint.clear)).not.toContain("total");
  expect(await checkpoints()).toHaveLength(1);
  expect((await desk.node.read(to))?.view.total).toBe(100);
  // Reading it changed nothing that would have to be covered.
  await desk.until(() => status().cells === 0, "it to leave memory again");
  expect(await checkpoints()).toHaveLength(1);
  expect(status()).toMatchObject({ diverged: 0 });
});

it("what a closed actor still folds is covered by another one", async () => {
  desk = await TestDesk.start({ definitions, host, retention });
  await closed();
  await desk.send(to, "add", { n: 1 });
  await desk.until(async () => (await checkpoints()).length === 2, "a second checkpoint");
  expect((await desk.node.verify(to))!.same).toBe(true);
});

it("an actor comes back from its checkpoint alone, and goes on from there", async () => {
  desk = await TestDesk.start({ definitions, host, retention });
  const checkpoint = await closed();
  await purge(desk.bus, "BW_test_LOG", checkpoint.seq);
  await desk.crash();
  await rm(join(desk.dir, "engine"), { recursive: true });
  await desk.up();
  await desk.send(to, "add", { n: 5 });
  await desk.until(async () => (await desk!.node.read(to))?.view.total === 105, "the sum");
  expect((await desk.node.read(to))?.seq).toBeGreaterThan(checkpoint.seq);
  expect((await desk.node.verify(to))!.same).toBe(true);
});

it("a checkpoint whose append was not acknowledged is in the log once", async () => {
  let lost = 0;
  desk = await TestDesk.start({
    definitions,
    host,
    retention,
    trouble: (bus) =>
      meddled(bus, async (_, send, headers) => {
        const answer = await send();
        if (headers["Bw-Covers"] !== undefined && lost++ === 0) throw new Error("no answer");
        return answer;
      }),
  });
  await closed();
  expect(lost).toBeGreaterThan(1);
  expect(await checkpoints()).toHaveLength(1);
});

it("what comes between a state and the place of its checkpoint is folded on top of it, and needed", async () => {
  let seen = 0;
  desk = await TestDesk.start({
    definitions,
    host,
    retention,
    trouble: (bus) =>
      meddled(bus, async (_, send, headers) => {
        if (headers["Bw-Covers"] === undefined) return send();
        if (++seen > 1) throw new Error("no second checkpoint");
        await desk!.send(to, "add", { n: 5 });
        return send();
      }),
  });
  await desk.send(to, "add", { n: 100 });
  const checkpoint = await desk.until(async () => (await checkpoints())[0], "a checkpoint");
  const covers = Number(checkpoint.clear.covers);
  const between = (await records()).find(({ seq }) => seq > covers && seq < checkpoint.seq);
  expect(between).toMatchObject({ type: "add", data: { n: 5 } });
  const isWritten = async () => seen > 1 && status().unacknowledged === 0;
  await desk.until(isWritten, "it to be read back");
  await desk.crash();
  const row = `b!${String(partitionOf(to.key, 4)).padStart(4, "0")}!counter/c1/c1`;
  expect(await desk.stored(row)).toBe(String(covers + 1));
  await rm(join(desk.dir, "engine"), { recursive: true });
  await desk.up({ trouble: undefined });
  expect((await desk.node.read(to))?.view.total).toBe(105);
  expect((await desk.node.verify(to))!.same).toBe(true);
});

it("an actor that waits for an answer gets its checkpoint when it has it", async () => {
  let answer = (): void => {};
  const service = {
    name: "test",
    operations: {
      echo: () =>
        new Promise<{ n: number }>((resolve) => {
          answer = () => resolve({ n: 1 });
        }),
    },
  };
  desk = await TestDesk.start({ retention, definitions, host, services: [service as never] });
  await desk.send(to, "ask");
  await desk.send(to, "add", { n: 100 });
  await desk.until(() => status().asks === 1, "the ask");
  // It has closed, and would have had its checkpoint by now.
  await desk.send(other, "add", { n: 100 });
  await desk.until(async () => (await desk!.node.records(other)).length === 2, "another one's checkpoint");
  expect(await checkpoints()).toEqual([]);
  answer();
  const checkpoint = await desk.until(async () => (await checkpoints())[0], "its checkpoint");
  const { state } = checkpoint.data as { state: { asks: unknown[]; machine: unknown } };
  expect(state.asks).toEqual([]);
  expect(JSON.stringify(state.machine)).toContain('"answers":[{"n":1}]');
});

it("folds of records begin with the last checkpoint where the first record is not there any more", async () => {
  desk = await TestDesk.start({ definitions, host, retention });
  await closed();
  await desk.send(to, "add", { n: 7 });
  await desk.until(async () => (await checkpoints()).length === 2, "a second checkpoint");
  const all = await records();
  const whole = [...foldSteps(closing, to, all)];
  const rest = all.slice(1);
  expect([...foldSteps(closing, to, rest)].at(-1)!.state).toBe(whole.at(-1)!.state);
  expect(verifyFolds(closing, to, rest, 2).diverged).toEqual([]);
  // Only the last checkpoint is left: it alone says what the actor is.
  expect([...foldSteps(closing, to, all.slice(-1))].map(({ state }) => state)).toEqual([whole.at(-1)!.state]);
});

it.each([
  ["the server takes no message that large", { stream: { maxRecordBytes: 64 * 1024 } }],
  ["no message can hold it", {}],
])(
  "a state is too large for a checkpoint where %s: said once, and the actor keeps its records",
  async (_, more) => {
    // Two of them lie in the log itself, and are above what it takes.
    const bytes = "stream" in more ? 25_000 : 700_000;
    const large: ActorDefinition = { ...closing, closed: (context) => context.answers.length === 2 };
    const echo = { name: "test", operations: { echo: async () => ({ text: "x".repeat(bytes) }) } };
    desk = await TestDesk.start({
      definitions: [large, channel],
      host,
      retention: { logMs: 1, tailMs: 1 },
      services: [echo],
      ...more,
    });
    await desk.send(to, "ask");
    await desk.send(to, "ask");
    await desk.until(() => status().cells === 0, "it to leave memory");
    // Each pass would have it tried again.
    for (let n = 0; n < 3; n++) await desk.node.leaveLog();
    await desk.until(() => status().cells === 0, "it to leave memory again");
    expect(await checkpoints()).toEqual([]);
    expect((await desk.node.logState()).firstSeq).toBe(1);
    expect((await desk.node.read(to))?.view.answers).toHaveLength(2);
    expect(await desk.node.deadLetters.count()).toBe(0);
    expect(
      desk.warnings.filter(({ message }) => message.includes("too large for a checkpoint")),
    ).toHaveLength(1);
  },
);

it("a checkpoint that lands behind a later one changes nothing", async () => {
  desk = await TestDesk.start({ definitions, host, retention });
  const early = await closed();
  await desk.send(to, "add", { n: 1 });
  await desk.until(async () => (await checkpoints()).length === 2, "the closing checkpoint");
  await desk.until(() => status().cells === 0, "it to leave memory");
  // As an owner writes it that stood still in the middle of it.
  const appender = new Appender(desk.bus, desk.keys, {
    bodies: new Bodies(desk.bus, subjectsOf("test")),
    subject: subjectsOf("test").log,
    partitions: 4,
  });
  const late = { ...early, id: newId(), correlation: undefined, epoch: 0 };
  const { seq } = await appender.append(late);
  await desk.until(async () => (await desk!.node.read(to))?.seq === seq, "it to be read");
  await desk.until(() => status().cells === 0, "it to leave memory again");
  // It was covered all the while.
  expect(await checkpoints()).toHaveLength(3);
  await desk.node.stop();
  await desk.bus.close();
  const row = `b!${String(partitionOf(to.key, 4)).padStart(4, "0")}!counter/c1/c1`;
  expect(await desk.stored(row)).toBeUndefined();
  await rm(join(desk.dir, "engine"), { recursive: true });
  await desk.up();
  expect((await desk.node.read(to))?.view.total).toBe(101);
  expect((await desk.node.verify(to))!.same).toBe(true);
});
