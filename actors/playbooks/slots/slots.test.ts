/** What is read out of messages: items, orders, variants, options, addresses. */
import { describe, expect, it } from "vitest";
import { knownAddress, parseAddress } from "./address.ts";
import { pickOptions } from "./options.ts";
import { nameScore, pickItems, pickOrder, pickVariants, rankOrders } from "./pick.ts";
import { allOrders, clauses, focus, ordinal, wantsAll, wantsOther, withoutWish } from "./words.ts";

const item = (itemId: string, name: string, options: Record<string, string> = {}) => ({
  itemId,
  name,
  options,
});
const LAMP = item("i-lamp", "Desk Lamp", { color: "black" });
const WATCH = item("i-watch", "Smart Watch");
const SET = item("i-set", "Dumbbell Set");
const CLOCK = item("i-clock", "Wall Clock");
const DRY = item("i-dry", "Bluetooth Speaker", { color: "blue", "water resistance": "no" });
const WET = item("i-wet", "Bluetooth Speaker", { color: "blue", "water resistance": "yes" });

describe("items", () => {
  const names = (list: { itemId: string }[]) => list.map((i) => i.itemId);
  it.each([
    ["the lamp please", [LAMP, CLOCK], ["i-lamp"]],
    ["desk lamps and the clock", [LAMP, CLOCK], ["i-lamp", "i-clock"]],
    ["all of them", [LAMP, CLOCK], ["i-lamp", "i-clock"]],
    ["do you need my e-mail, the number, or both?", [LAMP, CLOCK], []],
    ["item i-clock", [LAMP, CLOCK], ["i-clock"]],
    ["the speaker", [DRY, WET, LAMP], []],
    ["the speakers", [DRY, WET, LAMP], ["i-dry", "i-wet"]],
    ["the speaker that isn't water resistant", [DRY, WET, LAMP], ["i-dry"]],
    ["the water-resistant speaker", [DRY, WET, LAMP], ["i-wet"]],
    ["nothing of that", [LAMP, CLOCK], []],
    ["everything except the clock", [LAMP, CLOCK, DRY], ["i-lamp", "i-dry"]],
    ["send back all of it but the speaker", [LAMP, CLOCK, DRY], ["i-lamp", "i-clock"]],
    ["return the lamp, but keep the clock", [LAMP, CLOCK, DRY], ["i-lamp"]],
    [
      "everything except the clock, with the money to my card. The lamp too",
      [LAMP, CLOCK, DRY],
      ["i-lamp", "i-dry"],
    ],
    ["upgrade every item; for the lamp keep the same size", [LAMP, CLOCK], ["i-lamp", "i-clock"]],
    ["the smart watch", [WATCH, item("i-thermo", "Smart Thermostat")], ["i-watch"]],
    ["exchange the lamp; leave the clock as is", [LAMP, CLOCK], ["i-lamp"]],
    ["the watch", [item("i-wrist", "Wristwatch"), LAMP], ["i-wrist"]],
    ["my phone number is new", [item("i-head", "Headphones"), LAMP], []],
    ["I want to return both", [LAMP, CLOCK], ["i-lamp", "i-clock"]],
    ["I'll watch for the mail", [WATCH, LAMP], []],
    ["the watch for the other one", [WATCH, LAMP], ["i-watch"]],
    ["please set the refund to my card, it's the lamp", [SET, LAMP], ["i-lamp"]],
    ["the money back, packaging included", [item("i-pack", "Backpack"), LAMP], []],
    ["the blue tee", [item("i-tee", "T-Shirt"), LAMP], ["i-tee"]],
  ])("%s", (text, items, expected) => {
    expect(names(pickItems(items, text))).toEqual(expected);
  });

  it("prefers the whole name to a shared word", () => {
    const cameras = [item("a", "Action Camera"), item("b", "Digital Camera")];
    expect(names(pickItems(cameras, "my action camera"))).toEqual(["a"]);
    expect(names(pickItems([item("t", "T-Shirt")], "the t shirt"))).toEqual(["t"]);
    expect(nameScore("Mechanical Keyboard", "a mechanic")).toBe(0);
  });
});

describe("orders", () => {
  const orders = [
    { id: "W1000001", status: "pending", placedAt: "2026-01-02T00:00:00Z", items: [LAMP] },
    { id: "W1000002", status: "delivered", placedAt: "2026-01-03T00:00:00Z", items: [LAMP, CLOCK] },
    { id: "W1000003", status: "delivered", placedAt: "2026-01-01T00:00:00Z", items: [CLOCK] },
  ];
  const ids = (list: { id: string }[]) => list.map((o) => o.id);
  it.each([
    ["#w1000003", ["W1000003"], ["W1000003"]],
    ["the one ending in 0002", [], ["W1000002"]],
    ["the pending one", [], ["W1000001"]],
    ["the latest", [], ["W1000002"]],
    ["the third one", [], ["W1000003"]],
    ["2", [], ["W1000002"]],
    ["the one with the clock", [], ["W1000002", "W1000003"]],
    ["whatever", [], []],
  ])("%s", (text, numbers, expected) => {
    expect(ids(pickOrder(orders, text, numbers))).toEqual(expected);
  });

  it("are ranked by the items that are named", () => {
    expect(ids(rankOrders(orders, "the desk lamp and the wall clock").orders)).toEqual(["W1000002"]);
    expect(rankOrders(orders, "hello").byWords).toBe(false);
  });
});

describe("variants and options", () => {
  const variants = [
    { itemId: "v1", options: { color: "black", size: "L" }, price: 20, available: true },
    { itemId: "v2", options: { color: "red", size: "L" }, price: 10, available: true },
    { itemId: "v3", options: { color: "red", size: "M" }, price: 30, available: true },
    { itemId: "v4", options: { color: "blue", size: "L" }, price: 5, available: false },
  ];
  const old = item("v1", "Jacket", { color: "black", size: "L" });
  const ids = (text: string) => pickVariants(variants, text, old).map((v) => v.itemId);
  it("keep what was not spoken of", () => {
    expect(ids("in red please")).toEqual(["v2"]);
    expect(ids("the cheapest")).toEqual(["v2"]);
    expect(ids("the top-tier version")).toEqual(["v3"]);
    expect(ids("v3")).toEqual(["v3"]);
    expect(ids("in blue")).toEqual(["v2", "v3"]);
  });
  it("take the longest name, and numbers only of what was shown", () => {
    const plans = ["Pro", "Pro Plus", "Basic"].map((label) => ({ value: label, label, words: [] }));
    const picked = (text: string, shown = true) => pickOptions(plans, text, shown).map((o) => o.label);
    expect(picked("pro plus")).toEqual(["Pro Plus"]);
    expect(picked("the pro")).toEqual(["Pro"]);
    expect(picked("the second")).toEqual(["Pro Plus"]);
    expect(picked("the second", false)).toEqual([]);
    expect(picked("no pro, just basic")).toEqual(["Basic"]);
  });
});

describe("addresses", () => {
  it.each([
    ["send it to 12 Larch Road, Millbrook, CA 94110 please", "12 Larch Road|Millbrook|CA|94110|USA"],
    ["12 Larch Road\nApt 4B\nMillbrook, CA 94110", "12 Larch Road|Millbrook|CA|94110|USA"],
    ["221b Baker Street, London NW1 6XE", "221b Baker Street|London||NW1 6XE|United Kingdom"],
    [
      "Address1: 12 Larch Road\nAddress2: Apt 4\nCity: Millbrook\nState: CA\nZip: 94110\nLet me know when it is done",
      "12 Larch Road|Millbrook|CA|94110|USA",
    ],
    ["#W5056519 address is now 12 Larch Road, Millbrook, CA 94110", "12 Larch Road|Millbrook|CA|94110|USA"],
    ["Lindenstraße 12, 10969 Berlin, Germany", "Lindenstraße 12|Berlin||10969|Germany"],
  ])("%s", (text, expected) => {
    const a = parseAddress(text, "");
    expect([a?.line1, a?.city, a?.state, a?.postcode, a?.country].map((x) => x ?? "").join("|")).toBe(
      expected,
    );
  });
  it.each(["", "Larch Road", "94110", "my zip is 94110 and I live in Millbrook", "12 Larch Road"])(
    "is not read out of %j",
    (text) => expect(parseAddress(text, "USA")).toBeUndefined(),
  );

  it("are known by the words for them", () => {
    const home = { line1: "1 A Road", city: "Seattle", postcode: "98101", country: "USA" };
    const york = { line1: "2 B Road", city: "New York", postcode: "10001", country: "USA" };
    const known = (text: string, except?: object) => knownAddress([home, york], text, except)?.city;
    expect(known("use my New York address")).toBe("New York");
    expect(known("change the Seattle one to my NYC address")).toBe("New York");
    expect(known("my default address please")).toBe("Seattle");
    expect(known("my default address please", home)).toBe("New York");
    expect(known("my postcode is 10001")).toBeUndefined();
  });
});

describe("words", () => {
  it("finds the part that a playbook is about", () => {
    const text = "Where is my lamp? Also, please cancel the clock. Thanks!";
    expect(focus(text, ["cancel"])).toContain("clock");
    expect(focus(text, ["cancel"])).not.toContain("lamp");
    expect(focus(text, ["refund"])).toBe(text);
    expect(clauses("a, and then b; c\nd")).toEqual(["a", "and then b;", "c", "d"]);
    expect(clauses("return the lamp, the clock, and the tent")).toHaveLength(1);
  });
  it("tells what somebody has from what he wants", () => {
    expect(withoutWish("I'd like to exchange the robotic vacuum for a canister one")).toBe(
      "I'd like to exchange the robotic vacuum ",
    );
  });
  it("hears which orders all are", () => {
    expect(allOrders("please cancel any pending orders")).toEqual({ statuses: ["pending"] });
    expect(allOrders("to all my active orders")).toEqual({});
    expect(allOrders("I don't have any order number")).toBeUndefined();
    expect(allOrders("all items of my order")).toBeUndefined();
  });
  it("hears all, other, and ordinals", () => {
    expect(wantsAll("return both")).toBe(true);
    expect(wantsAll("my e-mail and my name, both")).toBe(false);
    expect(wantsOther("no, the other one")).toBe(true);
    expect(ordinal("option 2", 3)).toBe(1);
    expect(ordinal("7", 3)).toBeUndefined();
  });
});
