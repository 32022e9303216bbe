import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Inventory } from "../inventory.ts";
import { NOW, type TestOffice, testOffice } from "../testing.ts";

let t: TestOffice;
beforeAll(async () => {
  t = await testOffice();
});
afterAll(() => t.close());

const DAY = 86_400_000;
const call = (skill: string, input: object, options?: object) =>
  t.call(skill, input as never, options as never);
const reasonOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "done",
    (error) => `${error.code}/${error.reason}`,
  );

describe("the inventory", () => {
  const inventory = new Inventory();
  it("says of every skill what a caller has to know", () => {
    for (const skill of inventory.list()) {
      expect(skill.description.length, skill.name).toBeGreaterThan(10);
      if (skill.effect === "write") expect(skill.honoursKeys && skill.lookup, skill.name).toBe(true);
    }
    expect(inventory.get("orders.cancel")).toMatchObject({
      effect: "write",
      consequential: true,
      compensatedBy: "orders.reopen",
      inputs: { required: ["customerId", "orderId"], optional: ["reason"] },
    });
    expect([...inventory.systems()].sort()).toEqual(["billing", "catalog", "crm", "orders", "telemetry"]);
  });
  it("refuses a skill that is taken back by one that does not exist", () => {
    const cancel = inventory.get("orders.cancel")!;
    expect(() => new Inventory([cancel])).toThrow(/orders.reopen/);
  });
});

describe("somebody else's records", () => {
  it("are refused without a fact", async () => {
    for (const [skill, input] of [
      ["orders.get", { orderId: "W2001011" }],
      ["orders.cancel", { orderId: "W2001011" }],
      ["orders.check", { orderId: "W2001011", action: "cancel" }],
      ["orders.return", { orderId: "W2001013", itemIds: ["x"] }],
      ["billing.refund", { orderId: "W2001013" }],
    ] as const) {
      const error = await call(skill, { customerId: "C1002", ...input }).catch((e) => e);
      expect(error.code, skill).toBe("forbidden");
      expect(error.reason).toBe("not_yours");
      expect(error.details).toEqual({});
    }
  });
  it("are named as foreign when matching, and nothing of them is shown", async () => {
    const found = await call("orders.match", {
      customerId: "C1002",
      numbers: ["W2001011", "W0000001", "#2001021"],
    });
    expect(found.orders.map((o: { id: string }) => o.id)).toEqual(["W2001021"]);
    expect(found).toMatchObject({ foreign: ["W2001011"], unknown: ["W0000001"] });
  });
});

describe("orders", () => {
  it("are matched by items within the wanted statuses", async () => {
    const all = await call("orders.match", { customerId: "C1020", text: "the desk lamps" });
    expect(all.orders).toHaveLength(3);
    const open = await call("orders.match", {
      customerId: "C1020",
      text: "the desk lamps",
      statuses: ["pending"],
    });
    expect(open.orders).toMatchObject([{ id: "W2001203", matchedItems: [{ name: "Desk Lamp" }] }]);
  });

  it("are cancelled while pending, paid back, and opened again", async () => {
    const mine = { customerId: "C1001", orderId: "W2001011" };
    const cancelled = await call("orders.cancel", { ...mine, reason: "changed my mind" });
    expect(cancelled).toMatchObject({ status: "cancelled", refunded: cancelled.total });
    const [invoice] = (await call("billing.invoices", { customerId: "C1001", orderId: "W2001011" })).invoices;
    expect(invoice.status).toBe("refunded");
    expect(await reasonOf(call("orders.cancel", mine))).toBe("conflict/already_cancelled");
    const open = await call("orders.reopen", mine);
    expect(open).toMatchObject({ status: "pending" });
    expect(open.payments).toHaveLength(1);
    expect(await reasonOf(call("orders.reopen", mine))).toBe("conflict/not_cancelled");
  });

  it("are not cancelled once they are under way", async () => {
    expect(await reasonOf(call("orders.cancel", { customerId: "C1001", orderId: "W2001012" }))).toBe(
      "conflict/not_cancellable",
    );
  });

  it("get another address before they are sent, and only then", async () => {
    const address = { line1: "9 New Street", city: "Wrenport", state: "MA", postcode: "02101" };
    const changed = await call("orders.change_address", {
      customerId: "C1013",
      orderId: "W2001131",
      address,
    });
    expect(changed).toMatchObject({
      address: { ...address, country: "USA" },
      previous: { postcode: "97244" },
    });
    expect(
      await reasonOf(call("orders.change_address", { customerId: "C1013", orderId: "W2001132", address })),
    ).toBe("conflict/not_readdressable");
  });
});

describe("sending back", () => {
  const mine = { customerId: "C1001", orderId: "W2001013" };
  it("is possible within the window, once, and can be undone", async () => {
    const order = await call("orders.get", mine);
    const itemIds = [order.items[0].itemId];
    expect(await call("orders.check", { ...mine, action: "return", itemIds })).toMatchObject({
      allowed: true,
      amount: order.items[0].price,
    });
    const done = await call("orders.return", { ...mine, itemIds });
    expect(done).toMatchObject({ status: "return_requested", amount: order.items[0].price });
    expect(await reasonOf(call("orders.return", { ...mine, itemIds }))).toBe("conflict/change_under_way");
    expect(await call("orders.undo_return", mine)).toMatchObject({ status: "delivered" });
    expect(await reasonOf(call("orders.undo_return", mine))).toBe("conflict/nothing_to_undo");
  });
  it("is refused after the window and before the delivery", async () => {
    const late = await call("orders.check", { customerId: "C1002", orderId: "W2001021", action: "return" });
    expect(late).toMatchObject({ allowed: false, reason: "window_over", details: { days: 30 } });
    expect(
      await call("orders.check", { customerId: "C1001", orderId: "W2001012", action: "return" }),
    ).toMatchObject({ allowed: false, reason: "not_delivered" });
  });
  it("needs an approval above the limit", async () => {
    const dear = { customerId: "C1003", orderId: "W2001031" };
    const order = await call("orders.get", dear);
    const itemIds = [order.items[0].itemId];
    expect(await call("orders.check", { ...dear, action: "return" })).toMatchObject({
      allowed: true,
      approval: { limit: 200, amount: order.total },
    });
    expect(await reasonOf(call("orders.return", { ...dear, itemIds }))).toBe("forbidden/approval_needed");
    expect(await call("orders.return", { ...dear, itemIds, approval: { id: "A1" } })).toMatchObject({
      status: "return_requested",
    });
  });
});

describe("exchanging", () => {
  const mine = { customerId: "C1004", orderId: "W2001041" };
  it("works out the difference, and only takes an available variant of the same product", async () => {
    const order = await call("orders.get", mine);
    const old = order.items[0];
    const { variants } = await call("catalog.product", { productId: old.productId });
    const free = variants.find((v: any) => v.available && v.itemId !== old.itemId);
    const gone = variants.find((v: any) => !v.available);
    const other = (await call("catalog.product", { name: "Yoga Mat" })).variants[0];
    const attempt = (newItemId: string) =>
      call("orders.exchange", { ...mine, itemIds: [old.itemId], newItemIds: [newItemId] });
    expect(await reasonOf(attempt(old.itemId))).toBe("conflict/same_item");
    expect(await reasonOf(attempt(other.itemId))).toBe("conflict/other_product");
    if (gone) expect(await reasonOf(attempt(gone.itemId))).toBe("conflict/not_available");
    const done = await attempt(free.itemId);
    expect(done).toMatchObject({ status: "exchange_requested" });
    expect(done.difference).toBeCloseTo(free.price - old.price, 2);
    expect(await call("orders.undo_exchange", mine)).toMatchObject({ status: "delivered" });
  });
  it("of a damaged item needs one in stock", async () => {
    const order = await call("orders.get", { customerId: "C1012", orderId: "W2001121" });
    expect(
      await reasonOf(
        call("orders.replace", { customerId: "C1012", orderId: order.id, itemIds: [order.items[0].itemId] }),
      ),
    ).toBe("conflict/not_available");
    const lamp = await call("orders.get", { customerId: "C1011", orderId: "W2001111" });
    expect(
      await call("orders.replace", {
        customerId: "C1011",
        orderId: lamp.id,
        itemIds: [lamp.items[0].itemId],
      }),
    ).toMatchObject({ status: "exchange_requested", worth: lamp.items[0].price });
  });
});

describe("changing items before they leave", () => {
  it("changes the variant, the total and what was paid, once, and takes it back", async () => {
    const mine = { customerId: "C1001", orderId: "W2001011" };
    const order = await call("orders.get", mine);
    const old = order.items[0];
    const { variants } = await call("catalog.product", { productId: old.productId });
    const free = variants.find((v: any) => v.available && v.itemId !== old.itemId);
    const input = { ...mine, itemIds: [old.itemId], newItemIds: [free.itemId] };
    const check = await call("orders.check", { ...input, action: "change_items" });
    expect(check).toMatchObject({ allowed: true });
    const done = await call("orders.change_items", input, { key: "swap" });
    expect(await call("orders.change_items", input, { key: "swap" })).toEqual(done);
    expect(done.items.map((i: any) => i.itemId)).toContain(free.itemId);
    expect(done).toMatchObject({ status: "pending", difference: check.difference });
    expect(done.total).toBeCloseTo(order.total + done.difference, 2);
    const back = await call("orders.undo_change_items", mine);
    expect(back).toMatchObject({ items: order.items, total: order.total, payments: order.payments });
    expect(await reasonOf(call("orders.undo_change_items", mine))).toBe("conflict/nothing_to_undo");
  });
  it("refuses what has left, and what is not a variant", async () => {
    const sent = { customerId: "C1001", orderId: "W2001013" };
    const order = await call("orders.get", sent);
    const itemIds = [order.items[0].itemId];
    expect(await reasonOf(call("orders.change_items", { ...sent, itemIds, newItemIds: itemIds }))).toBe(
      "conflict/not_changeable",
    );
  });
});

describe("billing", () => {
  it("refunds no more than was paid, and takes it back", async () => {
    const mine = { customerId: "C1011", orderId: "W2001111" };
    const { left } = await call("billing.check_refund", mine);
    expect(await reasonOf(call("billing.refund", { ...mine, amount: left + 1 }))).toBe("conflict/too_much");
    const part = await call("billing.refund", { ...mine, amount: 10 });
    expect((await call("billing.check_refund", mine)).left).toBeCloseTo(left - 10, 2);
    await call("billing.undo_refund", { ...mine, refundId: part.refundId });
    expect((await call("billing.check_refund", mine)).left).toBe(left);
  });

  it("gives one key one refund", async () => {
    const mine = { customerId: "C1005", orderId: "W2001051", amount: 5 };
    const first = await call("billing.refund", mine, { key: "one-key" });
    expect(await call("billing.refund", mine, { key: "one-key" })).toEqual(first);
    expect(await t.office.by("refunds", "orderId", "W2001051")).toHaveLength(1);
    expect(await t.office.lookup("one-key")).toMatchObject({ outcome: "applied", result: { amount: 5 } });
  });

  it("collects a failed invoice from a method that works", async () => {
    const { invoices } = await call("billing.invoices", { customerId: "C1006", statuses: ["failed"] });
    const failed = { customerId: "C1006", invoiceId: invoices[0].number };
    expect(await reasonOf(call("billing.retry_payment", failed))).toBe("conflict/payment_declined");
    const paid = await call("billing.retry_payment", { ...failed, method: "C1006-PM2" });
    expect(paid).toMatchObject({ status: "paid", method: "PayPal" });
    expect(await call("billing.subscription", { customerId: "C1006" })).toMatchObject({ status: "active" });
    expect(await reasonOf(call("billing.retry_payment", failed))).toBe("conflict/already_paid");
    expect(await call("billing.undo_payment", failed)).toMatchObject({ status: "failed" });
  });
});

describe("subscriptions", () => {
  it("move up, not below what is used, and back", async () => {
    const mine = { customerId: "C1005" };
    expect(await call("telemetry.usage", mine)).toMatchObject({ nearLimit: true, highest: { percent: 96 } });
    expect(await call("billing.plans", mine)).toMatchObject({
      current: { name: "Plus" },
      next: { name: "Family" },
    });
    expect(await reasonOf(call("billing.change_plan", { ...mine, plan: "Basic" }))).toBe(
      "conflict/usage_above_limit",
    );
    expect(await reasonOf(call("billing.change_plan", { ...mine, plan: "plus" }))).toBe("conflict/same_plan");
    expect(await call("billing.change_plan", { ...mine, plan: "Family" })).toMatchObject({
      plan: "Family",
      previousPlan: "Plus",
      difference: 5,
    });
    expect(await call("telemetry.usage", mine)).toMatchObject({ nearLimit: false });
    expect(await call("billing.undo_change_plan", mine)).toMatchObject({ plan: "Plus" });
  });

  it("are cancelled, resumed, and ended for good after the period", async () => {
    const mine = { customerId: "C1008" };
    const before = await call("billing.subscription", mine);
    const cancelled = await call("billing.cancel_subscription", mine);
    expect(cancelled).toMatchObject({ status: "cancelled", endsAt: before.renewsAt });
    expect(await reasonOf(call("billing.cancel_subscription", mine))).toBe("conflict/already_cancelled");
    expect(await reasonOf(call("billing.resume_subscription", mine, { now: NOW + 60 * DAY }))).toBe(
      "conflict/ended",
    );
    const resumed = await call("billing.resume_subscription", mine);
    expect(resumed).toMatchObject({ status: "active", renewsAt: before.renewsAt });
  });

  it("are listed, the liveliest first", async () => {
    const list = async (customerId: string) => {
      const { subscriptions } = await call("billing.subscriptions", { customerId });
      return subscriptions.map((s: { id: string; status: string }) => `${s.id} ${s.status}`);
    };
    const one = (await t.office.by("subscriptions", "customerId", "C1019"))[0]!;
    await t.office.write("second-subscription", "test", {}, NOW, async (tx) => {
      tx.put("subscriptions", { ...one, id: "S-second", status: "active" });
      return {};
    });
    expect(await list("C1019")).toEqual(["S-second active", `${one.id} cancelled`]);
    expect(await list("C1016")).toEqual([]);
  });

  it("get an offer once", async () => {
    const { offers } = await call("billing.offers", { customerId: "C1008" });
    expect(offers).toMatchObject([{ id: "stay-30", price: 10.49 }]);
    await call("billing.apply_offer", { customerId: "C1008", offerId: "stay-30" });
    expect((await call("billing.offers", { customerId: "C1008" })).offers).toEqual([]);
    expect(await reasonOf(call("billing.apply_offer", { customerId: "C1009", offerId: "stay-30" }))).toBe(
      "conflict/already_discounted",
    );
    expect(await reasonOf(call("billing.apply_offer", { customerId: "C1016", offerId: "stay-30" }))).toBe(
      "not_found/no_subscription",
    );
  });
});
