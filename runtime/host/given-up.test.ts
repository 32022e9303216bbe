/** Records that are given up on, and data subjects that are erased: decisions that everything later obeys. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { address, partitionOf } from "../address.ts";
import { ShiftedClock } from "../clock.ts";
import { newId } from "../ids.ts";
import { dropSnapshots } from "./cell-store.ts";
import { counter as breaking, channel, counterMachine } from "./test-machines.ts";
import { TestDesk, type TestNodeOptions } from "./testing.ts";

const c1 = address("counter", "c1");
/** The same actor after somebody has mended it: what broke it counts now. */
const mended = { ...breaking, machine: counterMachine.provide({ actions: { explode: () => {} } }) };
let desk: TestDesk;
afterEach(() => desk?.stop());

async function start(options: Partial<TestNodeOptions> = {}): Promise<void> {
  desk = await TestDesk.start({ definitions: [breaking, channel], ...options });
}
const view = async (to = c1): Promise<any> => (await desk.node.read(to))?.view;

describe("a quarantined record", () => {
  it("stays passed over when a later release could fold it", async () => {
    await start({ host: { snapshotEveryMs: 60_000 } });
    await desk.send(c1, "crash");
    await desk.send(c1, "add");
    await desk.until(async () => (await view())?.quarantined === 1);
    await desk.crash();
    await desk.up({ definitions: [mended, channel] });
    await desk.until(async () => (await view())?.quarantined === 1);
    expect(await view()).toMatchObject({ total: 1, exploded: 0 });
    expect(await desk.node.verify(c1)).toMatchObject({ same: true });
  });

  it("keeps its reason to itself: each letter has the reason of its own record, under its own key", async () => {
    await start({ policy: { maxAttempts: 2, backoffMs: () => 30 } });
    const others = Array.from({ length: 6 }, (_, i) => address("counter", `p${i}`));
    await Promise.all(others.map((to) => desk.send(to, "crash", { text: `of ${to.id}` })));
    await desk.until(async () => (await desk.node.deadLetters.count()) === others.length);
    for (const letter of await desk.node.deadLetters.list()) {
      expect(letter.reason).toBe(`this machine breaks on of ${letter.to!.split("/")[2]}`);
    }
    await desk.keys.destroy("p0");
    const erased = (await desk.node.deadLetters.list()).filter((l) => l.reason === "erased");
    expect(erased.map((l) => l.to)).toEqual(["counter/p0/p0"]);
  });

  it("can be one that was folded before: an actor whose machine was changed comes back without it", async () => {
    await start({ definitions: [mended, channel] });
    await desk.send(c1, "crash");
    for (let i = 0; i < 3; i++) await desk.send(c1, "add");
    await desk.until(async () => (await view())?.total === 3);
    await desk.node.stop();
    await desk.bus.close();
    await dropSnapshots(join(desk.dir, "engine"));
    await desk.up({ definitions: [breaking, channel] });
    await desk.until(async () => (await view())?.total === 3);
    await desk.until(async () => (await view())?.quarantined === 1);
    await desk.send(c1, "add");
    await desk.until(async () => (await view())?.total === 4);
  });
});

describe("what a foreign client writes", () => {
  const subject = `bw.test.log.${partitionOf("c1", 4)}`;
  const headers = (id: string, to = "counter/c1/c1") => ({ "Nats-Msg-Id": id, "Bw-To": to });

  it.each([
    ["no JSON under proper headers", "{", undefined],
    ["an envelope for somebody else than its headers say", undefined, { to: "counter/c2/c2" }],
    ["an envelope with another id than its headers say", undefined, { id: "another" }],
  ])("does an actor no harm: %s", async (_what, text, changed) => {
    await start();
    await desk.send(c1, "add");
    const first = await desk.bus.request("$JS.API.DIRECT.GET.BW_test_LOG", Buffer.from('{"seq":1}'));
    const envelope = { ...JSON.parse(Buffer.from(first.data).toString()), id: "forged", ...changed };
    desk.bus.publish(subject, Buffer.from(text ?? JSON.stringify(envelope)), { headers: headers("forged") });
    await desk.send(c1, "add");
    await desk.until(async () => (await desk.node.deadLetters.count()) === 1);
    await desk.until(async () => (await view())?.total === 2);
    // Neither live nor when it comes back from the log.
    await desk.crash();
    rmSync(join(desk.dir, "engine"), { recursive: true });
    await desk.up();
    await desk.until(async () => (await view())?.total === 2);
    expect(await desk.node.verify(c1)).toMatchObject({ same: true });
    expect(await desk.node.records(c1)).toHaveLength(2);
  });

  it("into a foreign partition is a dead letter: an actor has one owner", async () => {
    await start();
    await desk.send(c1, "add");
    const first = await desk.bus.request("$JS.API.DIRECT.GET.BW_test_LOG", Buffer.from('{"seq":1}'));
    const envelope = { ...JSON.parse(Buffer.from(first.data).toString()), id: "forged" };
    const elsewhere = `bw.test.log.${(partitionOf("c1", 4) + 1) % 4}`;
    desk.bus.publish(elsewhere, Buffer.from(JSON.stringify(envelope)));
    await desk.until(async () => (await desk.node.deadLetters.count()) === 1);
    expect((await view()).total).toBe(1);
  });

  it("may be as large as the server takes", async () => {
    await start();
    const size = desk.bus.maxPayload - 200;
    desk.bus.publish(subject, Buffer.alloc(size, 0x20), { headers: headers(newId()) });
    await desk.send(c1, "add");
    await desk.until(async () => (await view())?.total === 1);
    const [letter] = await desk.node.deadLetters.list();
    expect(letter).toMatchObject({ seq: 1 });
    expect((await desk.node.deadLetters.original(letter!.number))?.byteLength).toBe(size);
  });
});

describe("an erased data subject", () => {
  it("L12: is gone from memory at once, also while its actor is hot", async () => {
    await start();
    await desk.send(c1, "add");
    await desk.until(async () => (await view())?.total === 1);
    await desk.keys.destroy("c1");
    expect(await desk.node.read(c1)).toBeUndefined();
    expect(await desk.node.list("counter")).toEqual([]);
  });

  it("L12: leaves no timer that goes off and no dead letter", async () => {
    const clock = new ShiftedClock();
    await start({ clock });
    await desk.send(c1, "wait");
    await desk.until(async () => (await desk.node.read(c1))?.value === "waiting");
    await desk.keys.destroy("c1");
    await desk.node.stop();
    await desk.bus.close();
    await desk.up({ clock });
    const { messages } = await desk.node.logState();
    clock.advance(120_000);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect((await desk.node.logState()).messages).toBe(messages);
    expect(await desk.node.deadLetters.count()).toBe(0);
    expect(desk.node.status()).toMatchObject({ host: { timers: 0 } });
  });
});
