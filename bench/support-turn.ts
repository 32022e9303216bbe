/** The little support graph that engines are compared with: message → classify → look up the order → reply. Pure. */

export type Intent = "order_status" | "other";

/** What the n-th conversation's customer writes. */
export function messageOf(n: number): string {
  return `where is my order W${orderNumber(n)}?`;
}

export function classify(text: string): Intent {
  return /\b(?:where|when|status)\b.*\border\b/i.test(text) ? "order_status" : "other";
}

export function orderIn(text: string): string {
  return /\bW\d+\b/.exec(text)?.[0] ?? "";
}

const STATES = ["pending", "shipped", "delivered"];

export function lookUp(order: string): { readonly id: string; readonly status: string } {
  return { id: order, status: STATES[Number(order.slice(1)) % STATES.length] ?? "unknown" };
}

export function replyTo(intent: Intent, order: { readonly id: string; readonly status: string }): string {
  return intent === "order_status" ? `Order ${order.id} is ${order.status}.` : "What is it about?";
}

/** What has to be answered in the n-th conversation. */
export function replyOf(n: number): string {
  const text = messageOf(n);
  return replyTo(classify(text), lookUp(orderIn(text)));
}

function orderNumber(n: number): number {
  return 1_000_000 + n;
}
