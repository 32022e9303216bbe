import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { asksBack, asksForPerson, asksToRephrase } from "./classify.ts";
import { readRuns } from "./tau2.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "recorded-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function read(...lines: (object | string)[]) {
  const file = join(dir, "runs.jsonl");
  await writeFile(file, lines.map((l) => (typeof l === "string" ? l : JSON.stringify(l))).join("\n"));
  return readRuns(file);
}
const user = (content: unknown) => ({ role: "user", content });

describe("recorded runs", () => {
  it("give the customer's texts, without the words of the simulator", async () => {
    const [run] = await read({
      domain: "retail",
      task_id: 4,
      agent_llm: "x",
      messages: [
        { role: "assistant", content: "Hi!" },
        user("where is it?"),
        { role: "assistant", content: null, tool_calls: [] },
        { role: "user", tool_calls: [{ name: "restart" }] },
        user("thanks\n\n###STOP###"),
        user("###TRANSFER###"),
      ],
    });
    expect(run).toMatchObject({ taskId: "4", turns: ["where is it?", "thanks"], transferred: true });
  });
  it("are cut at six turns", async () => {
    const [run] = await read({
      domain: "d",
      task_id: "1",
      messages: Array.from({ length: 9 }, (_, n) => user(`turn ${n}`)),
    });
    expect(run!.turns).toHaveLength(6);
  });
  it("are refused with the line where they are something else", async () => {
    await expect(read("not json")).rejects.toThrow(/runs\.jsonl:1: is no JSON/);
    await expect(read({ domain: "d", task_id: 1, messages: [] }, { text: "?" })).rejects.toThrow(
      /runs\.jsonl:2: .*JSON lines, each a recorded run/,
    );
    await expect(readRuns(join(dir, "none.jsonl"))).rejects.toThrow(/does not exist/);
  });
});

describe("texts", () => {
  it("ask for a person, or not", () => {
    for (const text of [
      "Please transfer me to a human agent.",
      "Get me a human rep.",
      "can I speak with a real person?",
      "I want to talk to your supervisor",
      "Transfer me, please.",
    ]) {
      expect(asksForPerson(text), text).toBe(true);
    }
    for (const text of [
      "Please hold off on transferring me to a human for now.",
      "No need to transfer me to a human agent.",
      "transfer the money back to my card",
      "the person who ordered it is my wife",
    ]) {
      expect(asksForPerson(text), text).toBe(false);
    }
  });
  it("ask to rephrase, or deal with it", () => {
    expect(
      asksToRephrase("I'm not sure that I understood. Could you tell me in a few words?", "where is it"),
    ).toBe(true);
    expect(asksToRephrase("Hello, what can I do for you?", "hello")).toBe(false);
    expect(asksToRephrase("Hello, what can I do for you?", "where is my order")).toBe(true);
    expect(asksToRephrase("Do you mean: cancel an order?", "stop it")).toBe(false);
  });
  it("ask something back", () => {
    expect(asksBack("Here it is. Shall I arrange it?")).toBe(true);
    expect(asksBack("It is on its way.")).toBe(false);
  });
});
