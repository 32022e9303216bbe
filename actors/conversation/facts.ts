/** What the records hold on the orders that a customer has spoken of: said before a person takes over. */
import type { JsonObject } from "../../runtime/json.ts";
import { FORMATTERS } from "../playbooks/language/format.ts";
import { customerWords } from "./history.ts";
import type { Step } from "./step.ts";
import { say } from "./wording.ts";

/** Orders that are spoken of at most; more are not what somebody means. */
const ORDERS = 3;

/** Looks up which orders of the customer his words are about. */
export function look(s: Step): void {
  const input = { customerId: s.c.customer.id!, numbers: s.c.evidence.orders, text: customerWords(s) };
  s.ask({ kind: "facts" }, "orders", "match", input, s.options.callMs);
  s.go("verifying");
}

/**
 * States them, or else the latest ones. Nothing when the records do not answer, or when it could be about many.
 * @returns whether the latest ones are being looked up
 */
export function state(s: Step, ok: boolean): boolean {
  const found: JsonObject[] = ok && Array.isArray(s.event.data?.orders) ? s.event.data.orders : [];
  const after = s.c.handAfter!;
  if (ok && found.length === 0 && !after.latest) {
    s.c.handAfter = { ...after, latest: true };
    const input = { customerId: s.c.customer.id!, limit: ORDERS };
    s.ask({ kind: "facts" }, "orders", "list", input, s.options.callMs);
    return true;
  }
  if (found.length > ORDERS) return false;
  const lines = found.map((order) => FORMATTERS.brief!(order, [], {})).filter((line) => line !== undefined);
  if (lines.length > 0) s.say(after.latest ? say.ordersLately(lines) : say.ordersAtHand(lines));
  return false;
}
