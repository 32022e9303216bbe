/** Erasing a customer, on every node's copy and in the stream. */
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { fact, somethingOfEverything, type TestNode, TwoNodes } from "../stream/testing.ts";
import type { HandClock } from "../testing.ts";
import { EraseList } from "./erase-list.ts";

let nodes: TwoNodes;
let clock: HandClock;
let one: TestNode;
let two: TestNode;

beforeEach(async () => {
  nodes = await TwoNodes.start();
  ({ clock, one, two } = nodes);
});
afterEach(() => nodes?.end());

it("erasing deletes a customer at every node and from the stream, and nobody else", async () => {
  await one.open();
  await two.open();
  await somethingOfEverything(one, clock);
  await two.ask("remember", fact("likes coffee", { customer: "cleo" }));
  await two.caughtUp();
  await one.caughtUp();
  const receipt = await two.ask("erase", { customer: "ada" });
  expect(receipt).toMatchObject({ erased: true, facts: 3, turns: 2, conversations: 1, events: 5 });
  await one.caughtUp();
  for (const node of [one, two]) {
    const kept = await node.contents();
    expect(Object.keys(kept).map((place) => place.split(" ").slice(0, 2).join(" "))).toEqual([
      "fact cleo",
      "turn c0",
      "summary c0",
      "hold bob",
    ]);
  }
  // Left are: the erasing itself, what nobody was known in with its summary, the hold, and the other customer's fact.
  expect((await one.state()).messages).toBe(5);
  expect(await one.ask("remember", fact("back again"))).toEqual({ stored: false, reason: "erased" });
  await expect(one.ask("erase", { customer: "bob" })).rejects.toMatchObject({ code: "held" });
});

it("an erasure whose process ends in the middle is gone on with at the next start, and every copy comes to the same", async () => {
  await one.open();
  await somethingOfEverything(one, clock);
  // Said in the same conversation before it was known whose it is.
  await one.ask("turns", {
    conversation: "c1",
    turns: [{ turn: 7, at: clock.now(), text: "who is there?", reply: "" }],
  });
  const { keys } = one;
  const dying = vi.spyOn(keys, "destroy").mockImplementation(async (key) => {
    dying.mockRestore();
    await keys.destroy(key);
    throw new Error("as if killed");
  });
  await expect(one.ask("erase", { customer: "ada" }, "erasing")).rejects.toThrow("as if killed");
  await one.memory.close();
  expect((await one.state()).messages).toBe(9);

  await one.open();
  expect(await one.memory.finishErasures()).toBe(1);
  expect(await one.memory.finishErasures()).toBe(0);
  await two.open();
  await two.caughtUp();
  const left = await two.contents();
  expect(Object.keys(left)).toEqual(["turn c0 0", "summary c0", "hold bob"]);
  expect(await one.contents()).toEqual(left);
  // The erasing itself, what nobody was known in with its summary, the hold.
  expect((await one.state()).messages).toBe(4);
});

it("erases what was said in a conversation that a copy comes to know as the customer's when the key is gone", async () => {
  await two.open();
  const said = (turn: number, text: string) => ({
    conversation: "c9",
    turns: [{ turn, at: turn, text, reply: "" }],
  });
  await two.ask("turns", said(0, "it is about my knee"));
  await two.ask("turns", { ...said(1, "I am Ada"), customer: "ada" });
  expect(await two.memory.turns.of("c9")).toHaveLength(2);
  await two.keys.destroy("ada");
  await two.memory.close();
  await one.open();
  await one.caughtUp();
  expect(await one.memory.turns.of("c9")).toHaveLength(1);
  await one.ask("erase", { customer: "ada" });
  await two.open();
  await two.caughtUp();
  expect(await one.contents()).toEqual({});
  expect(await two.contents()).toEqual({});
  expect(await one.keys.isDestroyed("c9")).toBe(true);
});

it("each node has an erasure on its own list, also one that was away, and one whose list can't be written erases", async () => {
  const lists = [one, two].map(({ dir }) => new EraseList(join(dir, "erased.jsonl"), "main"));
  await one.open({}, { notes: lists[0]! });
  await somethingOfEverything(one, clock);
  await two.open({}, { notes: lists[1]! });
  await two.caughtUp();
  await two.memory.close();
  await one.ask("erase", { customer: "ada" });
  expect(lists.map((list) => list.count)).toEqual([1, 0]);
  await two.open({}, { notes: lists[1]! });
  await two.caughtUp();
  expect(lists[1]!.all()).toEqual([
    {
      workspace: "main",
      customer: "ada",
      conversations: lists[0]!.all()[0]!.conversations,
      at: new Date(clock.time).toISOString(),
    },
  ]);
  await two.memory.close();
  const broken = new EraseList(join(two.dir, "memory", "CURRENT", "erased.jsonl"), "main");
  two.lose();
  await two.open({}, { notes: broken });
  await two.caughtUp();
  expect(two.warnings).toContain("an erasure that was made could not be noted here");
  expect((await two.ask("facts", { customer: "ada" })).facts).toEqual([]);
  expect(two.memory.progress).toMatchObject({ unread: 0 });
});
