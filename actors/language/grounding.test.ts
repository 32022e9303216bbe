import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ground } from "./grounding.ts";

const ORDER = JSON.stringify({
  id: "W1234567",
  status: "shipped",
  total: 1234.5,
  expectedAt: Date.UTC(2024, 4, 20),
  placedAt: "2024-05-02T10:00:00Z",
  tracking: ["907614527588"],
  address: { line1: "12 Oak Street", city: "Denver", postcode: "80217" },
  items: [{ itemId: "1151293680", name: "Desk lamp", price: 49 }],
});
const OTHER = JSON.stringify({ id: "W7654321", status: "delivered", total: 20 });
const POLICY =
  "Delivered orders can be returned within 30 days. A refund takes 5-7 business days. Returns cost $4.90, or 10 % of the price.";

const unsupported = (text: string, evidence: string[] = [ORDER, OTHER, POLICY]): string[] =>
  ground({ text, evidence }).unsupported.map((f) => `${f.kind}:${f.text}`);

describe("held by the evidence", () => {
  test.each([
    "Your order W1234567 is shipped; the total is $1,234.50.",
    "Order #W1234567 is on its way and should arrive on May 20, 2024.",
    "It was placed on 2 May.",
    "The tracking number is 907614527588.",
    "It goes to 12 Oak Street, Denver.",
    "You can return it within 30 days; a refund takes 5-7 business days.",
    "A return costs $4.90 or 10%.",
    "Order W7654321 was delivered. Order W1234567 has been shipped.",
    "Thanks for your patience! How can I help you?",
    "Would you like me to have it cancelled?",
    "You have thirty days to send it back.",
    "I'm sorry for the inconvenience. I'm happy to help!",
    "If your order was delivered, it can be returned.",
    "Refunds take a few business days.",
  ])("%s", (text) => {
    expect(unsupported(text)).toEqual([]);
  });
});

describe("invented", () => {
  test.each([
    ["Order W9999999 is fine.", ["order_number:W9999999"]],
    ["The total is $1,234.60.", ["amount:$1,234.60"]],
    ["The total is €1,234.50 for W1234567? No: 1.234,51 €.", ["amount:1.234,51 €"]],
    ["It arrives on May 21, 2024.", ["date:May 21, 2024"]],
    ["It arrives tomorrow.", ["date:tomorrow"]],
    ["Your refund has been issued.", ["status:issued"]],
    ["I have cancelled your order.", ["status:cancelled"]],
    ["Order W1234567 was delivered.", ["status:delivered"]],
    ["Order W1234567 costs $20.", ["amount:$20"]],
    ["The tracking number is 1Z999AA10123456784.", ["tracking:1Z999AA10123456784"]],
    ["Write to help@example.com.", ["email:help@example.com"]],
    ["You get 15% off.", ["percent:15%"]],
    ["Returns are free for 60 days.", ["number:60 days"]],
    ["It goes to 99 Elm Street.", ["address:99 Elm Street"]],
    ["Your parcel has left our warehouse.", ["statement:Your parcel has left our warehouse."]],
    ["The driver is nearly there.", ["statement:The driver is nearly there."]],
    ["It is waiting for you at the counter.", ["statement:It is waiting for you at the counter."]],
    ["We'll send you another lamp for nothing.", ["statement:We'll send you another lamp for nothing."]],
    ["I've spoken to the carrier.", ["statement:I've spoken to the carrier."]],
    ["See www.evil.example/refund.", ["url:www.evil.example/refund"]],
  ])("%s", (text, want) => {
    expect(unsupported(text)).toEqual(want);
  });

  test("what a policy says of delivered orders says nothing of this one", () => {
    expect(unsupported("Your parcel was delivered.", [POLICY])).toEqual(["status:delivered"]);
  });

  test("nor does what it says of any parcel", () => {
    const policy = ["A parcel that has left our warehouse can't be changed any more."];
    expect(unsupported("A parcel that has left the warehouse can't be changed.", policy)).toEqual([]);
    expect(unsupported("Your parcel has left our warehouse.", policy)).toHaveLength(1);
    expect(unsupported("Once your parcel has left our warehouse it can't be changed.", policy)).toEqual([]);
  });

  test("records of one JSON list are told apart", () => {
    const list = `[${ORDER},${OTHER}]`;
    expect(unsupported("Order W1234567 was delivered.", [list])).toEqual(["status:delivered"]);
    expect(unsupported("Order W7654321 was delivered.", [list])).toEqual([]);
  });

  test("without evidence nothing is held", () => {
    expect(ground({ text: "Order W1234567 costs $5.", evidence: [] }).ok).toBe(false);
    expect(ground({ text: "Happy to help.", evidence: [] }).ok).toBe(true);
  });
});

test("a text supports itself; nothing throws", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
      for (const fact of ground({ text, evidence: [] }).unsupported) {
        expect(text.slice(fact.start, fact.end)).toBe(fact.text);
      }
    }),
  );
});
