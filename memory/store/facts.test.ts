import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HandClock, LocalKeyRing } from "../testing.ts";
import { type MemoryDb, openDatabase } from "./database.ts";
import { FactStore, type NewFact } from "./facts.ts";
import { TurnStore } from "./turns.ts";

const DAY = 86_400_000;
let dir: string;
let db: MemoryDb;
let keys: LocalKeyRing;
let clock: HandClock;
let facts: FactStore;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "memory-"));
  db = await openDatabase(join(dir, "memory"));
  keys = new LocalKeyRing();
  clock = new HandClock(Date.UTC(2026, 0, 10));
  facts = new FactStore(db, keys, clock);
});
afterEach(async () => {
  await db.close();
  await rm(dir, { recursive: true });
});

const fact = (id: string, more: Partial<NewFact> = {}): NewFact => ({
  id,
  customer: "cust1",
  type: "preference",
  text: `prefers ${id}`,
  value: { item: id },
  source: { conversation: "conv1", messageId: "m1", at: clock.now() },
  ...more,
});
const reopen = async () => {
  await db.close();
  db = await openDatabase(join(dir, "memory"));
  facts = new FactStore(db, keys, clock);
};

describe("FactStore", () => {
  it("gives back what it was told, with its source, also after a restart", async () => {
    const vector = { model: "m@1", data: Float32Array.of(0.5, -0.25, 1) };
    await facts.remember(fact("blue", { vector, confidence: 0.8 }));
    await reopen();
    expect(await facts.current("cust1")).toEqual([
      expect.objectContaining({
        id: "blue",
        text: "prefers blue",
        value: { item: "blue" },
        source: { conversation: "conv1", messageId: "m1", at: clock.now() },
        confidence: 0.8,
        vector,
      }),
    ]);
    expect(await facts.current("somebody else")).toEqual([]);
  });

  it("writes once per id, and the same thing once", async () => {
    expect(await facts.remember(fact("blue"))).toMatchObject({ stored: true });
    expect(await facts.remember(fact("blue", { text: "other" }))).toMatchObject({
      stored: false,
      reason: "known",
    });
    const again = await facts.remember(fact("another id", { text: "prefers blue", value: { item: "blue" } }));
    expect(again).toMatchObject({ stored: false, reason: "known", fact: { id: "blue" } });
    expect(await facts.all("cust1")).toHaveLength(1);
  });

  it("keeps one when the same is told twice at once", async () => {
    await Promise.all([
      facts.remember(fact("blue")),
      facts.remember(fact("blue")),
      facts.remember(fact("red")),
    ]);
    expect(await facts.all("cust1")).toHaveLength(2);
  });

  it("closes the old value where there can be one only, and still knows what held when", async () => {
    const first = clock.now();
    await facts.remember(fact("a", { type: "address", text: "12 Elm Street" }));
    clock.time += 10 * DAY;
    const second = clock.now();
    await facts.remember(fact("b", { type: "address", text: "3 Oak Avenue" }));
    clock.time += DAY;
    const texts = async (times = {}) => (await facts.current("cust1", times)).map(({ text }) => text);
    expect(await texts()).toEqual(["3 Oak Avenue"]);
    // What held then, as known now; and what was held to be true then.
    expect(await texts({ asOf: first + DAY })).toEqual(["12 Elm Street"]);
    expect(await texts({ asOf: clock.now(), knownAt: second - 1 })).toEqual(["12 Elm Street"]);
    const [, old] = await facts.all("cust1");
    expect(old).toMatchObject({ validTo: second, supersededBy: "b", supersededAt: second });
  });

  it("lets other facts stand side by side", async () => {
    await facts.remember(fact("blue"));
    await facts.remember(fact("red"));
    expect((await facts.current("cust1")).map(({ id }) => id).sort()).toEqual(["blue", "red"]);
  });

  it("forgets in time", async () => {
    await facts.remember(fact("short", { ttlMs: DAY }));
    await facts.remember(fact("long"));
    clock.time += DAY;
    expect((await facts.all("cust1")).map(({ id }) => id)).toEqual(["long"]);
    const due = async () => {
      const found = [];
      for await (const each of facts.due()) found.push(each);
      return found;
    };
    const [one, ...others] = await due();
    expect(others).toEqual([]);
    await facts.expire(one!.customer, one!.fact);
    expect(await due()).toEqual([]);
    expect(await db.keys().all()).toEqual(["fact!cust1!long"]);
  });

  it("leaves nothing readable on disk", async () => {
    await facts.remember(fact("x", { text: "lives in Zanzibarstrasse", value: "Zanzibarstrasse" }));
    await new TurnStore(db, keys).add([
      {
        conversation: "c",
        turn: 1,
        at: 1,
        text: "Zanzibarstrasse",
        reply: "ok",
      },
    ]);
    await db.close();
    for (const file of await readdir(join(dir, "memory"))) {
      expect((await readFile(join(dir, "memory", file))).includes("Zanzibar"), file).toBe(false);
    }
    await reopen();
  });

  it("knows nothing any more once the key is destroyed, and learns nothing new", async () => {
    await facts.remember(fact("blue"));
    await keys.destroy("cust1");
    expect(await facts.all("cust1")).toEqual([]);
    expect(await facts.remember(fact("red"))).toEqual({ stored: false, reason: "erased" });
    expect(await facts.forget("cust1")).toBe(1);
    expect(await db.keys().all()).toEqual([]);
  });

  it("notices a value that was moved to another customer", async () => {
    await facts.remember(fact("blue"));
    await facts.remember(fact("red", { customer: "cust2" }));
    await db.put("fact!cust2!red", (await db.get("fact!cust1!blue"))!);
    await reopen();
    await expect(facts.all("cust2")).rejects.toThrow(/changed, or belongs to another/);
  });
});

describe("TurnStore", () => {
  it("keeps turns in order, by conversation and customer", async () => {
    const turns = new TurnStore(db, keys);
    for (const turn of [1, 10, 2]) {
      const customer = turn > 1 ? "cust1" : undefined;
      await turns.add([
        { conversation: "c1", turn, at: turn, customer, text: `q${turn}`, reply: `a${turn}` },
      ]);
    }
    await turns.add([{ conversation: "c1", turn: 2, at: 2, customer: "cust1", text: "q2", reply: "a2" }]);
    expect((await turns.of("c1")).map(({ text }) => text)).toEqual(["q1", "q2", "q10"]);
    expect(await turns.conversationsOf("cust1")).toEqual(["c1"]);
    expect(await turns.forget("cust1")).toEqual({ conversations: 1, turns: 3 });
    expect(await turns.of("c1")).toEqual([]);
  });

  it("is refused to a second process", async () => {
    await expect(openDatabase(join(dir, "memory"))).rejects.toThrow(/in use by another process/);
  });
});
