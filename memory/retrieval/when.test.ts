import { describe, expect, it } from "vitest";
import { periodIn } from "./when.ts";

/** A Sunday. */
const NOW = Date.UTC(2026, 10, 29, 15, 30);
const day = (text: string): number => Date.parse(`${text}T00:00:00Z`);
const named = (text: string, facts = FACTS) => {
  const period = periodIn(text, NOW, facts);
  return period && [iso(period.from), iso(period.to)];
};
const iso = (at: number): string =>
  at === 0 ? "ever" : at === NOW ? "now" : new Date(at).toISOString().slice(0, 10);
const FACTS = [
  { type: "address", validFrom: day("2024-03-01") },
  { type: "address", validFrom: day("2026-05-02") },
  { type: "plan", validFrom: day("2026-08-01") },
];

describe("periodIn", () => {
  it.each([
    ["what did I say yesterday?", "2026-11-28", "2026-11-29"],
    ["the day before yesterday I called", "2026-11-27", "2026-11-28"],
    ["What did we agree on today", "2026-11-29", "2026-11-30"],
    ["three days ago", "2026-11-26", "2026-11-27"],
    ["10 days ago you told me", "2026-11-19", "2026-11-20"],
    ["last week", "2026-11-16", "2026-11-23"],
    ["this week", "2026-11-23", "2026-11-30"],
    ["last month", "2026-10-01", "2026-11-01"],
    ["last year", "2025-01-01", "2026-01-01"],
    ["on Friday you promised", "2026-11-27", "2026-11-28"],
    ["last Sunday", "2026-11-22", "2026-11-23"],
    ["in March", "2026-03-01", "2026-04-01"],
    ["last December", "2025-12-01", "2026-01-01"],
    ["in May of 2023", "2023-05-01", "2023-06-01"],
    ["in 2024", "2024-01-01", "2025-01-01"],
    ["on 2026-02-03", "2026-02-03", "2026-02-04"],
    ["before 2026-02-03", "ever", "2026-02-03"],
    ["since last month", "2026-10-01", "now"],
    ["after yesterday", "2026-11-29", "now"],
    ["until last week", "ever", "2026-11-23"],
    ["where did you send things before I moved?", "ever", "2026-05-02"],
    ["since I changed my plan", "2026-08-01", "now"],
  ])("%s", (text, from, to) => {
    expect(named(text)).toEqual([from, to]);
  });

  it("is about then where that is said roughly", () => {
    expect(named("two weeks ago")).toEqual(["2026-11-12", "2026-11-19"]);
    expect(named("a couple of months ago")).toEqual(["2026-09-15", "2026-10-15"]);
  });

  it.each([
    "where is my order?",
    "I may march to the shop",
    "before I forget: the bell is broken",
    "order 2024 pieces",
    "on 2026-99-99",
    "it lasts a week",
    "",
  ])("names no time: %s", (text) => {
    expect(named(text)).toBeUndefined();
  });

  it("does not know of a change that nobody told", () => {
    expect(named("before I moved", [])).toBeUndefined();
  });
});
