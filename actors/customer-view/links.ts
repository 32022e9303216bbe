/**
 * How the things of a customer hang together: typed edges, made of what the systems, the log and memory say. From the customer
 * every one of them can be reached, also where a system in between has not answered.
 */
import type { Link, LinkEnd, Parts } from "./answer.ts";
import { wordsIn } from "./conversations.ts";

type Kind = LinkEnd["kind"];

export function linksOf(customerId: string, parts: Parts): Link[] {
  const links = new Map<string, Link>();
  const end = (kind: Kind, id: unknown): LinkEnd => ({ kind, id: String(id) });
  const add = (type: Link["type"], from: LinkEnd, to: LinkEnd, source: string): void => {
    const name = JSON.stringify([type, from, to]);
    if (!links.has(name)) links.set(name, { type, from, to, source });
  };
  const customer = end("customer", customerId);

  for (const order of parts.orders?.data ?? []) {
    add("placed", customer, end("order", order.id), "orders");
    for (const item of listIn(order.items)) {
      if (typeof item.productId === "string")
        add("contains", end("order", order.id), end("product", item.productId), "orders");
    }
  }
  for (const subscription of parts.subscriptions?.data ?? []) {
    const { id, planId } = subscription;
    add("holds", customer, end("subscription", id), "billing");
    if (typeof planId === "string") add("on", end("subscription", id), end("plan", planId), "billing");
  }
  for (const { id, orderId, subscriptionId } of parts.invoices?.data ?? []) {
    const invoice = end("invoice", id);
    add("received", customer, invoice, "billing");
    if (typeof orderId === "string") add("bills", invoice, end("order", orderId), "billing");
    if (typeof subscriptionId === "string")
      add("bills", invoice, end("subscription", subscriptionId), "billing");
  }
  const { conversations, facts } = parts;
  for (const { id, orders, handoff } of conversations?.data ?? []) {
    const conversation = end("conversation", id);
    add("took_part_in", customer, conversation, conversations!.source);
    for (const order of orders) add("about", conversation, end("order", order), "desk");
    if (handoff) add("handed_to", conversation, end("handoff", handoff.id), "desk");
  }
  const known = ordersIn(parts);
  for (const { value, said } of facts?.data ?? []) {
    const conversation = end("conversation", said.conversation);
    const named = (value as { order?: unknown } | null)?.order;
    const orders = new Set(wordsIn(value).filter((word) => known.has(word)));
    // The desk's own playbooks write it so: good also while the orders themselves can't be had.
    if (typeof named === "string") orders.add(named);
    for (const order of orders) {
      add("took_part_in", customer, conversation, "memory");
      add("about", conversation, end("order", order), "memory");
    }
  }
  return [...links.values()];
}

/** Numbers of the customer's orders, as far as a system has named them. */
export function ordersIn({ orders, invoices }: Parts): Set<string> {
  return new Set([
    ...(orders?.data ?? []).map(({ id }) => id),
    ...(invoices?.data ?? []).map(({ orderId }) => orderId).filter((id) => typeof id === "string"),
  ]);
}

function listIn(value: unknown): readonly Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "object" && item !== null) : [];
}
