/**
 * What the desk says it has done in this conversation, followed beside the imported records. Only steps that an order
 * can take are followed: a delivered one is not cancelled, and what is cancelled does not come back.
 */
import type { FactAddress, FactItem, FactOrder } from "./world.ts";

/** An order as it is after what was said to be done. */
export interface Followed {
  readonly order: FactOrder;
  status: string;
  /** Added by a change of address or of items. */
  readonly addresses: FactAddress[];
  readonly items: FactItem[];
}

export const follow = (order: FactOrder): Followed => ({
  order,
  status: order.status,
  addresses: [...order.addresses],
  items: [...order.items],
});

const STEPS: Readonly<Record<string, readonly string[]>> = {
  pending: ["cancelled"],
  delivered: ["return requested", "exchange requested"],
};

/** How the desk says that something has been done; a question or a condition is none. */
const DONE: readonly [RegExp, string][] = [
  [
    /\b(?:done|all set)\b[^?\n]*\bcancell?ed\b|\b(?:has|have) (?:now |just )?been cancell?ed\b|\bis now cancell?ed\b|\bI(?:'ve|’ve| have) cancell?ed\b/i,
    "cancelled",
  ],
  [
    /\breturn\b[^?\n]*\b(?:is|has been|are) (?:now )?(?:arranged|requested|registered|set up)\b|\b(?:that's|that is|done|all) (?:arranged|set|done)?\b[^?\n]*\bsend\b[^?\n]*\bback\b|\bstatus is now return requested\b/i,
    "return requested",
  ],
  [
    /\bexchange\b[^?\n]*\b(?:is|has been|are) (?:now )?(?:arranged|requested|registered|set up)\b|\bstatus is now exchange requested\b/i,
    "exchange requested",
  ],
];

/** What a line says has been done to an order. */
export function doneIn(line: string): string[] {
  return DONE.filter(([pattern]) => pattern.test(line)).map(([, status]) => status);
}

/** Takes the step when the order can. */
export function take(followed: Followed, to: string): boolean {
  if (followed.status === to) return true;
  if (!STEPS[followed.status]?.includes(to)) return false;
  followed.status = to;
  return true;
}
