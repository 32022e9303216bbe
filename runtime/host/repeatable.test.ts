/** What is repeatable is one record: asked at once, and asked again for as long as no answer is in the log. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { address } from "../address.ts";
import { askedAt, askedIn } from "./calls.ts";
import type { Service } from "./service.ts";
import { channel, counter } from "./test-machines.ts";
import { meddled, TestDesk } from "./testing.ts";

const c1 = address("counter", "c1");
let desk: TestDesk;
afterEach(() => desk?.stop());

const answers = async (): Promise<unknown[]> => {
  const view = (await desk.node.read(c1))?.view;
  return Array.isArray(view?.answers) ? view.answers : [];
};

it("what is repeatable is asked without a record; anything else waits until its ask is acknowledged", async () => {
  const called: string[] = [];
  const service: Service = {
    name: "test",
    repeatable: ["look"],
    operations: {
      look: async () => {
        called.push("look");
        return { seen: true };
      },
      change: async () => {
        called.push("change");
        return { changed: true };
      },
    },
  };
  let asks = 0;
  let acknowledge!: () => void;
  const held = new Promise<void>((resolve) => {
    acknowledge = resolve;
  });
  desk = await TestDesk.start({
    definitions: [counter, channel],
    services: [service],
    trouble: (bus) =>
      meddled(bus, async (_subject, send, headers) => {
        const sent = await send();
        if (headers["Bw-To"]?.startsWith("service/")) {
          asks++;
          await held;
        }
        return sent;
      }),
  });
  await desk.send(c1, "ask", { operation: "change" });
  await desk.send(c1, "ask", { operation: "look", of: "the moon" });
  await desk.until(async () => asks === 1 && (await answers()).length === 1);
  expect(called).toEqual(["look"]);
  acknowledge();
  await desk.until(async () => (await answers()).length === 2);
  expect(called).toEqual(["look", "change"]);

  const records = await desk.node.recordsOfKey("c1");
  expect(records.map((r) => r.type)).toEqual(["ask", "ask", "host.ask", "host.answer", "host.answer"]);
  const read = records.find((r) => askedAt(r) !== undefined)!;
  // All that a trace, a metric or a replay needs of it is in its answer.
  expect(askedIn(read)).toMatchObject({ service: "test", operation: "look" });
  expect(read.data).toEqual({ value: { seen: true }, input: { operation: "look", of: "the moon" } });
  expect(read.cause).toBe(records[1]!.id);
  expect(askedAt(read)).toBeGreaterThanOrEqual(records[1]!.at);
  expect(askedAt(read)).toBeLessThanOrEqual(read.at);
});

/** Hangs at first; answers once the desk has been started again. */
const slow = (called: unknown[], hangs: () => boolean): Service => ({
  name: "test",
  repeatable: ["look"],
  operations: {
    look: async (input, { idempotencyKey }) => {
      called.push([idempotencyKey, input]);
      return hangs() ? new Promise(() => {}) : { seen: input.of! };
    },
  },
});

it.each(["a crash, without a snapshot", "a stop, from the snapshot"])(
  "is asked again after %s, with the same input under the same key",
  async (end) => {
    const called: unknown[] = [];
    let hangs = true;
    const services = [slow(called, () => hangs)];
    const host = { snapshotEveryMs: 60_000 };
    desk = await TestDesk.start({ definitions: [counter, channel], services, host });
    await desk.send(c1, "ask", { operation: "look", of: "the moon", timeoutMs: 60_000 });
    await desk.until(() => called.length === 1);
    if (end.startsWith("a crash")) await desk.crash();
    else {
      await desk.node.stop();
      await desk.bus.close();
    }
    const written = await desk.stored(`s!counter/c1/c1`);
    expect(written !== undefined).toBe(end.startsWith("a stop"));
    hangs = false;
    await desk.up();
    await desk.until(async () => (await answers()).length === 1);
    expect(called).toHaveLength(2);
    expect(called[1]).toEqual(called[0]);
    expect((await desk.node.recordsOfKey("c1")).map((r) => r.type)).toEqual(["ask", "host.answer"]);
  },
);

it("is not asked again when its answer is in the log", async () => {
  const called: unknown[] = [];
  const services = [slow(called, () => false)];
  desk = await TestDesk.start({ definitions: [counter, channel], services });
  await desk.send(c1, "ask", { operation: "look", of: "the moon" });
  await desk.until(async () => (await answers()).length === 1);
  await desk.crash();
  // Without snapshots everything is folded again.
  rmSync(join(desk.dir, "engine"), { recursive: true });
  await desk.up();
  await desk.until(async () => (await answers()).length === 1);
  expect(called).toHaveLength(1);
  expect(await desk.node.recordsOfKey("c1")).toHaveLength(2);
});
