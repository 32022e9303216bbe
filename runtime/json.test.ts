import { describe, expect, it } from "vitest";
import { canonicalJson, copyJson } from "./json.ts";

describe("copyJson", () => {
  it("shares nothing with what was copied", () => {
    const inner = { list: [1, { a: null }], missing: undefined };
    const copy = copyJson({ inner, text: "x" });
    expect(copy).toStrictEqual({ inner, text: "x" });
    expect(copy.inner).not.toBe(inner);
    expect(copy.inner.list).not.toBe(inner.list);
    expect(copy.inner.list[1]).not.toBe(inner.list[1]);
  });

  it("takes a member named __proto__ for a member", () => {
    const copy = copyJson(JSON.parse('{"__proto__": {"admin": true}, "b": 1}'));
    expect(copy.admin).toBeUndefined();
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
    expect(JSON.stringify(copy)).toBe('{"__proto__":{"admin":true},"b":1}');
  });
});

describe("canonicalJson", () => {
  it("is equal for equal values", () => {
    expect(canonicalJson({ b: [{ d: 1, c: undefined }], a: 2 })).toBe(
      canonicalJson({ a: 2, b: [{ c: undefined, d: 1 }] }),
    );
  });
});
