import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { yesNo } from "./yes-no.ts";

describe("yes and no", () => {
  test.each([
    ["yes", "yes"],
    ["Yes please go ahead", "yes"],
    ["Yes — please proceed exactly as outlined.", "yes"],
    ["YES, refund it. Can you also tell me when?", "yes"],
    ["Sure", "yes"],
    ["go ahead", "yes"],
    ["That's right.", "yes"],
    ["No problem, go ahead", "yes"],
    ["Sounds good — thanks for handling this.", "yes"],
    ["Thanks for the details. Please go ahead with the return.", "yes"],
    ["ok", "yes"],
    ["fine, yes", "yes"],
    ["👍", "yes"],
    ["Ja, bitte", "yes"],
    ["Oui, allez-y", "yes"],
    ["sí, por favor", "yes"],
    ["I confirm.", "yes"],
    ["no", "no"],
    ["No thanks", "no"],
    ["no, that's all", "no"],
    ["nope, not yet", "no"],
    ["Please don't", "no"],
    ["I don't want that", "no"],
    ["Nein danke", "no"],
    ["Non merci", "no"],
    ["Yes. Wait, actually no", "no"],
    ["never mind", "no"],
    ["Thanks, but I'd rather not", "no"],
    ["Where is my order?", null],
    ["Is that ok?", null],
    ["right now I want my money", null],
    ["I know what I want", null],
    ["Yes and no", null],
    ["my name is Noah", null],
    ["no worries", null],
    ["Can you confirm the date?", null],
    ["", null],
    ["Please transfer me to a human", null],
  ])("%s → %s", (text, want) => {
    expect(yesNo(text)).toBe(want);
  });
  test("never throws", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
        expect([null, "yes", "no"]).toContain(yesNo(text));
      }),
    );
  });
});
