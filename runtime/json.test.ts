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
  it("is what JSON.stringify makes of sorted members", () => {
    const sorted = (_key: string, v: unknown): unknown =>
      v === null || typeof v !== "object" || Array.isArray(v)
        ? v
        : Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)));
    const values: unknown[] = [
      {
        b: [1, -0, 1e21, 1.5, Number.NaN, undefined, () => 0, null],
        a: { 'é\u2028"': "\ud800 \n", "": true },
      },
      { 10: "a", 9: "b", "01": "c", "-1": "d", 4294967294: "e", 4294967295: "f", a: new Date(0) },
      [],
      {},
      [[{}], { x: undefined }],
      "text",
      null,
      { deep: { z: 1, y: { x: [{ b: 1, a: 2 }] } } },
    ];
    for (const value of values) expect(canonicalJson(value)).toBe(JSON.stringify(value, sorted));
  });

  it("is the same for objects whose names are data, however many there were", () => {
    const one = { b: 1, a: { d: 2, c: 3 } };
    const before = canonicalJson(one);
    for (let i = 0; i < 12_000; i++) {
      const name = `name ${i}`;
      expect(canonicalJson({ [name]: i, a: 0 })).toBe(`{"a":0,"${name}":${i}}`);
    }
    expect(canonicalJson(one)).toBe(before);
    expect(before).toBe('{"a":{"c":3,"d":2},"b":1}');
  });

  it("is equal for equal values", () => {
    expect(canonicalJson({ b: [{ d: 1, c: undefined }], a: 2 })).toBe(
      canonicalJson({ a: 2, b: [{ c: undefined, d: 1 }] }),
    );
  });
});
