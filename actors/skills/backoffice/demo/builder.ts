/** Makes consistent records: an order's total is the sum of its items, its payments match its status, and so on. */
import type {
  Customer,
  Invoice,
  Order,
  OrderItem,
  OrderStatus,
  Plan,
  Product,
  Subscription,
  Usage,
  Variant,
} from "../types.ts";
import { UNITS } from "./assortment.ts";
import type { Random } from "./random.ts";

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
export const CURRENCY = "USD";

export const cents = (value: number): number => Math.round(value * 100) / 100;
export const iso = (ms: number): string => new Date(Math.floor(ms / 60_000) * 60_000).toISOString();

export interface World {
  readonly now: number;
  readonly products: Product[];
  readonly plans: Plan[];
  customers: Customer[];
  orders: Order[];
  subscriptions: Subscription[];
  invoices: Invoice[];
  usage: Usage[];
}

export function itemOf(product: Product, variant: Variant): OrderItem {
  const { itemId, price, options } = variant;
  return { itemId, productId: product.id, name: product.name, price, options };
}

/** `Desk Lamp` or `Desk Lamp/2`, the second variant. */
export function itemNamed(world: World, text: string): OrderItem {
  const [name, n = "1"] = text.split("/");
  const product = world.products.find((p) => p.name === name);
  const variant = product?.variants[Number(n) - 1];
  if (!product || !variant) throw new Error(`the generated company does not sell ${text}`);
  return itemOf(product, variant);
}

export interface OrderPlan {
  readonly id: string;
  readonly status: OrderStatus;
  /** Days before now: when it was placed, or, for a delivered one, when it was delivered. */
  readonly days: number;
  readonly items: OrderItem[];
}

export function addOrder(world: World, random: Random, customer: Customer, plan: OrderPlan): Order {
  const { now } = world;
  const at = now - plan.days * DAY - random.int(1, 9) * HOUR;
  const arrived = ["delivered", "return_requested", "exchange_requested"].includes(plan.status);
  const sent = arrived || plan.status === "shipped";
  const placed = arrived ? at - random.int(3, 6) * DAY : at;
  const method = customer.paymentMethods.find((m) => !m.problem) ?? customer.paymentMethods[0]!;
  const total = cents(plan.items.reduce((sum, item) => sum + item.price, 0));
  const order: Order = {
    id: plan.id,
    customerId: customer.id,
    status: plan.status,
    placedAt: iso(placed),
    items: plan.items,
    total,
    currency: CURRENCY,
    address: customer.address,
    tracking: sent ? [`TRK${random.int(100_000_000, 999_999_999)}`] : [],
    payments: [{ kind: "payment", amount: total, methodId: method.id, at: iso(placed) }],
  };
  if (sent) order.shippedAt = iso(arrived ? placed + DAY : Math.min(now - HOUR, placed + DAY));
  if (arrived) order.deliveredAt = iso(at);
  if (["pending", "processed"].includes(plan.status)) order.expectedAt = iso(now + random.int(3, 6) * DAY);
  if (plan.status === "shipped") order.expectedAt = iso(now + random.int(1, 3) * DAY);
  if (plan.status === "cancelled") {
    order.cancelledAt = iso(placed + 5 * HOUR);
    order.statusBefore = "pending";
    order.payments.push({ kind: "refund", amount: total, methodId: method.id, at: order.cancelledAt });
  }
  if (plan.status === "return_requested" || plan.status === "exchange_requested") {
    const item = order.items[0]!;
    const kind = plan.status === "return_requested" ? "return" : "exchange";
    order.changes = [
      {
        id: `R-${plan.id}`,
        kind,
        itemIds: [item.itemId],
        ...(kind === "exchange" ? { newItemIds: [item.itemId] } : {}),
        amount: kind === "return" ? item.price : 0,
        methodId: method.id,
        status: "requested",
        requestedAt: iso(now - DAY),
        statusBefore: "delivered",
      },
    ];
  }
  world.orders.push(order);
  addInvoice(world, {
    customerId: customer.id,
    orderId: order.id,
    amount: total,
    status: plan.status === "cancelled" ? "refunded" : "paid",
    issued: placed,
    lines: order.items.map((item) => ({ text: item.name, amount: item.price })),
  });
  return order;
}

export interface InvoicePlan {
  readonly customerId: string;
  readonly orderId?: string;
  readonly subscriptionId?: string;
  readonly amount: number;
  readonly status: Invoice["status"];
  /** ms since the epoch. */
  readonly issued: number;
  readonly lines: Invoice["lines"];
  readonly attempts?: Invoice["attempts"];
}

export function addInvoice(world: World, plan: InvoicePlan): Invoice {
  const { issued, ...rest } = plan;
  const number = `INV-${200_001 + world.invoices.length}`;
  const invoice: Invoice = {
    id: number,
    number,
    ...rest,
    currency: CURRENCY,
    issuedAt: iso(issued),
    dueAt: iso(issued + 14 * DAY),
  };
  world.invoices.push(invoice);
  return invoice;
}

export interface SubscriptionPlan {
  readonly plan: string;
  readonly status: Subscription["status"];
  /** Share of the monthly allowance that is used up. */
  readonly share: number;
  readonly discounted?: boolean;
}

/** A subscription with three months of invoices and the usage of this month and the last. */
export function addSubscription(
  world: World,
  random: Random,
  customer: Customer,
  wanted: SubscriptionPlan,
): void {
  const { now } = world;
  const plan = world.plans.find((p) => p.name === wanted.plan)!;
  const failing = customer.paymentMethods.find((m) => m.problem);
  const working = customer.paymentMethods.find((m) => !m.problem);
  const method = (wanted.status === "past_due" ? failing : working) ?? customer.paymentMethods[0]!;
  const id = `S${customer.id.slice(1)}`;
  const lastBilled = now - random.int(4, 24) * DAY;
  const subscription: Subscription = {
    id,
    customerId: customer.id,
    planId: plan.id,
    plan: plan.name,
    status: wanted.status,
    price: plan.price,
    currency: CURRENCY,
    methodId: method.id,
    startedAt: iso(lastBilled - random.int(3, 20) * 30 * DAY),
    renewsAt: iso(lastBilled + 30 * DAY),
  };
  if (wanted.discounted) {
    subscription.discount = { offerId: "stay-30", percent: 30, until: iso(now + 60 * DAY) };
  }
  if (wanted.status === "cancelled") {
    subscription.endsAt = subscription.renewsAt;
    subscription.statusBefore = "active";
    delete subscription.renewsAt;
  }
  world.subscriptions.push(subscription);
  for (let month = 2; month >= 0; month--) {
    const issued = lastBilled - month * 30 * DAY;
    const failed = month === 0 && wanted.status === "past_due";
    const invoice = addInvoice(world, {
      customerId: customer.id,
      subscriptionId: id,
      amount: plan.price,
      status: failed ? "failed" : "paid",
      issued,
      lines: [{ text: `${plan.name} plan, one month`, amount: plan.price }],
    });
    invoice.attempts = [
      {
        id: `PAY-${invoice.number}`,
        at: iso(issued),
        methodId: method.id,
        ok: !failed,
        ...(failed ? { problem: method.problem ?? "declined" } : {}),
      },
    ];
  }
  for (const back of [1, 0]) {
    const date = new Date(now);
    date.setUTCDate(1);
    date.setUTCMonth(date.getUTCMonth() - back);
    const month = date.toISOString().slice(0, 7);
    for (const [metric, limit] of Object.entries(plan.limits)) {
      const share = back === 0 ? wanted.share : Math.max(0, wanted.share - 0.15);
      world.usage.push({
        id: `${customer.id}:${month}:${metric}`,
        customerId: customer.id,
        month,
        metric,
        used: Math.floor(limit * share),
        limit,
        unit: UNITS[metric],
      });
    }
  }
}
