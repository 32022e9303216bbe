/** Orders: finding them, and changing what has not been sent yet. */
import { z } from "zod";
import { ORDER_STATUSES, type Order, orderSchema, Refusal, type Transaction } from "../backoffice/index.ts";
import { matchOrders, newest } from "../matching/items.ts";
import { addressRule, cancelRule, findOrder, normalOrderId, ownOrder } from "../rules/orders.ts";
import { type AnySkill, read, write } from "../skill.ts";
import { mergedAddress, newAddress } from "./crm.ts";

export const ownedOrder = { customerId: z.string(), orderId: z.string().min(1).max(64) };
export const ORDER_REASONS = ["unknown_order", "not_yours"] as const;

/** An order with whatever a system wants to say besides. */
const anyOrder = orderSchema.loose();
const statuses = z.array(z.enum(ORDER_STATUSES)).optional();

/** Sets the status of the invoice of an order. */
export async function setInvoiceStatus(
  tx: Transaction,
  orderId: string,
  from: readonly string[],
  to: "paid" | "refunded",
): Promise<void> {
  for (const invoice of await tx.by("invoices", "orderId", orderId)) {
    if (from.includes(invoice.status)) tx.put("invoices", { ...invoice, status: to });
  }
}

export const orders: readonly AnySkill[] = [
  read({
    name: "orders.match",
    description: "Finds the customer's orders by numbers or by the items that a text names.",
    input: z.strictObject({
      customerId: z.string(),
      numbers: z.array(z.string().max(64)).max(50).default([]),
      text: z.string().max(50_000).default(""),
      statuses,
    }),
    output: z.looseObject({
      orders: z.array(anyOrder),
      foreign: z.array(z.string()),
      unknown: z.array(z.string()),
    }),
    run: async ({ customerId, numbers, text, statuses: wanted }, { office }) => {
      const own = (await office.by("orders", "customerId", customerId)).sort(newest);
      const open = wanted ? own.filter((o) => wanted.includes(o.status)) : own;
      const found = new Map<string, Order>();
      const foreign: string[] = [];
      const unknown: string[] = [];
      for (const number of numbers) {
        const order = await findOrder(office, number);
        if (!order) unknown.push(normalOrderId(number));
        else if (order.customerId !== customerId) foreign.push(normalOrderId(number));
        else found.set(order.id, order);
      }
      const byText = matchOrders(found.size > 0 ? [...found.values()] : open, text);
      const items = new Map(byText.map((m) => [m.order.id, m]));
      const chosen =
        found.size > 0 ? [...found.values()] : numbers.length > 0 ? [] : byText.map((m) => m.order);
      return {
        orders: chosen.map((order) => ({
          ...order,
          matchedItems: items.get(order.id)?.items ?? [],
          score: items.get(order.id)?.score ?? 0,
        })),
        foreign,
        unknown,
        /** How many orders the customer has (with one of the statuses). */
        total: open.length,
      };
    },
  }),
  read({
    name: "orders.get",
    description: "One order of the customer with items, status, dates, address and payments.",
    input: z.strictObject(ownedOrder),
    reasons: ORDER_REASONS,
    output: anyOrder,
    run: async ({ customerId, orderId }, { office }) => ({
      ...(await ownOrder(office, customerId, orderId)),
    }),
  }),
  read({
    name: "orders.list",
    description: "The customer's orders, newest first.",
    input: z.strictObject({
      customerId: z.string(),
      limit: z.number().int().min(1).max(100).default(20),
      statuses,
    }),
    output: z.looseObject({ orders: z.array(anyOrder) }),
    run: async ({ customerId, limit, statuses: wanted }, { office }) => {
      const own = (await office.by("orders", "customerId", customerId)).sort(newest);
      const open = wanted ? own.filter((o) => wanted.includes(o.status)) : own;
      return { orders: open.slice(0, limit), total: open.length };
    },
  }),
  write({
    name: "orders.cancel",
    description: "Cancels an order that is not under way yet and pays it back.",
    input: z.strictObject({ ...ownedOrder, reason: z.string().max(300).optional() }),
    reasons: [...ORDER_REASONS, "already_cancelled", "not_cancellable"],
    compensatedBy: "orders.reopen",
    change: async ({ customerId, orderId, reason }, tx, { now, key }) => {
      const order = await ownOrder(tx, customerId, orderId);
      const { amount } = cancelRule(order, tx.settings);
      const at = new Date(now).toISOString();
      const method = order.payments.find((p) => p.kind === "payment");
      const refund =
        amount > 0 && method
          ? [{ kind: "refund" as const, amount, methodId: method.methodId, at, reference: referenceOf(key) }]
          : [];
      const updated: Order = {
        ...order,
        status: "cancelled",
        statusBefore: order.status,
        cancelledAt: at,
        ...(reason ? { cancelReason: reason } : {}),
        payments: [...order.payments, ...refund],
      };
      tx.put("orders", updated);
      await setInvoiceStatus(tx, order.id, ["paid", "open"], "refunded");
      return { ...updated, refunded: amount };
    },
  }),
  write({
    name: "orders.reopen",
    description: "Takes the cancellation of an order back.",
    input: z.strictObject(ownedOrder),
    reasons: [...ORDER_REASONS, "not_cancelled"],
    compensatedBy: "orders.cancel",
    change: async ({ customerId, orderId }, tx) => {
      const order = await ownOrder(tx, customerId, orderId);
      if (order.status !== "cancelled" || !order.cancelledAt || !order.statusBefore) {
        throw new Refusal("conflict", "not_cancelled", `order ${order.id} is ${order.status}`, {
          orderId: order.id,
          status: order.status,
        });
      }
      const { statusBefore, cancelledAt, cancelReason: _, ...rest } = order;
      const payments = order.payments.filter((p) => !(p.kind === "refund" && p.at === cancelledAt));
      const updated: Order = { ...rest, status: statusBefore, payments };
      tx.put("orders", updated);
      await setInvoiceStatus(tx, order.id, ["refunded"], "paid");
      return { ...updated };
    },
  }),
  write({
    name: "orders.change_address",
    description: "Sends an order that has not left yet to another address.",
    input: z.strictObject({ ...ownedOrder, address: newAddress }),
    reasons: [...ORDER_REASONS, "not_readdressable"],
    compensatedBy: "orders.change_address",
    change: async ({ customerId, orderId, address }, tx) => {
      const order = await ownOrder(tx, customerId, orderId);
      addressRule(order, tx.settings);
      const updated: Order = { ...order, address: mergedAddress(order.address, address) };
      tx.put("orders", updated);
      return { ...updated, previous: order.address };
    },
  }),
];

/** Marks what one key did; keys may be long. */
const referenceOf = (key: string): string => key.slice(0, 128);
