import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ExpressionError, evaluate, impliedPaths, parseExpression, truthy } from "./expression.ts";

const scope = {
  order: { id: "W1", status: "delivered", items: [{ price: 10.1 }, { price: 20.2 }], tracking: [] },
  n: 3,
  name: "Kettle",
};
const value = (text: string) => evaluate(parseExpression(text), scope);

describe("expressions", () => {
  it.each([
    ["order.status == 'delivered'", true],
    ['order.status != "delivered"', false],
    ["order.status in ['pending', 'processed']", false],
    ["order.status not in ['pending']", true],
    ["not order.status == 'pending' and n > 2", true],
    ["n >= 3 or missing.path", true],
    ["(n + 1) * 2 - 4 / 2", 6],
    ["sum(order.items.price)", 30.3],
    ["length(order.items)", 2],
    ["exists(order.tracking)", false],
    ["empty(order.tracking)", true],
    ["first(order.items).price", 0],
    ["name contains 'kett'", true],
    ["order.items[1].price", 20.2],
    ["-n", -3],
    ["missing == null", true],
    ["missing > 1", false],
    ["take(order.items, 1)", [{ price: 10.1 }]],
    ["where(order.items, 'price', 20.2)", [{ price: 20.2 }]],
    ["time('2026-11-20T00:00:00Z') > time('2026-11-19')", true],
    ["time('20 Nov 2026')", undefined],
  ])("%s", (text, expected) => {
    if (text.startsWith("first(")) {
      expect(() => value(text)).toThrow(ExpressionError);
    } else expect(value(text)).toEqual(expected);
  });

  it.each(["", "a ==", "(a", "a b", "f(x)", "exists()", "a..b", "1 +", "'open", "a = b", "[1, 2", "a[b]"])(
    "refuses %j with the place",
    (text) => {
      expect(() => parseExpression(text)).toThrow(ExpressionError);
    },
  );

  it("does not reach what is not data", () => {
    for (const text of [
      "order.constructor",
      "order.__proto__",
      "order.toString",
      "constructor",
      "name.length",
    ])
      expect(value(text)).toBeUndefined();
  });

  it("never throws anything but its own error, and never while evaluating", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), (text) => {
        try {
          evaluate(parseExpression(text), scope);
        } catch (error) {
          expect(error).toBeInstanceOf(ExpressionError);
        }
      }),
    );
  });

  it("knows what is there where a condition holds", () => {
    const implied = (text: string, positive = true) =>
      impliedPaths(parseExpression(text), positive).map((p) => p.join("."));
    expect(implied("exists(a.b) and c == 'x'")).toEqual(["a.b", "c"]);
    expect(implied("exists(a) or exists(b)")).toEqual([]);
    expect(implied("empty(a)", false)).toEqual(["a"]);
    expect(implied("not exists(a)", false)).toEqual(["a"]);
  });

  it("counts nothing as true that is empty", () => {
    expect([undefined, null, "", 0, false, []].some(truthy)).toBe(false);
    expect([1, "a", true, [0], {}].every(truthy)).toBe(true);
  });
});
