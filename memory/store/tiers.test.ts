/** Hot, warm, cold: what is found is the same in each, and nothing is left behind when a customer is erased. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { HandClock, LocalKeyRing } from "../testing.ts";
import { type MemoryDb, openDatabase, under } from "./database.ts";
import type { Said, Turn } from "./sayings.ts";
import { type TierOptions, Tiers } from "./tiers.ts";
import { TurnStore } from "./turns.ts";

const DAY = 24 * 3_600_000;

let dir: string;
let db: MemoryDb;
let keys: LocalKeyRing;
let clock: HandClock;
let turns: TurnStore;
let tiers: Tiers;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "bw-tiers-"));
  keys = new LocalKeyRing();
  clock = new HandClock(100 * DAY);
  await open();
});
afterEach(async () => {
  await db.close();
  rmSync(dir, { recursive: true, force: true });
});

async function open(options: TierOptions = {}): Promise<void> {
  db = await openDatabase(dir);
  turns = new TurnStore(db, keys);
  await turns.prepare();
  tiers = new Tiers(turns, keys, clock, options);
}

async function reopen(options: TierOptions = {}): Promise<void> {
  await db.close();
  await open(options);
}

const turn = (conversation: string, n: number, text: string, more: Partial<Turn> = {}): Turn => ({
  conversation,
  turn: n,
  at: clock.now() + n,
  customer: "ada",
  text,
  reply: `about ${text}`,
  ...more,
});

const count = async (what: string): Promise<number> =>
  (await db.keys({ gte: `${what}!`, lt: `${what}"` }).all()).length;

/** A vector that no rounding would leave as it is. */
function withVectors(said: readonly Said[]): Said[] {
  return said.map((each, i) => ({ ...each, vector: Float32Array.from([Math.PI * (i + 1), 1 / 3, -i / 7]) }));
}

/** Three conversations: one in which it was found out late who it is. */
async function fill(): Promise<readonly Said[]> {
  await tiers.add([
    turn("c1", 0, "my kettle leaks", { speaker: "Ada", messageId: "m1" }),
    turn("c1", 1, "it is red"),
  ]);
  await tiers.add([turn("c2", 0, "hello", { customer: undefined }), turn("c2", 1, "I am Ada")]);
  await tiers.add([turn("c3", 0, "bye", { reply: "" })]);
  await tiers.keepVectors("ada", "enc", withVectors(await tiers.saidBy("ada", "enc")));
  return tiers.saidBy("ada", "enc");
}

it("cold, everything is what it was when warm, vectors to the last bit, and after a restart", async () => {
  const warm = await fill();
  expect(warm.map(({ text }) => text)).toContain("I am Ada");
  expect(warm.every(({ vector }) => vector?.length === 3)).toBe(true);
  const before = await turns.of("c2");
  expect(await tiers.demoteAll()).toBe(3);
  for (const what of ["turn", "vector", "last"]) expect(await count(what), what).toBe(0);
  expect(await tiers.saidBy("ada", "enc")).toEqual(warm);
  expect(await turns.of("c2")).toEqual(before);
  await reopen();
  expect(await tiers.saidBy("ada", "enc")).toEqual(warm);
  // Of another encoder there are none.
  expect((await tiers.saidBy("ada", "other")).every(({ vector }) => vector === undefined)).toBe(true);
  expect(await tiers.report()).toMatchObject({
    hot: { customers: 1 },
    warm: { conversations: 0, reads: 0 },
    cold: { conversations: 3, reads: 6 },
  });
  expect(await tiers.demoteAll()).toBe(0);
});

it("nothing of it lies on the disk in clear", async () => {
  await fill();
  await tiers.demoteAll();
  await db.close();
  const files = readdirSync(dir).map((name) => readFileSync(join(dir, name)).toString("latin1"));
  expect(files.join("")).toContain("segment!");
  expect(files.join("")).not.toMatch(/kettle|I am Ada/);
  await open();
});

it("something said in a cold conversation makes it warm again, with all that it had", async () => {
  const warm = await fill();
  await tiers.demoteAll();
  await tiers.add([turn("c1", 2, "and it is hot")]);
  const after = await tiers.saidBy("ada", "enc");
  expect(after.filter(({ text }) => !text.includes("and it is hot"))).toEqual(warm);
  expect(after.filter(({ vector }) => !vector)).toHaveLength(2);
  expect(await tiers.report()).toMatchObject({ warm: { conversations: 1 }, cold: { conversations: 2 } });
});

it("is read whole although it changes its tier in the middle of that", async () => {
  const warm = await fill();
  const change: (() => Promise<unknown>)[] = [];
  /** What happens meanwhile has all the time that it takes, unless it waits for the read. */
  class Meddled extends LocalKeyRing {
    override async sealer(key: string) {
      const meanwhile = change.pop()?.();
      await Promise.race([meanwhile, new Promise((resolve) => meanwhile && setTimeout(resolve, 100))]);
      return keys.sealer(key);
    }
  }
  const read = new TurnStore(db, new Meddled());
  change.push(() => read.demote("c1"));
  expect(await read.of("c1")).toHaveLength(2);
  change.push(() => read.add([turn("c1", 1, "it is red")]));
  expect((await read.conversation("c1")).turns).toHaveLength(2);
  change.push(() => read.demote("c1"));
  const { turns: said, vectors } = await read.conversation("c1");
  expect(said).toHaveLength(2);
  expect(vectors).toHaveLength(4);
  expect((await tiers.saidBy("ada", "enc")).map(({ text }) => text)).toEqual(warm.map(({ text }) => text));
});

it("vectors of what is cold are kept beside it", async () => {
  await tiers.add([turn("c1", 0, "my kettle leaks")]);
  await tiers.demoteAll();
  const all = withVectors(await tiers.saidBy("ada", "enc"));
  await tiers.keepVectors("ada", "enc", all);
  await reopen();
  expect(await tiers.saidBy("ada", "enc")).toEqual(all);
  expect(await count("vector")).toBe(0);
});

it("what is replaced while it is cold has no vector of the words before", async () => {
  await fill();
  await tiers.demoteAll();
  await tiers.add([turn("c3", 0, "good night", { reply: "" })]);
  const found = (await tiers.saidBy("ada", "enc")).filter(({ conversation }) => conversation === "c3");
  expect(found).toMatchObject([{ text: "good night", vector: undefined }]);
});

it("becomes cold by age, and where there are too many, the oldest first", async () => {
  await reopen({ warmMs: 30 * DAY, warmConversations: 2 });
  for (const [n, days] of [0, 10, 50, 60, 70].entries())
    await tiers.add([turn(`c${n}`, 0, `after ${days}`, { at: days * DAY })]);
  clock.time = 80.5 * DAY;
  const warm = async (): Promise<string[]> => {
    const found: string[] = [];
    for await (const { conversation } of turns.warm()) found.push(conversation);
    return found;
  };
  // Two and the first of those after 50 days: more than two are left then.
  expect(await tiers.sweep()).toBe(3);
  expect(await warm()).toEqual(["c3", "c4"]);
  expect(await tiers.sweep()).toBe(0);
  expect((await tiers.saidBy("ada")).filter(({ by }) => by === "customer")).toHaveLength(5);
});

it("what was erased is gone from each tier, and is counted", async () => {
  await fill();
  await tiers.add([turn("d1", 0, "not Ada's", { customer: "bob" })]);
  await turns.demote("c1");
  await turns.demote("d1");
  expect((await tiers.saidBy("ada")).length).toBeGreaterThan(0);
  // Hot as it is: decided elsewhere.
  await keys.destroy("ada");
  expect((await tiers.saidBy("ada")).map(({ text }) => text)).toEqual(["hello", "about hello"]);
  await keys.destroy("c2");
  expect(await tiers.saidBy("ada")).toEqual([]);
  expect(await tiers.forget("ada")).toEqual({ conversations: 3, turns: 5 });
  const left = await db.keys().all();
  expect(left.filter((key) => /ada|c1|c2|c3/.test(key))).toEqual([]);
  expect((await tiers.saidBy("bob")).map(({ text }) => text)).toContain("not Ada's");
});

it("what is hot is what was said last", async () => {
  await fill();
  const { hot } = tiers.reads;
  const { reads } = hot;
  await tiers.saidBy("ada", "enc");
  expect(hot.reads).toBe(reads + 1);
  // By a conversation that is known to be hers, without her name.
  await tiers.add([turn("c1", 2, "one more thing", { customer: undefined })]);
  expect((await tiers.saidBy("ada", "enc")).map(({ text }) => text)).toContain("one more thing");
  // What comes while it is read does not stay out.
  const reading = tiers.saidBy("ada", "other");
  await tiers.add([turn("c1", 3, "and another")]);
  await reading;
  expect((await tiers.saidBy("ada", "other")).map(({ text }) => text)).toContain("and another");
});

it("holds no more in memory than it may", async () => {
  await reopen({ hotBytes: 1_000 });
  await tiers.add([turn("c1", 0, "x".repeat(2_000))]);
  await tiers.saidBy("ada");
  await tiers.saidBy("ada");
  expect(tiers.reads).toMatchObject({ hot: { reads: 0 }, warm: { reads: 2 } });
});

it("a memory of a release before knows what is warm", async () => {
  await fill();
  await db.clear(under("last"));
  await db.del("format!turns");
  await reopen();
  expect(await tiers.demoteAll()).toBe(3);
});
