import { describe, expect, it } from "vitest";
import { passagesOf } from "./chunk.ts";

const words = (n: number, word = "word") => Array.from({ length: n }, (_, i) => `${word}${i}`).join(" ");

describe("passagesOf", () => {
  it("cuts at headings and knows those above", () => {
    const article =
      "Intro.\n\n# Returns\n\n## How\nPrint a label.\n\n## When\nWithin 30 days.\n\n# Empty\n\n# Costs\nNone.";
    expect(passagesOf(article)).toEqual([
      { headings: [], text: "Intro." },
      { headings: ["Returns", "How"], text: "Print a label." },
      { headings: ["Returns", "When"], text: "Within 30 days." },
      { headings: ["Costs"], text: "None." },
    ]);
  });

  it("takes no heading from a code block", () => {
    expect(passagesOf("```\n# not a heading\n```").map(({ headings }) => headings)).toEqual([[]]);
  });

  it("cuts long sections between sentences, with overlap", () => {
    const sentences = Array.from({ length: 12 }, (_, i) => `Sentence ${i} ${words(9)}.`);
    const passages = passagesOf(sentences.join(" "), { words: 40, overlap: 12 });
    expect(passages.length).toBeGreaterThan(3);
    for (const { text } of passages) expect(text.split(/\s+/).length).toBeLessThanOrEqual(40);
    for (const sentence of sentences) expect(passages.some(({ text }) => text.includes(sentence))).toBe(true);
    for (const [i, { text }] of passages.entries()) {
      if (i > 0) expect(passages[i - 1]!.text.endsWith(text.split("\n")[0]!)).toBe(true);
    }
  });

  it("cuts even what has no end of a sentence", () => {
    const passages = passagesOf(words(200), { words: 90, overlap: 20 });
    expect(passages.map(({ text }) => text.split(" ").length)).toEqual([90, 90, 20]);
  });

  it("finds nothing in nothing", () => {
    expect(passagesOf(" \n\n# Only a heading\n")).toEqual([]);
  });
});
