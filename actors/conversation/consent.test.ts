import { describe, expect, it } from "vitest";
import { agreesToOther, commands, isClosing, saysYes, takesBack, withoutNegated } from "./consent.ts";

describe("consent", () => {
  it("thanks for work that is taken as done close a matter; thanks for an answer do not", () => {
    for (const text of [
      "Thanks so much for taking care of that! I'll look out for the parcel.",
      "Perfect, thank you for handling this",
      "Great. That's all I needed today",
      "ok, no further questions",
    ])
      expect(isClosing(text), text).toBe(true);
    for (const text of [
      "Thanks for the options, the blue one please",
      "yes, and thanks for taking care of it",
      "Thank you for checking",
      "can you help me with a return?",
    ])
      expect(isClosing(text), text).toBe(false);
  });

  it("a yes in so many words", () => {
    for (const text of ["Yes.", "ok, yes please", "Thanks - go ahead", "I confirm"])
      expect(saysYes(text), text).toBe(true);
    for (const text of ["looks good", "the yes man", "did you say yes?"])
      expect(saysYes(text), text).toBe(false);
  });

  it("what is taken back", () => {
    const label = "cancel an order";
    for (const text of [
      "quick change of heart: please don't cancel it after all",
      "actually, keep order W1234567 as is",
      "leave it the way it is, thanks",
      "no need to cancel anything",
    ])
      expect(takesBack(text, label), text).toBe(true);
    for (const text of [
      "yes, and leave the other one as it is",
      "I don't want it any more, cancel it",
      "don't return it, cancel it",
      "keep the same size",
    ])
      expect(takesBack(text, label), text).toBe(false);
  });

  it("what is not wanted is not asked for", () => {
    expect(withoutNegated("I don't want to return it, I want to swap it")).not.toContain("return");
    expect(withoutNegated("I see that it can't be cancelled any more")).not.toContain("cancel");
    expect(withoutNegated("I don't want to wait, return it")).toContain("return");
  });

  it("a command to do what was asked about", () => {
    for (const text of ["ok cancel it then", "please cancel the order", "do it", "just cancel it, please"])
      expect(commands(text.replace(", please", " please"), "cancel an order"), text).toBe(true);
    for (const text of ["return it", "cancel it if it is free", "don't cancel it", "can you cancel it?"])
      expect(commands(text, "cancel an order"), text).toBe(false);
  });

  it("a yes to something else", () => {
    expect(agreesToOther("Yes, please swap the lamp for a black one", "cancel an order")).toBe(true);
    expect(agreesToOther("Yes, proceed with the item changes", "cancel an order")).toBe(true);
    expect(agreesToOther("Yes, cancel it", "cancel an order")).toBe(false);
    expect(agreesToOther("Yes please. And change my address afterwards", "cancel an order")).toBe(false);
    expect(agreesToOther("Yes, go ahead, and also cancel the grill", "exchange something")).toBe(false);
    expect(agreesToOther("Yes, swap it", "exchange something")).toBe(false);
    expect(agreesToOther("Yes, swap it", "look at your usage")).toBe(false);
  });
});
