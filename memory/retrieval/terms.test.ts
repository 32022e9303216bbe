import { describe, expect, it } from "vitest";
import { stem } from "./stemmer.ts";
import { terms } from "./terms.ts";

describe("stem", () => {
  it.each([
    // Examples of Porter's paper.
    ["caresses", "caress"],
    ["ponies", "poni"],
    ["agreed", "agre"],
    ["plastered", "plaster"],
    ["sing", "sing"],
    ["conflated", "conflat"],
    ["hopping", "hop"],
    ["falling", "fall"],
    ["filing", "file"],
    ["happy", "happi"],
    ["sky", "sky"],
    ["relational", "relat"],
    ["vietnamization", "vietnam"],
    ["hopefulness", "hope"],
    ["triplicate", "triplic"],
    ["electricity", "electr"],
    ["replacement", "replac"],
    ["adoption", "adopt"],
    ["controll", "control"],
    ["rate", "rate"],
    ["cease", "ceas"],
    ["yoyos", "yoyo"],
  ])("%s becomes %s", (word, expected) => expect(stem(word)).toBe(expected));

  it("leaves numbers and other scripts alone", () => {
    expect(["w1234567", "2024", "straße", "is"].map(stem)).toEqual(["w1234567", "2024", "straße", "is"]);
  });
});

describe("terms", () => {
  it("brings the forms of a word together", () => {
    for (const forms of [
      "delivery delivered delivering deliveries",
      "cancel cancelled cancellation",
      "paid payment pay",
    ]) {
      expect(new Set(terms(forms)).size, forms).toBe(1);
    }
  });
  it("drops stop words and possessives, folds case and diacritics", () => {
    expect(terms("Where is the Café's order W1234567?")).toEqual(["cafe", "order", "w1234567"]);
  });
  it("keeps stop words when there is nothing else", () => {
    expect(terms("who are you")).toEqual(["who", "ar", "you"]);
    expect(terms("\u{1F600} … ")).toEqual([]);
  });
});
