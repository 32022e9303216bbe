import { describe, expect, it } from "vitest";
import { cut } from "./history.ts";
import { excerpt } from "./knowledge.ts";
import { asksForMemory, statedFact } from "./memory.ts";
import { scoreOf } from "./outcome.ts";
import { chosen, isQuestion } from "./phrases.ts";
import { day, meansOf } from "./wording.ts";

describe("small readings of texts", () => {
  it("which of the offered meanings is picked", () => {
    const options = [
      { intent: "a", label: "cancel an order" },
      { intent: "b", label: "return something" },
    ];
    expect(chosen(options, "Cancel an order, please", null)?.intent).toBe("a");
    expect(chosen(options, "the second", null)?.intent).toBe("b");
    expect(chosen(options, "B", null)?.intent).toBe("b");
    expect(chosen(options, "a return", null)).toBeUndefined();
    expect(chosen(options, "yes", "yes")).toBeUndefined();
    expect(chosen([options[0]!], "yes", "yes")?.intent).toBe("a");
  });

  it("what is a question", () => {
    for (const text of ["Do you deliver on Sundays?", "and the price?", "what does it cost?"]) {
      expect(isQuestion(text)).toBe(true);
    }
    for (const text of ["I want a refund", "W1234567", "what a mess."]) expect(isQuestion(text)).toBe(false);
  });

  it("lasting wishes, stated in so many words", () => {
    expect(statedFact("Hi! I prefer e-mail to phone calls. Thanks")).toEqual({
      type: "preference",
      text: "I prefer e-mail to phone calls",
    });
    expect(statedFact("Please never ring the bell, the baby sleeps")?.type).toBe("instruction");
    expect(statedFact("Remember that I'm allergic to nickel.")?.text).toBe(
      "Remember that I'm allergic to nickel",
    );
    expect(statedFact("I'd prefer to cancel it")).toBeUndefined();
    expect(statedFact("where is my order?")).toBeUndefined();
    expect(asksForMemory("What do you know about me?")).toBe(true);
  });

  it("scores", () => {
    expect(scoreOf("4/5")).toBe(4);
    expect(scoreOf("5 stars!")).toBe(5);
    expect(scoreOf("3")).toBe(3);
    for (const text of ["6", "45", "my order 5", "great"]) expect(scoreOf(text)).toBeUndefined();
  });

  it("whole sentences of an article, and whole characters", () => {
    expect(excerpt("One. Two. Three and more.", 12)).toBe("One. Two.");
    expect(excerpt("short")).toBe("short");
    expect(cut("ab😀", 3)).toBe("ab");
  });

  it("means of verification and days", () => {
    expect(meansOf([["email"], ["name", "postcode"]])).toBe(
      "the e-mail address of your account, or your full name and the postcode of your address",
    );
    expect(meansOf([["order"], ["email"]])).toBe("an order number or the e-mail address of your account");
    expect(day(Date.UTC(2026, 4, 3, 23))).toBe("3 May 2026");
  });
});
