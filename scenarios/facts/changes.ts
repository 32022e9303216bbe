/**
 * What the desk says it has done in this conversation, followed beside the imported records. Only steps that an order
 * can take are followed: a delivered one is not cancelled, and what is cancelled does not come back.
 */
import { totalOf } from "./money.ts";
import type { FactItem, FactOrder, FactWorld } from "./world.ts";

/** An order as it is after what was said to be done. */
export interface Followed {
  readonly order: FactOrder;
  status: string;
  /** With those that came in by a change of items. */
  readonly items: FactItem[];
  /** What it may cost now, cents: which of two like items was changed is not always said. */
  totals: Set<number>;
}

export const follow = (order: FactOrder): Followed => ({
  order,
  status: order.status,
  items: [...order.items],
  totals: new Set([totalOf(order.items)]),
});

export const copyOf = (f: Followed): Followed => ({ ...f, items: [...f.items], totals: new Set(f.totals) });

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

/** How the desk says that items were changed for others. */
const CHANGED =
  /\b(?:done|all set)\b[^?\n]*\b(?:is|has been) (?:now )?(?:changed|modified|updated)\b|\bI(?:'ve|’ve| have) (?:changed|swapped)\b/i;

export const changedIn = (line: string): boolean => CHANGED.test(line);

/** An item of a pending order becomes another variant of its product; anything else is not followed. */
export function changeItem(followed: Followed, to: FactItem, world: FactWorld): void {
  if (!world.products.get(to.productId)?.includes(to)) return;
  const old = followed.order.items.filter((i) => i.productId === to.productId);
  if (old.length === 0) return;
  followed.items.push(to);
  if (followed.status !== "pending") return;
  followed.totals = new Set([...followed.totals].flatMap((t) => old.map((i) => t - i.cents + to.cents)));
}
