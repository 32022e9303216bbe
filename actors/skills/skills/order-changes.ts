/** Whether an order can be changed, and what happens to it after it was delivered: sent back, exchanged, replaced. */
import { z } from "zod";
import { type Order, type OrderChange, type Reader, Refusal, type Transaction } from "../backoffice/index.ts";
import {
  addressRule,
  cancelRule,
  changeItemsRule,
  customerOf,
  exchangeRule,
  methodFor,
  ownOrder,
  replaceRule,
  requireApproval,
  returnRule,
} from "../rules/orders.ts";
import { type AnySkill, read, type SkillContext, write } from "../skill.ts";
import { ORDER_REASONS, ownedOrder } from "./orders.ts";

export const itemIds = z.array(z.string()).min(1).max(50);
/** Names the decision under which an amount above the limit may go out. */
export const approval = z
  .union([z.string().min(1), z.looseObject({ id: z.string().min(1) })])
  .optional()
  .describe("the approval, when the amount is above the limit");
const DELIVERED = [...ORDER_REASONS, "not_delivered", "window_over", "change_under_way", "unknown_item"];

type Kind = OrderChange["kind"];

/** Puts a change on an order. */
function open(
  tx: Transaction,
  context: SkillContext,
  order: Order,
  change: Pick<OrderChange, "kind" | "itemIds" | "amount"> & Partial<OrderChange>,
): { order: Order; change: OrderChange } {
  const entry: OrderChange = {
    id: tx.newId(change.kind === "return" ? "RET" : change.kind === "exchange" ? "EXC" : "REP"),
    status: "requested",
    requestedAt: new Date(context.now).toISOString(),
    statusBefore: order.status,
    ...change,
  };
  const status = change.kind === "return" ? "return_requested" : "exchange_requested";
  const updated: Order = { ...order, status, changes: [...(order.changes ?? []), entry] };
  tx.put("orders", updated);
  return { order: updated, change: entry };
}

/** The payment method that the order was paid with, as the customer knows it. */
async function methodLabel(reader: Reader, order: Order): Promise<{ method?: string }> {
  const customer = await reader.get("customers", order.customerId);
  const paid = order.payments.find((p) => p.kind === "payment")?.methodId;
  const method = customer?.paymentMethods.find((m) => m.id === paid);
  return method ? { method: method.label } : {};
}

/** Takes the open change of a kind back. */
async function withdraw(tx: Transaction, input: { customerId: string; orderId: string }, kind: Kind) {
  const order = await ownOrder(tx, input.customerId, input.orderId);
  const entry = order.changes?.findLast((c) => c.kind === kind && c.status === "requested");
  if (!entry) {
    throw new Refusal("conflict", "nothing_to_undo", `order ${order.id} has no open ${kind}`, {
      orderId: order.id,
      status: order.status,
    });
  }
  const updated: Order = {
    ...order,
    status: entry.statusBefore,
    changes: order.changes!.map((c) => (c === entry ? { ...c, status: "withdrawn" as const } : c)),
  };
  tx.put("orders", updated);
  return { ...updated, changeId: entry.id };
}

function undo(name: string, kind: Kind): AnySkill {
  return write({
    name,
    description: `Takes the open ${kind} of an order back.`,
    input: z.strictObject(ownedOrder),
    reasons: [...ORDER_REASONS, "nothing_to_undo"],
    change: (input, tx) => withdraw(tx, input, kind),
  });
}

export const orderChanges: readonly AnySkill[] = [
  read({
    name: "orders.check",
    description:
      "Whether an order can be cancelled, readdressed, changed, sent back, exchanged or replaced, what it would cost, and which payment method it is about.",
    input: z.strictObject({
      ...ownedOrder,
      action: z.enum(["cancel", "change_address", "return", "exchange", "replace", "change_items"]),
      /** All items unless given. */
      itemIds: itemIds.optional(),
      /** Exchange and change of items only; without them the price difference is not worked out. */
      newItemIds: itemIds.optional(),
    }),
    reasons: ORDER_REASONS,
    run: async (input, { office, now }) => {
      const settings = await office.settings();
      const order = await ownOrder(office, input.customerId, input.orderId);
      const ids = input.itemIds ?? order.items.map((item) => item.itemId);
      const basis = {
        action: input.action,
        orderId: order.id,
        status: order.status,
        currency: order.currency,
        ...(await methodLabel(office, order)),
      };
      try {
        if (input.action === "cancel") return { ...basis, allowed: true, ...cancelRule(order, settings) };
        if (input.action === "change_address") {
          addressRule(order, settings);
          return { ...basis, allowed: true, address: order.address };
        }
        if (input.action === "exchange" && input.newItemIds) {
          const { items: _, ...rest } = await exchangeRule(
            office,
            order,
            ids,
            input.newItemIds,
            settings,
            now,
          );
          return { ...basis, allowed: true, ...rest };
        }
        if (input.action === "change_items") {
          const { items: _, ...rest } = await changeItemsRule(office, order, ids, input.newItemIds, settings);
          return { ...basis, allowed: true, ...rest };
        }
        if (input.action === "replace") {
          const { items: _, ...rest } = await replaceRule(office, order, ids, settings, now);
          return { ...basis, allowed: true, ...rest };
        }
        const { items: _, ...rest } = returnRule(order, ids, settings, now);
        return { ...basis, allowed: true, ...rest };
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        return { ...basis, allowed: false, reason: error.reason, details: error.details };
      }
    },
  }),
  write({
    name: "orders.return",
    description: "Takes delivered items back; the money is paid when they have arrived.",
    input: z.strictObject({
      ...ownedOrder,
      itemIds,
      /** Payment method that gets the money; the one that was paid with unless given. */
      method: z.string().optional(),
      reason: z.string().max(300).optional(),
      approval,
    }),
    reasons: [...DELIVERED, "unknown_method", "approval_needed"],
    compensatedBy: "orders.undo_return",
    change: async (input, tx, context) => {
      const order = await ownOrder(tx, input.customerId, input.orderId);
      const { amount } = returnRule(order, input.itemIds, tx.settings, context.now);
      requireApproval(amount, tx.settings, input.approval);
      const method = methodFor(await customerOf(tx, input.customerId), order, input.method);
      const { order: updated, change } = open(tx, context, order, {
        kind: "return",
        itemIds: input.itemIds,
        amount,
        methodId: method.id,
        ...(input.reason ? { reason: input.reason } : {}),
      });
      return { ...updated, changeId: change.id, amount, method: method.label };
    },
  }),
  undo("orders.undo_return", "return"),
  write({
    name: "orders.exchange",
    description: "Exchanges delivered items for other variants of the same products.",
    input: z.strictObject({
      ...ownedOrder,
      itemIds,
      newItemIds: itemIds,
      /** Payment method for the difference; the one that was paid with unless given. */
      method: z.string().optional(),
      approval,
    }),
    reasons: [
      ...DELIVERED,
      "pairs_needed",
      "other_product",
      "same_item",
      "not_available",
      "unknown_method",
      "approval_needed",
    ],
    compensatedBy: "orders.undo_exchange",
    change: async (input, tx, context) => {
      const order = await ownOrder(tx, input.customerId, input.orderId);
      const { difference, replacements } = await exchangeRule(
        tx,
        order,
        input.itemIds,
        input.newItemIds,
        tx.settings,
        context.now,
      );
      requireApproval(-difference, tx.settings, input.approval);
      const method = methodFor(await customerOf(tx, input.customerId), order, input.method);
      const { order: updated, change } = open(tx, context, order, {
        kind: "exchange",
        itemIds: input.itemIds,
        newItemIds: input.newItemIds,
        amount: difference === 0 ? 0 : -difference,
        methodId: method.id,
      });
      return { ...updated, changeId: change.id, difference, replacements, method: method.label };
    },
  }),
  undo("orders.undo_exchange", "exchange"),
  write({
    name: "orders.replace",
    description: "Sends items that came damaged once more, free of charge.",
    input: z.strictObject({ ...ownedOrder, itemIds, reason: z.string().max(300).optional(), approval }),
    reasons: [...DELIVERED, "not_available", "approval_needed"],
    compensatedBy: "orders.undo_replace",
    change: async (input, tx, context) => {
      const order = await ownOrder(tx, input.customerId, input.orderId);
      const { amount } = await replaceRule(tx, order, input.itemIds, tx.settings, context.now);
      requireApproval(amount, tx.settings, input.approval);
      const { order: updated, change } = open(tx, context, order, {
        kind: "replacement",
        itemIds: input.itemIds,
        newItemIds: input.itemIds,
        amount: 0,
        ...(input.reason ? { reason: input.reason } : {}),
      });
      return { ...updated, changeId: change.id, worth: amount };
    },
  }),
  undo("orders.undo_replace", "replacement"),
];
