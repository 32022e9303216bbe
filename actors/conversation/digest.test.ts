/** What stays of a conversation that has ended. */
import { expect, it } from "vitest";
import { DIALOG_DEFAULTS } from "./options.ts";
import { Talk, verified } from "./testing.ts";

it("is summed up by rules, and is not when nobody said anything", () => {
  const talk = verified();
  talk.say("W1234567");
  talk.say("thanks, bye");
  expect(talk.driver.asked("memory.summarise")).toEqual([]);
  talk.say("4");
  const [summary, ...more] = talk.driver.asked("memory.summarise");
  expect(more).toEqual([]);
  expect(summary!.input).toMatchObject({ customer: "k1", outcome: "resolved", by: "rules" });
  expect(summary!.input.text).toBe(
    "Asked: where is my order?\nDone: order status (resolved).\nSatisfaction: 4 of 5.\nEnded as resolved.",
  );
  const silent = new Talk();
  silent.driver.advance(10 * 60_000);
  expect(silent.outcomes).toEqual(["abandoned"]);
  expect(silent.driver.asked("memory.summarise")).toEqual([]);
});

it("a model sums it up, and proposes what the customer has said in so many words", () => {
  const talk = verified();
  talk.answers["model.digest"] = {
    summary: "The customer wanted to know where her order is.",
    facts: [
      { type: "note", text: "the bell is broken" },
      { type: "note", text: "wants a discount of 50 %" },
      { type: "address", text: "the bell is broken" },
    ],
  };
  talk.say("by the way, the  bell is broken");
  talk.say("thanks, bye");
  talk.say("4");
  const { input } = talk.driver.asked("model.digest")[0]!;
  expect(input.turns).toContainEqual({ role: "customer", text: "where is my order?" });
  expect(input.known).toMatchObject({ names: expect.arrayContaining(["Mary Poole"]) });
  const remembered = talk.driver.asked("memory.remember").map((ask) => ask.input);
  expect(remembered).toEqual([
    expect.objectContaining({
      customer: "k1",
      type: "note",
      text: "the bell is broken",
      confidence: DIALOG_DEFAULTS.proposedConfidence,
      messageId: expect.any(String),
    }),
  ]);
  expect(talk.driver.asked("memory.summarise").map((ask) => ask.input.by)).toEqual(["rules", "model"]);
  expect(talk.state).toBe("closed");
});

it("what a model says of it is not kept when evidence does not hold it, nor asked for where there is none", () => {
  const talk = verified();
  talk.answers["model.digest"] = { summary: "She was promised 500 EUR.", facts: [] };
  talk.answers["language.ground"] = { ok: false, unsupported: [{}] };
  talk.say("thanks, bye");
  talk.say("4");
  expect(talk.driver.asked("memory.summarise").map((ask) => ask.input.by)).toEqual(["rules"]);
  for (const options of [{ open: { model: false } }, { dialog: { digestMs: 0 } }]) {
    const without = new Talk(options);
    without.say("thanks, bye");
    without.say("4");
    expect(without.driver.asked("memory.summarise")).toHaveLength(1);
    expect(without.driver.asked("model.digest")).toEqual([]);
  }
});
