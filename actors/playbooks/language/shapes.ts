/**
 * What records look like, for the linter: which members a text may use and which of them may be absent. A member with
 * `?` is one that an imported back office may lack (dates, totals, tracking …).
 */

export type Shape = { readonly [member: string]: Shape | "value" | "any" };

const address: Shape = {
  line1: "value",
  "line2?": "value",
  city: "value",
  "state?": "value",
  postcode: "value",
  "country?": "value",
};
const item: Shape = {
  itemId: "value",
  productId: "value",
  name: "value",
  price: "value",
  options: "any",
};
const order: Shape = {
  id: "value",
  customerId: "value",
  status: "value",
  "placedAt?": "value",
  "deliveredAt?": "value",
  "expectedAt?": "value",
  "cancelledAt?": "value",
  items: item,
  total: "value",
  currency: "value",
  address: address,
  "tracking?": "any",
  payments: { kind: "value", amount: "value", methodId: "value", "at?": "value", "reference?": "value" },
  "changes?": {
    id: "value",
    kind: "value",
    itemIds: "any",
    "newItemIds?": "any",
    amount: "value",
    "methodId?": "value",
    "reason?": "value",
    status: "value",
    requestedAt: "value",
  },
  "cancelReason?": "value",
  "shippedAt?": "value",
  "matchedItems?": item,
};
const variant: Shape = {
  itemId: "value",
  "options?": "any",
  "available?": "value",
  "price?": "value",
  "name?": "value",
};
const product: Shape = {
  id: "value",
  name: "value",
  variants: variant,
  "currency?": "value",
  "available?": "value",
  "fromPrice?": "value",
  "toPrice?": "value",
};
const invoice: Shape = {
  id: "value",
  "customerId?": "value",
  "orderId?": "value",
  "subscriptionId?": "value",
  "number?": "value",
  amount: "value",
  "currency?": "value",
  status: "value",
  "issuedAt?": "value",
  "dueAt?": "value",
  "paidAt?": "value",
  "lines?": "any",
};
const plan: Shape = { id: "value", name: "value", price: "value", "currency?": "value", "limits?": "any" };
const subscription: Shape = {
  id: "value",
  "customerId?": "value",
  plan: "any",
  status: "value",
  "price?": "value",
  "currency?": "value",
  "renewsAt?": "value",
  "endsAt?": "value",
  "offer?": "any",
};
const customer: Shape = {
  id: "value",
  "name?": "value",
  "firstName?": "value",
  "lastName?": "value",
  "email?": "value",
  "phone?": "value",
  "address?": address,
  "paymentMethods?": { "id?": "value", "kind?": "value", "label?": "value" },
  "since?": "value",
};

/** What skills answer. Skills that are not listed are not checked below their first member. */
export const RESULTS: Readonly<Record<string, Shape>> = {
  "orders.list": { orders: order },
  "orders.get": order,
  "crm.customer": customer,
  "billing.invoices": { invoices: invoice },
  "billing.invoice": invoice,
  "catalog.variants": { "productId?": "value", "name?": "value", matches: variant },
  "catalog.product": product,
};

export const SLOTS: Readonly<Record<string, Shape | "value" | "any">> = {
  order,
  items: item,
  variant,
  address,
  choice: "any",
};

export const FAILURE: Shape = { code: "value", "message?": "value", "retryable?": "value" };
export const CUSTOMER: Shape = {
  id: "value",
  verified: "value",
  "name?": "value",
  "firstName?": "value",
  "email?": "value",
};
export const SHAPES = { order, item, invoice, plan, subscription, customer, product, variant, address };

export type Look =
  | { readonly found: true; readonly shape: Shape | "value" | "any"; readonly optional: readonly number[] }
  | { readonly found: false; readonly at: number; readonly known: readonly string[] };

/** Follows a path below a shape; indexes into lists do not count. `optional` are the depths that may be absent. */
export function lookUp(shape: Shape | "value" | "any", parts: readonly (string | number)[]): Look {
  const optional: number[] = [];
  let here: Shape | "value" | "any" = shape;
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!;
    if (typeof part === "number" || here === "any") continue;
    if (here === "value") return { found: false, at: i, known: [] };
    if (Object.hasOwn(here, part)) here = here[part]!;
    else if (Object.hasOwn(here, `${part}?`)) {
      here = here[`${part}?`]!;
      optional.push(i);
    } else return { found: false, at: i, known: Object.keys(here).map((k) => k.replace("?", "")) };
  }
  return { found: true, shape: here, optional };
}
