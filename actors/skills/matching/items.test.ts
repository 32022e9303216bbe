import { describe, expect, it } from "vitest";
import type { Order } from "../backoffice/index.ts";
import { matchOrders } from "./items.ts";
import { oneEditApart, stem, Text } from "./words.ts";

const order = (id: string, ...items: (string | [string, Record<string, string>])[]): Order => ({
  id,
  customerId: "c",
  status: "delivered",
  currency: "USD",
  total: 1,
  tracking: [],
  payments: [],
  address: { line1: "1", city: "x", postcode: "1", country: "USA" },
  items: items.map((item, n) => {
    const [name, options] = typeof item === "string" ? [item, {}] : item;
    return { itemId: `${id}-${n}`, productId: name, name, price: 1, options };
  }),
});
const found = (orders: Order[], text: string) =>
  matchOrders(orders, text).map((m) => [m.order.id, ...m.items.map((i) => i.name)]);

describe("words", () => {
  it("are compared in the singular", () => {
    expect(["shirts", "shelves", "boxes", "batteries", "glass", "dresses"].map(stem)).toEqual([
      "shirt",
      "shelf",
      "box",
      "battery",
      "glass",
      "dress",
    ]);
  });
  it("are one edit apart or not", () => {
    for (const [a, b] of [
      ["vacumm", "vacuum"],
      ["vaccuum", "vacuum"],
      ["vacum", "vacuum"],
      ["vcauum", "vacuum"],
    ] as const) {
      expect(oneEditApart(a, b), a).toBe(true);
    }
    expect(oneEditApart("kettle", "nettles")).toBe(false);
  });
  it("match joined and parted", () => {
    expect(new Text("my book shelf").has("bookshelf")).toBe(true);
    expect(new Text("two t-shirts").has("tshirt")).toBe(true);
    expect(new Text("it is waterproof").has("water")).toBe(false);
  });
});

describe("items of orders", () => {
  const mine = [
    order("W1", "Vacuum Cleaner", "Water Bottle"),
    order("W2", "Smart Watch", "T-Shirt"),
    order("W3", "Smart Thermostat", ["Desk Lamp", { color: "black" }]),
    order("W4", ["Desk Lamp", { color: "white" }]),
  ];

  it("are found by a word, a plural, a typo", () => {
    expect(found(mine, "where is the vacumm I bought")).toEqual([["W1", "Vacuum Cleaner"]]);
    expect(found(mine, "the t-shirts are too small")).toEqual([["W2", "T-Shirt"]]);
    expect(found(mine, "the shirt is torn")).toEqual([["W2", "T-Shirt"]]);
    expect(found(mine, "my desklamp")).toEqual([
      ["W3", "Desk Lamp"],
      ["W4", "Desk Lamp"],
    ]);
  });
  it("of another name that shares a word are left out when one matches wholly", () => {
    expect(found(mine, "return the smart watch")).toEqual([["W2", "Smart Watch"]]);
    expect(found(mine, "something smart").map((m) => m[0])).toEqual(["W2", "W3"]);
  });
  it("of one name are told apart by their options", () => {
    expect(found(mine, "the white desk lamp")[0]).toEqual(["W4", "Desk Lamp"]);
    expect(found(mine, "the black desk lamp")[0]).toEqual(["W3", "Desk Lamp"]);
  });
  it("make the order with more of them the first", () => {
    expect(found(mine, "the bottle and the vacuum cleaner")[0]).toEqual([
      "W1",
      "Vacuum Cleaner",
      "Water Bottle",
    ]);
  });
  it("are not found in a text that names none", () => {
    expect(found(mine, "hello, I want my money back")).toEqual([]);
    expect(found(mine, "")).toEqual([]);
    expect(found(mine, "thanks, I'll watch for the mail")).toEqual([]);
  });
});
