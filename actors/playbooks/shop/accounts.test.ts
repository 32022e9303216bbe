/** Playbooks about money and subscriptions, each succeeding and failing, against the real back office. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { failing, TestShop } from "./testing.ts";

let shop: TestShop;
beforeEach(async () => {
  shop = await TestShop.open();
});
afterEach(() => shop.close());
const subscription = async (customer: string) =>
  (await shop.office.by("subscriptions", "customerId", customer))[0]!;

describe("invoice question", () => {
  it("states the facts of an invoice", async () => {
    const [invoice] = await shop.office.by("invoices", "customerId", "C1010");
    const run = await shop.run("invoice-question", "C1010", `what is invoice ${invoice!.number} for?`);
    expect(run.lastSaid).toContain(invoice!.number);
    expect(run.lastSaid).toContain(invoice!.amount.toFixed(2));
    await run.turn("yes");
    expect(run.result).toBe("resolved");
  });

  it("lists several and hears which", async () => {
    const run = await shop.run("invoice-question", "C1001", "I have a question about my bill");
    const invoices = await shop.office.by("invoices", "customerId", "C1001");
    expect(run.lastSaid).toContain(invoices[0]!.number);
    await run.turn(invoices[0]!.number);
    expect(run.lastSaid).toContain(invoices[0]!.amount.toFixed(2));
    await run.turn("no, that's not what I mean");
    expect(run.commands.at(-2)).toMatchObject({ type: "pb.handoff", reason: "billing_dispute" });
  });

  it("says that there is none", async () => {
    const run = await shop.run("invoice-question", "C1016", "my invoice?");
    expect(run.lastSaid).toContain("don't find an invoice");
  });

  it("hands over when billing is down", async () => {
    const run = await shop.run("invoice-question", "C1010", "my invoice?", {
      skills: failing(shop.skills, { "billing.invoices": "timeout" }),
    });
    expect(run.result).toBe("handed_off");
  });
});

describe("payment failed", () => {
  it("collects from the payment method that was chosen", async () => {
    const run = await shop.run("payment-failed", "C1006", "my card was declined");
    expect(run.lastSaid).toContain("Which payment method");
    await run.turn("use PayPal");
    await run.turn("yes");
    expect(run.lastSaid).toContain("settled");
    expect((await subscription("C1006")).status).toBe("active");
  });

  it("asks for another one when it is declined, once, and then hands over", async () => {
    const run = await shop.run("payment-failed", "C1007", "please retry the payment");
    await run.turn("the Mastercard");
    await run.turn("yes");
    expect(run.lastSaid).toContain("was declined");
    await run.turn("the Visa then");
    await run.turn("yes");
    expect(run.commands.at(-2)).toMatchObject({ type: "pb.handoff", reason: "payment_declined" });
  });

  it("says that nothing is open", async () => {
    const run = await shop.run("payment-failed", "C1016", "did my payment fail?");
    expect(run.result).toBe("resolved");
  });
});

describe("change plan", () => {
  it("changes it", async () => {
    const run = await shop.run("change-plan", "C1008", "please switch me to the Pro plan");
    expect(run.lastSaid).toMatch(/Pro costs .24\.99/);
    await run.turn("yes");
    expect((await subscription("C1008")).plan).toBe("Pro");
    expect(run.result).toBe("resolved");
  });

  it("lists the plans, and knows the present one", async () => {
    const run = await shop.run("change-plan", "C1008", "what plans do you have");
    expect(run.lastSaid).toContain("Basic: ");
    await run.turn("Family");
    expect(run.lastSaid).toContain("already");
    await run.turn("Plus");
    await run.turn("no");
    expect(run.result).toBe("declined");
  });

  it("says that there is no subscription", async () => {
    const run = await shop.run("change-plan", "C1016", "change my plan");
    expect(run.lastSaid).toContain("don't find a subscription");
  });
});

describe("cancel subscription", () => {
  it("makes an offer once, and cancels", async () => {
    const run = await shop.run("cancel-subscription", "C1017", "cancel my subscription, it's too expensive");
    expect(run.commands.filter((c) => c.type === "pb.offer")).toHaveLength(1);
    expect(run.lastSaid).toContain("30 % off");
    await run.turn("no, cancel anyway");
    await run.turn("yes");
    expect(await subscription("C1017")).toMatchObject({ status: "cancelled", cancelReason: "too expensive" });
  });

  it("applies the offer", async () => {
    const run = await shop.run("cancel-subscription", "C1017", "end my membership");
    await run.turn("ok I'll stay with the discount");
    await run.turn("yes");
    expect((await subscription("C1017")).discount).toMatchObject({ percent: 30 });
    expect(run.result).toBe("resolved");
  });

  it("makes no offer to who has one, and hears a no", async () => {
    const run = await shop.run("cancel-subscription", "C1009", "cancel my subscription");
    expect(run.commands.some((c) => c.type === "pb.offer")).toBe(false);
    await run.turn("no");
    expect((await subscription("C1009")).status).toBe("active");
    expect(run.result).toBe("declined");
  });

  it("says that it is cancelled already", async () => {
    const run = await shop.run("cancel-subscription", "C1019", "cancel my subscription");
    expect(run.lastSaid).toContain("cancelled already");
  });

  it("hands over when billing is down", async () => {
    const run = await shop.run("cancel-subscription", "C1017", "cancel my subscription", {
      skills: failing(shop.skills, { "billing.offers": "timeout" }),
    });
    expect(run.result).toBe("handed_off");
  });
});

describe("usage and upgrade", () => {
  it("offers the next plan near the limit", async () => {
    const run = await shop.run("usage-upgrade", "C1005", "my storage is almost full");
    expect(run.lastSaid).toContain("Family");
    await run.turn("yes");
    expect((await subscription("C1005")).plan).toBe("Family");
  });

  it("says that there is room", async () => {
    const run = await shop.run("usage-upgrade", "C1008", "how much have I used");
    expect(run.lastSaid).toContain("room left");
    expect(run.result).toBe("resolved");
  });

  it("asks a colleague when there is no larger plan", async () => {
    const run = await shop.run("usage-upgrade", "C1018", "I'm out of space");
    await run.turn("yes");
    expect(run.commands.at(-2)).toMatchObject({ type: "pb.handoff", reason: "beyond_largest_plan" });
  });
});

describe("talk to a person", () => {
  it("hands over with the matter", async () => {
    const run = await shop.run("talk-to-person", "C1001", "I want to talk to a manager");
    expect(run.commands.at(-2)).toMatchObject({
      reason: "requested",
      summary: expect.stringContaining("complaint"),
    });
  });
  it("hands over without one, also unverified", async () => {
    const run = await shop.run("talk-to-person", "C1001", "human please", { customer: null });
    expect(run.result).toBe("handed_off");
  });
});
