/** What may be done to an order, and why not. Each rule throws a `Refusal` or answers what it worked out. */
import {
  type Customer,
  digitsOf,
  type Order,
  type OrderItem,
  type PaymentMethod,
  type Reader,
  Refusal,
  type Settings,
  type Variant,
} from "../backoffice/index.ts";

const DAY = 86_400_000;
export const cents = (value: number): number => Math.round(value * 100) / 100;

/** As people write it: `#W1234567`, `w 1234567`. */
export const normalOrderId = (text: string): string => text.toUpperCase().replace(/[^A-Z0-9-]/g, "");

/** By number, tolerating a lost `#` or letter. */
export async function findOrder(reader: Reader, number: string): Promise<Order | undefined> {
  const normal = normalOrderId(number);
  if (!normal) return undefined;
  const exact = (await reader.get("orders", normal)) ?? (await reader.get("orders", number));
  if (exact) return exact;
  // Letters that were written have to be right; only lost ones are forgiven.
  if (/[A-Z]/.test(normal) || digitsOf(normal).length < 4) return undefined;
  const same = await reader.by("orders", "digits", digitsOf(normal));
  return same.length === 1 ? same[0] : undefined;
}

/**
 * The customer's own order. Somebody else's is `forbidden`, and the refusal holds no fact of it.
 * @throws Refusal `unknown_order`, `not_yours`
 */
export async function ownOrder(reader: Reader, customerId: string, number: string): Promise<Order> {
  const order = await findOrder(reader, number);
  if (!order) throw new Refusal("not_found", "unknown_order", `there is no order ${normalOrderId(number)}`);
  if (order.customerId !== customerId) {
    throw new Refusal("forbidden", "not_yours", `order ${normalOrderId(number)} is not on this account`);
  }
  return order;
}

export async function customerOf(reader: Reader, customerId: string): Promise<Customer> {
  const customer = await reader.get("customers", customerId);
  if (!customer) throw new Refusal("not_found", "unknown_customer", "there is no such customer");
  return customer;
}

/** The payment method named, or else the one that the order was paid with. */
export function methodFor(customer: Customer, order: Order | undefined, methodId?: string): PaymentMethod {
  const wanted = methodId ?? order?.payments.find((p) => p.kind === "payment")?.methodId;
  const method = customer.paymentMethods.find((m) => m.id === wanted);
  if (method) return method;
  if (methodId === undefined && customer.paymentMethods[0]) return customer.paymentMethods[0];
  throw new Refusal("invalid", "unknown_method", "that payment method is not on this account");
}

export function cancelRule(order: Order, settings: Settings): { amount: number } {
  if (order.status === "cancelled") {
    throw new Refusal("conflict", "already_cancelled", `order ${order.id} is cancelled already`, of(order));
  }
  if (!settings.cancellable.includes(order.status)) {
    throw new Refusal("conflict", "not_cancellable", `order ${order.id} is ${order.status}`, of(order));
  }
  return { amount: paidFor(order) };
}

export function addressRule(order: Order, settings: Settings): void {
  if (!settings.readdressable.includes(order.status)) {
    throw new Refusal("conflict", "not_readdressable", `order ${order.id} is ${order.status}`, of(order));
  }
}

/** The items named, each once as often as it is named. */
export function itemsOf(order: Order, itemIds: readonly string[]): OrderItem[] {
  const left = [...order.items];
  return itemIds.map((itemId) => {
    const index = left.findIndex((item) => item.itemId === itemId);
    if (index < 0) {
      throw new Refusal("invalid", "unknown_item", `order ${order.id} has no item ${itemId}`, of(order));
    }
    return left.splice(index, 1)[0]!;
  });
}

/** Delivered, and no longer ago than the window. Without a date of delivery the window is not judged. */
function deliveredRule(order: Order, now: number, days: number, what: string): { until?: string } {
  if (order.status === "return_requested" || order.status === "exchange_requested") {
    throw new Refusal(
      "conflict",
      "change_under_way",
      `order ${order.id} has a ${order.status} already`,
      of(order),
    );
  }
  if (order.status !== "delivered") {
    throw new Refusal("conflict", "not_delivered", `order ${order.id} is ${order.status}`, of(order));
  }
  if (!order.deliveredAt) return {};
  const until = Date.parse(order.deliveredAt) + days * DAY;
  if (now > until) {
    throw new Refusal("conflict", "window_over", `the ${days} days for ${what} order ${order.id} are over`, {
      ...of(order),
      until: new Date(until).toISOString(),
      days,
    });
  }
  return { until: new Date(until).toISOString() };
}

export type Approval = {
  /** Amounts above it need a person's approval. */
  readonly limit: number;
  readonly amount: number;
};
/** What has to be approved before it is done; undefined when nothing has. */
export function approvalFor(amount: number, settings: Settings): Approval | undefined {
  return amount > settings.refundApprovalLimit ? { limit: settings.refundApprovalLimit, amount } : undefined;
}
export function requireApproval(amount: number, settings: Settings, approval: unknown): void {
  const needed = approvalFor(amount, settings);
  if (needed && !approval) {
    throw new Refusal(
      "forbidden",
      "approval_needed",
      `${amount} is above ${needed.limit} and needs an approval`,
      {
        ...needed,
      },
    );
  }
}

export function returnRule(order: Order, itemIds: readonly string[], settings: Settings, now: number) {
  const { until } = deliveredRule(order, now, settings.returnWindowDays, "sending back");
  const items = itemsOf(order, itemIds);
  const amount = cents(items.reduce((sum, item) => sum + item.price, 0));
  return { items, amount, ...when(until), ...approvalOf(amount, settings) };
}

/** Each new item has to be an available variant of the same product as the old one in its place. */
export async function exchangeRule(
  reader: Reader,
  order: Order,
  itemIds: readonly string[],
  newItemIds: readonly string[],
  settings: Settings,
  now: number,
) {
  const { until } = deliveredRule(order, now, settings.returnWindowDays, "exchanging");
  return { ...(await swapOf(reader, order, itemIds, newItemIds, settings)), ...when(until) };
}

/** Other variants in an order that has not left yet: possible as long as it could be cancelled. */
export async function changeItemsRule(
  reader: Reader,
  order: Order,
  itemIds: readonly string[],
  newItemIds: readonly string[] | undefined,
  settings: Settings,
) {
  if (!settings.cancellable.includes(order.status)) {
    throw new Refusal("conflict", "not_changeable", `order ${order.id} is ${order.status}`, of(order));
  }
  if (!newItemIds) return { items: itemsOf(order, itemIds) };
  return swapOf(reader, order, itemIds, newItemIds, settings);
}

async function swapOf(
  reader: Reader,
  order: Order,
  itemIds: readonly string[],
  newItemIds: readonly string[],
  settings: Settings,
) {
  const items = itemsOf(order, itemIds);
  if (newItemIds.length !== items.length) {
    throw new Refusal("invalid", "pairs_needed", "as many new items are needed as old ones");
  }
  const replacements: OrderItem[] = [];
  for (const [n, item] of items.entries())
    replacements.push(await replacementFor(reader, item, newItemIds[n]!));
  const sum = (list: OrderItem[]) => list.reduce((total, item) => total + item.price, 0);
  /** Positive: the customer has to pay that much more. */
  const difference = cents(sum(replacements) - sum(items));
  return { items, replacements, difference, ...approvalOf(-difference, settings) };
}

async function replacementFor(reader: Reader, item: OrderItem, newItemId: string): Promise<OrderItem> {
  const variant = await variantOf(reader, item.productId, newItemId);
  if (!variant) {
    throw new Refusal("conflict", "other_product", `${newItemId} is not a variant of ${item.name}`);
  }
  if (newItemId === item.itemId) {
    throw new Refusal("conflict", "same_item", `${newItemId} is what the order holds already`);
  }
  if (!variant.available)
    throw new Refusal("conflict", "not_available", `${item.name} ${newItemId} is not available`);
  const { itemId, price, options } = variant;
  return { itemId, productId: item.productId, name: item.name, price, options };
}

export async function variantOf(
  reader: Reader,
  productId: string,
  itemId: string,
): Promise<Variant | undefined> {
  return (await reader.get("products", productId))?.variants.find((v) => v.itemId === itemId);
}

/** The same item again, free of charge, for one that came damaged. */
export async function replaceRule(
  reader: Reader,
  order: Order,
  itemIds: readonly string[],
  settings: Settings,
  now: number,
) {
  const { until } = deliveredRule(order, now, settings.damageWindowDays, "replacing damaged items of");
  const items = itemsOf(order, itemIds);
  for (const item of items) {
    const variant = await variantOf(reader, item.productId, item.itemId);
    if (!variant?.available) {
      throw new Refusal(
        "conflict",
        "not_available",
        `${item.name} ${item.itemId} is not available`,
        of(order),
      );
    }
  }
  return { items, ...when(until), amount: cents(items.reduce((sum, item) => sum + item.price, 0)) };
}

/** Payments less refunds. */
export function paidFor(order: Order): number {
  return cents(order.payments.reduce((sum, p) => sum + (p.kind === "payment" ? p.amount : -p.amount), 0));
}

const when = (until: string | undefined): { until?: string } => (until ? { until } : {});
const approvalOf = (amount: number, settings: Settings): { approval?: Approval } => {
  const approval = approvalFor(amount, settings);
  return approval ? { approval } : {};
};
const of = (order: Order) => ({ orderId: order.id, status: order.status });
