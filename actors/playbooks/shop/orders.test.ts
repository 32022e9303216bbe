/** Playbooks about orders, each succeeding and failing, against the real back office. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { failing, TestShop } from "./testing.ts";

let shop: TestShop;
beforeEach(async () => {
  shop = await TestShop.open();
});
afterEach(() => shop.close());
const order = async (id: string) => (await shop.office.get("orders", id))!;

describe("cancel order", () => {
  it("cancels a pending order after a yes", async () => {
    const run = await shop.run("cancel-order", "C1001", "please cancel the desk lamp, I changed my mind");
    expect(run.lastSaid).toContain("#W2001011");
    expect(run.lastSaid).toContain((await order("W2001011")).total.toFixed(2));
    expect((await order("W2001011")).status).toBe("pending");
    await run.turn("yes please");
    expect(await order("W2001011")).toMatchObject({ status: "cancelled", cancelReason: "no longer needed" });
    expect(run.lastSaid).toContain("is cancelled");
    expect(run.result).toBe("resolved");
  });

  it("takes all pending orders one after the other", async () => {
    const all = (await shop.office.by("orders", "customerId", "C1020")).map((o) => o.status);
    expect(all.filter((status) => status === "pending").length).toBeGreaterThan(0);
    await shop.office.write("second", "test", {}, 0, async (tx) => {
      const one = (await tx.get("orders", "W2001201"))!;
      tx.put("orders", { ...one, status: "pending", deliveredAt: undefined });
      return {};
    });
    const run = await shop.run("cancel-order", "C1020", "cancel all my pending orders");
    await run.turn("yes");
    expect(run.lastSaid).toMatch(/is cancelled[\s\S]*Shall I cancel the whole order/);
    await run.turn("yes");
    const left = (await shop.office.by("orders", "customerId", "C1020")).map((o) => o.status);
    expect(left).not.toContain("pending");
  });

  it("leaves it alone after a no", async () => {
    const run = await shop.run("cancel-order", "C1014", "cancel my order");
    await run.turn("no, leave it");
    expect(run.result).toBe("declined");
    expect((await order("W2001141")).status).toBe("pending");
  });

  it("says why a delivered order cannot be cancelled, and offers the return", async () => {
    const run = await shop.run("cancel-order", "C1001", "cancel W2001013");
    expect(run.lastSaid).toMatch(/#W2001013.*\n.*delivered/);
    expect(run.lastSaid).toContain('"return #W2001013"');
    expect(run.asked.some((a) => a.skill === "orders.cancel")).toBe(false);
  });

  it("understands that another order was meant", async () => {
    const run = await shop.run("cancel-order", "C1020", "cancel W2001201");
    expect(run.lastSaid).toContain("delivered");
    const other = await shop.run("cancel-order", "C1001", "cancel the order with the wall clock");
    await other.turn("no wait, I mean W2001012");
    expect(other.lastSaid).toMatch(/#W2001012.*Electric Kettle/s);
    expect((await order("W2001011")).status).toBe("pending");
  });

  it("asks again when the answer is neither yes nor no, and then hands over", async () => {
    const run = await shop.run("cancel-order", "C1014", "cancel my order");
    await run.turn("what about the weather");
    expect(run.lastSaid).toContain("clear yes or no");
    await run.turn("hmm");
    await run.turn("hmm");
    expect(run.result).toBe("handed_off");
  });

  it("tells the truth when the order moved on meanwhile", async () => {
    const run = await shop.run("cancel-order", "C1014", "cancel my order", {
      skills: (name, input, key) => {
        if (name === "orders.cancel")
          throw { code: "conflict", message: "not_cancellable: order is shipped" };
        return shop.skills(name, input, key);
      },
    });
    await run.turn("yes");
    expect(run.lastSaid).toContain("can't be cancelled any more");
    expect(run.result).toBe("declined");
  });

  it("hands over when the order system is down", async () => {
    const run = await shop.run("cancel-order", "C1014", "cancel my order", {
      skills: failing(shop.skills, { "orders.cancel": "unavailable" }),
    });
    await run.turn("yes");
    expect(run.commands.at(-2)).toMatchObject({ type: "pb.handoff", reason: "system_down" });
  });
});

describe("change address", () => {
  it("sends an order elsewhere", async () => {
    const run = await shop.run(
      "change-address",
      "C1014",
      "Please send my yoga mat to 12 Larch Road, Millbrook, CA 94110 instead",
    );
    expect(run.lastSaid).toContain("12 Larch Road, Millbrook, CA 94110");
    await run.turn("yes");
    expect((await order("W2001141")).address).toMatchObject({ line1: "12 Larch Road", postcode: "94110" });
    expect(run.result).toBe("resolved");
  });

  it("asks for an address until it is whole", async () => {
    const run = await shop.run("change-address", "C1014", "wrong address on W2001141");
    expect(run.lastSaid).toContain("What is the new address?");
    await run.turn("Larch Road");
    expect(run.lastSaid).toContain("couldn't read a whole address");
    await run.turn("5 Elm Street, Springfield, IL 62701");
    expect(run.lastSaid).toContain("5 Elm Street");
    await run.turn("no, make it 7 Elm Street, Springfield, IL 62701");
    expect(run.lastSaid).toContain("7 Elm Street");
    await run.turn("yes");
    expect((await order("W2001141")).address.line1).toBe("7 Elm Street");
  });

  it("says that it is too late for an order under way", async () => {
    const run = await shop.run("change-address", "C1001", "change the address of W2001012");
    expect(run.lastSaid).toContain("can't be changed any more");
    expect(run.result).toBe("declined");
  });

  it("changes the address of the account", async () => {
    const run = await shop.run("change-address", "C1016", "I moved, please update the address on my account");
    await run.turn("3 Birch Lane, Larkfield, CA 95611");
    await run.turn("yes");
    expect((await shop.office.get("customers", "C1016"))!.address.line1).toBe("3 Birch Lane");
  });

  it("hands over when the customer system is down", async () => {
    const run = await shop.run("change-address", "C1014", "change my address", {
      skills: failing(shop.skills, { "crm.customer": "timeout" }),
    });
    expect(run.result).toBe("handed_off");
  });
});

describe("return and refund", () => {
  it("takes an item back", async () => {
    const run = await shop.run("return-refund", "C1001", "I want to return the blanket");
    expect(run.lastSaid).toContain("Wool Blanket");
    await run.turn("yes, go ahead");
    const changed = await order("W2001013");
    expect(changed.status).toBe("return_requested");
    expect(changed.changes).toHaveLength(1);
    expect(run.result).toBe("resolved");
  });

  it("asks which items, and takes all of them", async () => {
    const run = await shop.run("return-refund", "C1011", "I'd like to return order W2001111");
    expect(run.lastSaid).toContain("Which of them");
    await run.turn("all of them");
    await run.turn("yes");
    const approval = run.commands.find((c) => c.type === "pb.task");
    expect(approval).toMatchObject({ steps: [{ skill: "orders.return" }] });
  });

  it("waits for a person's approval above the limit", async () => {
    const run = await shop.run("return-refund", "C1003", "I want my money back for the espresso machine");
    await run.turn("yes");
    expect(run.lastSaid).toContain("approved by a colleague");
    expect((await order("W2001031")).status).toBe("delivered");
    await run.turn("and now?");
    expect(run.lastSaid).toContain("approved by a colleague");
    await run.approve(true);
    expect((await order("W2001031")).status).toBe("return_requested");
    expect(run.result).toBe("resolved");
  });

  it("connects to a person when the approval is declined", async () => {
    const run = await shop.run("return-refund", "C1003", "return the espresso machine", {
      approval: "decline",
    });
    await run.turn("yes");
    expect(run.commands.at(-2)).toMatchObject({ type: "pb.handoff", reason: "approval_declined" });
    expect((await order("W2001031")).status).toBe("delivered");
  });

  it("says that the window is over", async () => {
    const run = await shop.run("return-refund", "C1002", "I want to return the backpack");
    expect(run.lastSaid).toContain("30 days");
    expect(run.result).toBe("declined");
  });

  it("offers to cancel what is still pending", async () => {
    const run = await shop.run("return-refund", "C1014", "refund W2001141");
    expect(run.lastSaid).toContain("still pending");
  });

  it("hands over when the order system fails in the middle", async () => {
    const run = await shop.run("return-refund", "C1001", "return the blanket", {
      skills: failing(shop.skills, { "orders.return": "timeout" }),
    });
    await run.turn("yes");
    expect(run.result).toBe("handed_off");
  });
});

describe("exchange", () => {
  it("exchanges for the variant that was asked for", async () => {
    const before = (await order("W2001041")).items.find((i) => i.name === "T-Shirt")!;
    const product = (await shop.office.get("products", before.productId))!;
    const target = product.variants.find(
      (v) =>
        v.available && v.options.size === before.options.size && v.options.color !== before.options.color,
    )!;
    const run = await shop.run(
      "exchange",
      "C1004",
      `I'd like to exchange the T-shirt for the same size in ${target.options.color}`,
    );
    expect(run.lastSaid).toContain(String(target.options.color));
    await run.turn("yes");
    expect((await order("W2001041")).changes?.[0]).toMatchObject({
      kind: "exchange",
      newItemIds: [target.itemId],
    });
    expect(run.result).toBe("resolved");
  });

  it("offers what there is when no wish was given, and takes the second one", async () => {
    const run = await shop.run("exchange", "C1004", "I want to exchange the rain jacket");
    expect(run.lastSaid).toContain("Which one would you like?");
    await run.turn("the second one");
    expect(run.lastSaid).toContain("Shall I arrange it?");
    await run.turn("no");
    expect(run.result).toBe("declined");
  });

  it("takes another wish instead of a yes", async () => {
    const run = await shop.run("exchange", "C1004", "exchange the rain jacket for the cheapest one");
    const before = run.lastSaid;
    await run.turn("the yellow one in XL please");
    expect(run.lastSaid).not.toContain("clear yes or no");
    expect(run.lastSaid).not.toBe(before);
    expect(run.lastSaid).toContain("yellow, XL");
  });

  it("knows what one size up is", async () => {
    const before = (await order("W2001041")).items.find((i) => i.name === "T-Shirt")!;
    const run = await shop.run("exchange", "C1004", "I need the T-shirt one size up, in the same colour");
    const sizes = ["S", "M", "L", "XL", "XXL"];
    expect(run.lastSaid).toContain(
      `(${before.options.color}, ${sizes[sizes.indexOf(before.options.size!) + 1]})`,
    );
  });

  it("changes what is in a pending order, after a yes", async () => {
    const before = await order("W2001011");
    const old = before.items[0]!;
    const product = (await shop.office.get("products", old.productId))!;
    const target = product.variants.find((v) => v.available && v.itemId !== old.itemId)!;
    const run = await shop.run(
      "exchange",
      "C1001",
      `in order W2001011, please change the ${old.name} to ${Object.values(target.options).join(" ")}`,
    );
    expect(run.lastSaid).toContain("I'd change in order #W2001011");
    await run.turn("yes, please go ahead");
    expect((await order("W2001011")).items[0]!.itemId).toBe(target.itemId);
    expect(run.lastSaid).toContain("order #W2001011 is changed");
    expect(run.result).toBe("resolved");
  });

  it("hands over when the catalogue is down", async () => {
    const run = await shop.run("exchange", "C1004", "exchange the rain jacket for a yellow one", {
      skills: failing(shop.skills, { "catalog.variants": "unavailable" }),
    });
    expect(run.result).toBe("handed_off");
  });
});

describe("damaged item", () => {
  it("sends a new one", async () => {
    const run = await shop.run("damaged-item", "C1011", "the plant pot came broken", { approval: "approve" });
    expect(run.lastSaid).toContain("Which would you like?");
    await run.turn("a replacement please");
    expect((await order("W2001111")).changes?.[0]).toMatchObject({ kind: "replacement" });
    expect(run.result).toBe("resolved");
  });

  it("takes it back when it is sold out", async () => {
    const run = await shop.run("damaged-item", "C1012", "my picnic hamper has a broken handle", {
      approval: "approve",
    });
    expect(run.lastSaid).toContain("sold out");
    await run.turn("yes");
    expect((await order("W2001121")).changes?.[0]).toMatchObject({ kind: "return" });
  });

  it("asks a colleague when the parcel cannot have come yet", async () => {
    const run = await shop.run("damaged-item", "C1014", "W2001141 arrived broken");
    expect(run.commands.at(-2)).toMatchObject({ type: "pb.handoff", reason: "contradiction" });
  });
});

describe("missing parcel", () => {
  it("has a parcel traced that is said to have been delivered", async () => {
    const run = await shop.run("missing-parcel", "C1001", "it says delivered but the blanket isn't here");
    expect(run.lastSaid).toContain("Our records say that it was delivered");
    await run.turn("yes please");
    expect(run.commands.at(-2)).toMatchObject({ type: "pb.handoff", reason: "missing_parcel" });
  });

  it("says that an order has not left yet", async () => {
    const run = await shop.run("missing-parcel", "C1014", "my yoga mat never arrived");
    expect(run.lastSaid).toContain("hasn't left us yet");
    expect(run.result).toBe("resolved");
  });
});

describe("product question", () => {
  it("lists what is in stock, for anybody", async () => {
    const run = await shop.run("product-question", "C1001", "what sizes does the rain jacket come in?", {
      customer: null,
    });
    const [product] = await shop.office.by("products", "name", "rain jacket");
    const stock = product!.variants.filter((v) => v.available);
    expect(run.lastSaid).toContain(`${stock.length} available variants`);
    expect(run.result).toBe("resolved");
  });

  it("asks which product, and says when there is none", async () => {
    const run = await shop.run("product-question", "C1001", "what does it cost?", { customer: null });
    expect(run.lastSaid).toContain("Which product");
    await run.turn("a flying carpet");
    expect(run.lastSaid).toContain("don't find a product");
  });
});
