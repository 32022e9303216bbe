import { v5 } from "uuid";
import { describe, expect, it } from "vitest";
import { derivedId } from "./ids.ts";

describe("derivedId", () => {
  it("is the uuid v5 of its parts: it is part of the stored data", () => {
    expect(derivedId("a", "out", 0)).toBe("8fa8c5ec-ad56-5840-a254-8fa5669a8b81");
    for (const name of ["", "a", "é€😀", "x".repeat(600), "€".repeat(700), "y".repeat(5_000)]) {
      const parts = [name, "out", 17];
      expect(derivedId(...parts)).toBe(v5(parts.join("\u0000"), "8f0e6a52-3d0b-5a5c-9d0f-6b61696c6977"));
    }
  });
});
