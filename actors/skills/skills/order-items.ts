/** Other variants in an order that has not left yet. */
import { z } from "zod";
import { type Order, type OrderChange, type OrderPayment, Refusal } from "../backoffice/index.ts";
import { cents, changeItemsRule, customerOf, methodFor, ownOrder, requireApproval } from "../rules/orders.ts";
import { type AnySkill, write } from "../skill.ts";
import { approval, itemIds } from "./order-changes.ts";
import { ORDER_REASONS, ownedOrder } from "./orders.ts";

const totalOf = (items: Order["items"]): number => cents(items.reduce((sum, item) => sum + item.price, 0));

export const orderItems: readonly AnySkill[] = [
  write({
    name: "orders.change_items",
    description: "Changes items of an order that has not left yet to other variants of the same products.",
    input: z.strictObject({
      ...ownedOrder,
      itemIds,
      newItemIds: itemIds,
      /** Payment method for the difference; the one that was paid with unless given. */
      method: z.string().optional(),
      approval,
    }),
    reasons: [
      ...ORDER_REASONS,
      "not_changeable",
      "unknown_item",
      "pairs_needed",
      "other_product",
      "same_item",
      "not_available",
      "unknown_method",
      "approval_needed",
    ],
    compensatedBy: "orders.undo_change_items",
    change: async (input, tx, { now }) => {
      const order = await ownOrder(tx, input.customerId, input.orderId);
      const swap = await changeItemsRule(tx, order, input.itemIds, input.newItemIds, tx.settings);
      if (!("replacements" in swap)) throw new Refusal("invalid", "pairs_needed", "new items are needed");
      const { replacements, difference } = swap;
      requireApproval(-difference, tx.settings, input.approval);
      const method = methodFor(await customerOf(tx, input.customerId), order, input.method);
      const at = new Date(now).toISOString();
      const entry: OrderChange = {
        id: tx.newId("CHG"),
        kind: "items",
        itemIds: input.itemIds,
        newItemIds: input.newItemIds,
        amount: difference === 0 ? 0 : -difference,
        methodId: method.id,
        status: "done",
        requestedAt: at,
        statusBefore: order.status,
        itemsBefore: order.items,
      };
      const left = [...order.items];
      for (const [n, itemId] of input.itemIds.entries()) {
        left[left.findIndex((item) => item.itemId === itemId)] = replacements[n]!;
      }
      const payment: OrderPayment = {
        kind: difference > 0 ? "payment" : "refund",
        amount: Math.abs(difference),
        methodId: method.id,
        at,
        reference: entry.id,
      };
      const updated: Order = {
        ...order,
        items: left,
        total: cents(order.total + difference),
        payments: difference === 0 ? order.payments : [...order.payments, payment],
        changes: [...(order.changes ?? []), entry],
      };
      tx.put("orders", updated);
      return { ...updated, changeId: entry.id, difference, replacements, method: method.label };
    },
  }),
  write({
    name: "orders.undo_change_items",
    description: "Brings back what an order held before its latest change of items.",
    input: z.strictObject(ownedOrder),
    reasons: [...ORDER_REASONS, "nothing_to_undo", "not_changeable"],
    change: async (input, tx) => {
      const order = await ownOrder(tx, input.customerId, input.orderId);
      const entry = order.changes?.findLast((c) => c.kind === "items" && c.status === "done");
      if (!entry?.itemsBefore) {
        throw new Refusal("conflict", "nothing_to_undo", `order ${order.id} has no change of items`);
      }
      await changeItemsRule(tx, order, [], undefined, tx.settings);
      const updated: Order = {
        ...order,
        items: entry.itemsBefore,
        total: cents(order.total + totalOf(entry.itemsBefore) - totalOf(order.items)),
        payments: order.payments.filter((p) => p.reference !== entry.id),
        changes: order.changes!.map((c) => (c === entry ? { ...c, status: "withdrawn" as const } : c)),
      };
      tx.put("orders", updated);
      return { ...updated, changeId: entry.id };
    },
  }),
];
