import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { failing, TestShop } from "./testing.ts";

describe("order status", () => {
  let shop: TestShop;
  beforeAll(async () => {
    shop = await TestShop.open();
  });
  afterAll(() => shop.close());

  it("states the facts of the order that was named", async () => {
    const run = await shop.run("order-status", "C1001", "where is my order #W2001012?");
    const order = (await shop.office.get("orders", "W2001012"))!;
    expect(run.said).toHaveLength(1);
    expect(run.lastSaid).toContain("#W2001012");
    expect(run.lastSaid).toContain("shipped");
    expect(run.lastSaid).toContain("Electric Kettle");
    expect(run.lastSaid).toContain(order.total.toFixed(2));
    expect(run.lastSaid).toContain(order.tracking[0]);
    expect(run.result).toBe("resolved");
  });

  it("finds the order by the words for its item", async () => {
    const run = await shop.run("order-status", "C1001", "Has the kettle been sent out yet?");
    expect(run.lastSaid).toContain("#W2001012");
  });

  it("lists the newest orders with their facts when nothing says which, and understands the answer", async () => {
    const run = await shop.run("order-status", "C1001", "what is going on with my order?");
    expect(run.lastSaid).toMatch(/#W2001011, pending: Desk Lamp/);
    expect(run.lastSaid).toMatch(/#W2001013, delivered: Wool Blanket/);
    await run.turn("the second one");
    expect(run.lastSaid).toContain("Electric Kettle");
    expect(run.result).toBe("resolved");
  });

  it("refuses another customer's order without a fact of it, in the same words as one that does not exist", async () => {
    const foreign = await shop.run("order-status", "C1001", "where is W2001031?");
    const unknown = await shop.run("order-status", "C1001", "where is W9999999?");
    expect(foreign.lastSaid).not.toContain("Espresso");
    expect(foreign.lastSaid.replace("W2001031", "X")).toBe(unknown.lastSaid.replace("W9999999", "X"));
    await foreign.turn("oh sorry, I mean W2001013");
    expect(foreign.lastSaid).toContain("Wool Blanket");
  });

  it("takes several orders one after the other", async () => {
    const run = await shop.run("order-status", "C1001", "Where are W2001011 and W2001012?");
    expect(run.lastSaid).toContain("Desk Lamp");
    expect(run.lastSaid).toContain("Electric Kettle");
    expect(run.result).toBe("resolved");
  });

  it("waits for verification and uses what was said meanwhile", async () => {
    const run = await shop.run("order-status", "C1001", "where is my stuff", { customer: null });
    expect(run.commands).toEqual([{ type: "pb.verify" }]);
    await run.verified(await shop.customer("C1001"), "it's W2001013 and my postcode is 95611");
    expect(run.lastSaid).toContain("Wool Blanket");
  });

  it("says that there is no order when there is none", async () => {
    const run = await shop.run("order-status", "C1016", "where is my order");
    expect(run.lastSaid).toContain("don't find an order");
    expect(run.result).toBe("resolved");
  });

  it("hands over when the order system is down", async () => {
    const run = await shop.run("order-status", "C1001", "where is W2001012", {
      skills: failing(shop.skills, { "orders.match": "timeout" }),
    });
    expect(run.result).toBe("handed_off");
    expect(run.commands.find((c) => c.type === "pb.handoff")).toMatchObject({ reason: "system_down" });
  });

  it("hands over when the answer stays unclear", async () => {
    const run = await shop.run("order-status", "C1001", "order?");
    for (let i = 0; i < 3; i++) await run.turn("hm well you know");
    expect(run.result).toBe("handed_off");
  });
});
