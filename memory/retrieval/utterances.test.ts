import { describe, expect, it } from "vitest";
import { findUtterances, spoken, type Utterance } from "./utterances.ts";

const say = (conversation: string, ...texts: string[]): Utterance[] =>
  texts.map((text, i) => ({ id: `${conversation}${i}`, conversation, text }));
const found = (all: readonly Utterance[], text: string, options = {}) =>
  findUtterances(all, { text }, options).map(({ utterance }) => utterance.id);
const unit = (...values: number[]) => {
  const length = Math.hypot(...values);
  return Float32Array.from(values.map((value) => value / length));
};

describe("findUtterances", () => {
  const a = say(
    "a",
    "I planted tulips",
    "When was that?",
    "Last spring",
    "And the weather?",
    "It rained a lot",
  );
  const b = say("b", "The parcel is late", "It will come on Monday");

  it("finds what is said, and what beside it answers a question in other words", () => {
    expect(found([...a, ...b], "When did you plant the tulips?")).toEqual(["a0", "a1", "a2"]);
    expect(found([...a, ...b], "parcel")).toEqual(["b0", "b1"]);
  });

  it("does not look over the edge of a conversation", () => {
    // The last of one stands beside the first of the other in the list only.
    expect(found([...b, ...a], "Monday")).toEqual(["b1", "b0"]);
  });

  it("never answers more than k, neighbours included", () => {
    for (const k of [1, 2, 3]) expect(found([...a, ...b], "tulips in spring", { k })).toHaveLength(k);
  });

  it("counts who said it", () => {
    const all: Utterance[] = [
      { id: "1", conversation: "c", speaker: "Kim", text: "I can promise you a refund" },
      { id: "2", conversation: "d", speaker: "Alex", text: "I can promise you a refund" },
    ];
    expect(found(all, "what did Alex promise?", { k: 1 })).toEqual(["2"]);
    expect(all.map(spoken)).toEqual(["Kim: I can promise you a refund", "Alex: I can promise you a refund"]);
  });

  it("finds by meaning where no word is the same, and leaves out what lies below the mean", () => {
    const vectors = [unit(1, 0.1), unit(0.2, 1), unit(0, 1)];
    const all = ["my jumper itches", "the invoice", "the bank"].map((text, i) => ({
      id: String(i),
      conversation: String(i),
      text,
      vector: vectors[i],
    }));
    const hits = findUtterances(all, { text: "woollen clothing", vectors: [unit(1, 0)] });
    expect(hits.map(({ utterance }) => utterance.id)).toEqual(["0"]);
  });

  it("goes by words alone where vectors are missing, of another encoder, or all the same", () => {
    const query = { text: "tulips", vectors: [unit(1, 0, 0)] };
    const first = (all: readonly Utterance[]) => findUtterances(all, query, { k: 1 })[0]?.utterance.id;
    expect(first(a)).toBe("a0");
    expect(first(a.map((each) => ({ ...each, vector: unit(1, 1) })))).toBe("a0");
    expect(first(a.map((each) => ({ ...each, vector: unit(1, 1, 1) })))).toBe("a0");
    expect(findUtterances([], query)).toEqual([]);
  });
});
