/** The stream is the memory, and each node's database a copy of it that may be lost. */
import { join } from "node:path";
import { Level } from "level";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { JsonObject } from "../../runtime/json.ts";
import { jetStreamApi } from "../../runtime/log/stream.ts";
import type { HandClock } from "../testing.ts";
import { DAY, fact, somethingOfEverything, summary, type TestNode, TwoNodes, turnsAt } from "./testing.ts";

let nodes: TwoNodes;
let clock: HandClock;
let one: TestNode;
let two: TestNode;

beforeEach(async () => {
  nodes = await TwoNodes.start();
  ({ clock, one, two } = nodes);
});
afterEach(() => nodes?.end());

const turns = (conversation: string, ...texts: string[]): JsonObject =>
  turnsAt(clock.now(), conversation, ...texts);
const textsAt = async (node: TestNode, more: JsonObject = {}): Promise<string[]> =>
  (await node.ask("recall", { customer: "ada", k: 100, ...more })).facts.map((each: any) => each.text);

it("what one node writes, every node has, and whoever asks with the sequence of it sees it", async () => {
  await one.open();
  await two.open({ waitMs: 5_000 });
  const { seq } = await one.ask("remember", fact("likes tea"));
  expect(seq).toBe(1);
  expect(await textsAt(two, { after: seq })).toEqual(["likes tea"]);
  const kept = await two.ask("turns", turns("c1", "my kettle leaks"));
  const said = await one.ask("said", { customer: "ada", text: "kettle", after: kept.seq });
  expect(said.said).toHaveLength(2);
  expect(said.stale).toBeUndefined();
  // What will never be there is not waited for without end.
  await two.memory.close();
  await two.open({ waitMs: 20 });
  expect(await two.ask("recall", { customer: "ada", after: 99 })).toMatchObject({ stale: true });
});

it("writes an ask that is repeated once, whichever node takes it", async () => {
  await one.open();
  await two.open();
  const first = await one.ask("remember", fact("likes tea"), "the key");
  expect(await one.ask("remember", fact("likes tea"), "the key")).toMatchObject({
    stored: false,
    id: first.id,
  });
  expect(await two.ask("remember", fact("likes tea"), "the key")).toMatchObject({
    stored: false,
    id: first.id,
  });
  expect((await one.state()).messages).toBe(1);
});

it("a lost database is folded again while readers are told that what they get may be old", async () => {
  await one.open();
  await somethingOfEverything(one, clock);
  const before = await one.contents();
  expect(Object.keys(before)).toHaveLength(3 + 3 + 2 + 1 + 1);
  await one.memory.close();
  one.lose();
  await one.open({ waitMs: 0 });
  const first = await one.ask("recall", { customer: "ada" });
  if (one.memory.progress!.rebuilding) expect(one.health).toMatchObject({ state: "degraded" });
  if (first.facts.length === 0) expect(first).toMatchObject({ stale: true });
  await one.caughtUp();
  expect(await one.contents()).toEqual(before);
  expect(one.memory.progress).toMatchObject({ rebuilding: false, unread: 0 });
  expect(one.health).toMatchObject({ state: "up", stream: { applied: 8, last: 8 } });
  // A reader who may wait gets it all at once.
  await one.memory.close();
  one.lose();
  await one.open({ waitMs: 10_000 });
  expect(await textsAt(one)).toEqual(["likes tea", "3 Oak Avenue"]);
});

it("goes on from its position after a restart, also where that is behind what it has", async () => {
  await one.open();
  await somethingOfEverything(one, clock);
  const before = await one.contents();
  await one.memory.close();
  const db = new Level<string, string>(join(one.dir, "memory"));
  const position = JSON.parse((await db.get("stream!position"))!);
  expect(position.seq).toBe(8);
  await db.put("stream!position", JSON.stringify({ created: position.created, seq: 2 }));
  await db.close();
  await one.open();
  await one.caughtUp();
  expect(await one.contents()).toEqual(before);
  expect(one.warnings).toEqual([]);
});

it("what has expired leaves the stream and every copy, and what it had closed stays closed", async () => {
  await one.open();
  await two.open();
  await one.ask("remember", fact("12 Elm Street", { type: "address" }));
  clock.time += DAY;
  await one.ask("remember", fact("the hotel", { type: "address", ttlMs: DAY }));
  await one.ask("remember", fact("held", { customer: "bob", ttlMs: DAY }));
  await one.ask("hold", { customer: "bob", reason: "case 17" });
  clock.time += DAY;
  const service = one.memory.services.find(({ name }) => name === "memory")!;
  await service.start!();
  await vi.waitFor(async () => expect(await one.state()).toMatchObject({ lastSeq: 5, messages: 4 }), {
    timeout: 10_000,
  });
  await service.stop!();
  for (const node of [one, two]) await node.caughtUp();
  const kept = await one.contents();
  expect(Object.keys(kept)).toHaveLength(3);
  expect(Object.values(kept).join()).not.toContain("the hotel");
  expect(Object.values(kept).join()).toContain('"held"');
  expect(await two.contents()).toEqual(kept);
  await one.memory.close();
  one.lose();
  await one.open();
  await one.caughtUp();
  expect(await one.contents()).toEqual(kept);
  expect(await textsAt(one)).toEqual([]);
});

it("what was said long ago, and facts of a type that is kept for a while, leave stream and copies", async () => {
  await one.open({}, { retention: { saidMs: 10 * DAY, factsMs: { note: 5 * DAY } } });
  await two.open();
  await one.ask("remember", fact("likes tea"));
  await one.ask("remember", fact("always by e-mail", { type: "preference" }));
  await one.ask("turns", turns("c1", "my kettle leaks", "thanks"));
  await one.ask("turns", { ...turns("c9", "held"), customer: "bob" });
  await one.ask("hold", { customer: "bob", reason: "case 17" });
  await one.ask("summarise", summary("c1", "A kettle.", { customer: "ada" }));
  await one.ask("summarise", summary("c1", "A leaking kettle.", { customer: "ada", by: "model" }));
  await one.ask("demote", { all: true });
  const listed = await one.ask("conversations", { customer: "ada" });
  expect(listed.conversations).toEqual([
    { conversation: "c1", at: expect.any(Number), summary: "A leaking kettle." },
  ]);
  clock.time += 6 * DAY;
  await one.ask("turns", turns("c2", "another thing"));
  clock.time += 5 * DAY;
  const service = one.memory.services.find(({ name }) => name === "memory")!;
  await service.start!();
  await vi.waitFor(async () => expect(await one.state()).toMatchObject({ lastSeq: 10, messages: 6 }), {
    timeout: 10_000,
  });
  await service.stop!();
  for (const node of [one, two]) await node.caughtUp();
  const kept = await one.contents();
  expect(Object.keys(kept).filter((place) => !place.startsWith("fact"))).toEqual([
    "turn c2 0",
    "turn c9 0",
    "known ada c2",
    "known bob c9",
    "hold bob",
  ]);
  expect(await textsAt(one)).toEqual(["always by e-mail"]);
  expect(await two.contents()).toEqual(kept);
  expect((await one.ask("said", { customer: "ada", text: "kettle" })).said).toEqual([]);
  expect((await one.ask("said", { customer: "ada", text: "thing" })).said).toHaveLength(2);
});

it("passes over what is no event, says so, and loses nothing of what comes after", async () => {
  await one.open();
  await one.ask("remember", fact("likes tea"));
  for (const foreign of [
    "",
    "{}",
    "\u0002\u0000\u0000\u0000{}",
    "a text of somebody who has no business here",
  ])
    await one.bus.request("bw.main.memory", Buffer.from(foreign));
  await one.ask("remember", fact("likes coffee"));
  expect((await textsAt(one)).sort()).toEqual(["likes coffee", "likes tea"]);
  expect(one.memory.progress).toMatchObject({ applied: 6, unread: 4 });
  expect(one.health).toMatchObject({ state: "degraded", stream: { unread: 4 } });
  expect(one.warnings.filter((warning) => warning.includes("can't be read"))).toHaveLength(4);
  await one.memory.close();
  await one.open();
  expect(one.memory.progress).toMatchObject({ applied: 6, unread: 4 });
});

it("passes over what can't be folded into a damaged copy, and mends that at the next start", async () => {
  await one.open();
  await one.ask("remember", fact("likes tea"));
  await one.ask("remember", fact("likes coffee", { customer: "bob" }));
  await one.memory.close();
  const db = new Level<string, string>(join(one.dir, "memory"));
  const [row] = await db.iterator({ gte: "fact!ada!", lt: 'fact!ada"' }).all();
  const stored = JSON.parse(row![1]);
  await db.put(row![0], JSON.stringify({ ...stored, sealed: `AAAA${stored.sealed.slice(4)}` }));
  await db.close();
  await one.open();
  await one.ask("remember", fact("likes cake"));
  await one.ask("remember", fact("likes pie", { customer: "bob" }));
  expect(one.memory.progress).toMatchObject({ applied: 4, unread: 1 });
  expect((await textsAt(one, { customer: "bob" })).sort()).toEqual(["likes coffee", "likes pie"]);
  await one.memory.close();
  await one.open();
  await one.caughtUp();
  expect(one.memory.progress).toMatchObject({ applied: 4, unread: 0 });
  expect((await textsAt(one)).sort()).toEqual(["likes cake", "likes tea"]);
});

it("what can't be opened for want of a key is read once the key is back", async () => {
  await one.open();
  await somethingOfEverything(one, clock);
  const before = await one.contents();
  await one.memory.close();
  one.lose();
  const entry = await one.bus.kv("BW_main_KEYS").then(async (kv) => {
    const keys = (await kv.keys()).filter((each) => each.includes("ada"));
    const entries = await Promise.all(keys.map((each) => kv.get(each)));
    for (const each of keys) await kv.purge(each);
    return { kv, entries };
  });
  one.keys.close();
  const other = await nodes.another();
  try {
    await other.open();
    await other.caughtUp();
    expect(other.memory.progress!.unread).toBe(5);
    expect(other.warnings.join()).toContain("can't be read");
    await other.memory.close();
    for (const each of entry.entries) await entry.kv.put(each!.key, each!.value);
    await other.open();
    await other.caughtUp();
    expect(other.memory.progress!.unread).toBe(0);
    expect(await other.contents()).toEqual(before);
  } finally {
    await other.end();
  }
});

it("takes up the memory of a release before the stream", async () => {
  await one.open("none");
  await somethingOfEverything(one, clock);
  const before = await one.contents();
  await one.memory.close();
  await one.open();
  await one.caughtUp();
  const lines = ({ ...all }: Record<string, string>) =>
    Object.fromEntries(
      Object.entries(all).map(([place, line]) => [place, line.replace(/"seqs?":(\d+|\[\d+\]),?/, "")]),
    );
  expect(lines(await one.contents())).toEqual(lines(before));
  expect(one.warnings).toContain("memory that is not in the stream is written to it");
  await two.open();
  await two.caughtUp();
  expect(await two.contents()).toEqual(await one.contents());
});

it("gives a stream that was lost all that its copy still has", async () => {
  await one.open();
  await somethingOfEverything(one, clock);
  const before = await one.contents();
  await one.memory.close();
  await jetStreamApi(one.bus, "STREAM.DELETE.BW_main_MEMORY", undefined);
  await one.open();
  await one.caughtUp();
  await two.open();
  await two.caughtUp();
  expect(await two.contents()).toEqual(await one.contents());
  expect(Object.keys(await two.contents())).toEqual(Object.keys(before));
  // A copy of another stream than the one that counts is folded anew.
  await two.memory.close();
  await jetStreamApi(one.bus, "STREAM.DELETE.BW_main_MEMORY", undefined);
  await one.memory.close();
  one.lose();
  await one.open();
  await one.ask("remember", fact("a new beginning"));
  await two.open();
  await two.caughtUp();
  expect(await textsAt(two)).toEqual(["a new beginning"]);
});

it("a disk that takes nothing for a while holds it up, and no event is lost", async () => {
  await one.open({ waitMs: 20 });
  await one.ask("remember", fact("before"));
  const batch = vi.spyOn(Level.prototype, "batch").mockImplementation(() => {
    throw Object.assign(new Error("IO error: No space left on device"), { code: "LEVEL_IO_ERROR" });
  });
  try {
    expect(await one.ask("remember", fact("meanwhile"))).toMatchObject({ stored: true, pending: true });
    await vi.waitFor(() => expect(one.memory.progress!.trouble).toContain("No space left"), {
      timeout: 5_000,
    });
    expect(one.health.state).toBe("degraded");
    expect(await one.ask("recall", { customer: "ada", after: 2 })).toMatchObject({ stale: true });
  } finally {
    batch.mockRestore();
  }
  await one.caughtUp();
  expect((await textsAt(one)).sort()).toEqual(["before", "meanwhile"]);
  expect(one.memory.progress!.trouble).toBeUndefined();
});

it("tells of turns that are too large for one message, and splits what is large together", async () => {
  await one.open();
  const big = "x".repeat(100_000);
  const many = turns("c1", ...Array.from({ length: 20 }, (_, i) => `${i} ${big}`));
  expect(await one.ask("turns", many)).toMatchObject({ stored: true });
  expect((await one.state()).messages).toBe(20);
  const huge = turns("c2", "y".repeat(2_000_000));
  await expect(one.ask("turns", huge)).rejects.toMatchObject({
    code: "invalid",
    message: expect.stringContaining("max_payload"),
  });
});
