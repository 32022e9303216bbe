/** Resolves an order slot: one order, several to choose from, none; a foreign number is refused without facts. */
import {
  allText,
  focusText,
  orderNumbers,
  type RunContext,
  type Said,
  wantedNumbers,
} from "../compiler/context.ts";
import type { SlotDef } from "../language/schema.ts";
import { nameScore, newestFirst, type OrderLike, pickOrder, rankOrders, sameNumber } from "./pick.ts";
import { allOrders, wantsAll, wantsLatest, wantsOther } from "./words.ts";

/** Orders that are listed at most. */
export const MAX_LISTED = 5;

/** `filled`, `which` (choose), `list` (look at all orders), `lookup` (look up other numbers), `none`, `again`. */
export interface Resolution {
  readonly context: RunContext;
  readonly route: "filled" | "which" | "list" | "lookup" | "none" | "again";
}

function ordersOf(value: unknown): OrderLike[] {
  const list = (value as { orders?: unknown } | null)?.orders;
  if (!Array.isArray(list)) return [];
  return list
    .filter((o): o is OrderLike => typeof o?.id === "string" && Array.isArray(o.items))
    .map(({ matchedItems: _, ...order }) => order as unknown as OrderLike);
}

function take(c: RunContext, name: string, order: OrderLike, queue: readonly string[] = c.queue): Resolution {
  return {
    route: "filled",
    context: { ...c, slots: { ...c.slots, [name]: order }, queue, wanted: null, latest: null },
  };
}

function choose(c: RunContext, orders: readonly OrderLike[]): Resolution {
  return { route: "which", context: { ...c, candidates: orders.slice(0, MAX_LISTED), wanted: null } };
}

/** Those with a status that the playbook is most likely about, when there are any. */
function preferred(orders: readonly OrderLike[], slot: SlotDef): readonly OrderLike[] {
  const kept = orders.filter((o) => slot.prefer?.includes(o.status));
  return kept.length ? kept : orders;
}

/** After `orders.match`. */
export function afterMatch(c: RunContext, name: string, slot: SlotDef, value: unknown): Resolution {
  const orders = ordersOf(value);
  const numbers = wantedNumbers(c);
  const own = numbers.flatMap((n) => orders.filter((o) => sameNumber(o.id, n)).slice(0, 1));
  const bad = numbers.filter((n) => !orders.some((o) => sameNumber(o.id, n)));
  const next: RunContext = bad.length
    ? { ...c, tried: [...c.tried, ...bad], refused: [...new Set([...c.refused, ...bad])] }
    : c;
  if (own.length === 1) return take(next, name, own[0]!);
  if (own.length > 1) {
    return slot.each
      ? take({ ...next, candidates: own }, name, own[0]!, [...c.queue, ...own.slice(1).map((o) => o.id)])
      : choose(next, own);
  }
  if (bad.length) return { route: "list", context: { ...next, wanted: null } };
  const spread = slot.each && c.latest === null ? acrossOrders(orders, slot, focusText(c)) : [];
  if (spread.length > 1) {
    const rest = spread.slice(1).map((o) => o.id);
    return take({ ...next, candidates: spread }, name, spread[0]!, [...c.queue, ...rest]);
  }
  // The look-up forgives slips of the hand; what fits it best counts where the words themselves decide nothing.
  // “All of them” is looked at in the whole list.
  if (slot.each && allOrders(focusText(c))) return { route: "list", context: next };
  const fit = byWords(c, orders) ?? byScore(orders);
  if (!fit) return { route: "list", context: next };
  const best = preferred(fit, slot);
  if (best.length === 1) return take({ ...next, candidates: fit }, name, best[0]!);
  return choose(next, newestFirst(best));
}

/** How well a name has to be said for its order to be dealt with besides another. */
const SAID = 0.5;

/** “The keyboard and the mouse, from different orders”: every thing that is named is in one order alone. */
function acrossOrders(orders: readonly OrderLike[], slot: SlotDef, text: string): OrderLike[] {
  const open = preferred(orders, slot);
  const holders = new Map<string, OrderLike[]>();
  for (const order of open) {
    for (const item of pickedOf(order, text)) {
      const known = holders.get(item) ?? [];
      if (!known.includes(order)) holders.set(item, [...known, order]);
    }
  }
  if ([...holders.values()].some((list) => list.length > 1)) return [];
  const found = [...new Set([...holders.values()].flat())];
  return found.length > 1 && found.length <= MAX_LISTED ? found : [];
}

/** Names of the things in an order that a text says. */
function pickedOf(order: OrderLike, text: string): string[] {
  return order.items.filter((item) => nameScore(item.name, text) > SAID).map((item) => item.name);
}

function byScore(orders: readonly OrderLike[]): OrderLike[] | undefined {
  const score = (order: OrderLike): number => (typeof order.score === "number" ? order.score : 0);
  const best = Math.max(0, ...orders.map(score));
  return best > 0 ? orders.filter((order) => score(order) === best) : undefined;
}

/** Orders that the messages are about by the names of items; undefined when no name decides. */
function byWords(c: RunContext, orders: readonly OrderLike[]): OrderLike[] | undefined {
  for (const text of c.latest !== null ? [c.latest] : [focusText(c), allText(c)]) {
    const ranked = rankOrders(orders, text);
    if (ranked.byWords) return ranked.orders;
  }
  return undefined;
}

/** All orders that “all my pending orders” means; none when nothing of the kind is said. */
function everyOrder(c: RunContext, slot: SlotDef, orders: readonly OrderLike[]): readonly OrderLike[] {
  const all = allOrders(focusText(c));
  if (!all) return [];
  const kept = all.statuses
    ? orders.filter((o) => all.statuses!.includes(o.status))
    : preferred(orders, slot);
  return kept.slice(0, MAX_LISTED);
}

/** After `orders.list`. */
export function afterList(c: RunContext, name: string, slot: SlotDef, value: unknown): Resolution {
  const orders = newestFirst(ordersOf(value));
  if (orders.length === 0) return { route: "none", context: c };
  // After a wrong number nothing is taken for granted: the customer says which.
  if (c.refused.length) return choose(c, preferred(orders, slot));
  const every = slot.each ? everyOrder(c, slot, orders) : [];
  if (every.length > 1) {
    const rest = every.slice(1).map((o) => o.id);
    return take({ ...c, candidates: every }, name, every[0]!, [...c.queue, ...rest]);
  }
  const fit = byWords(c, orders) ?? orders;
  const best = preferred(fit, slot);
  if (best.length === 1) return take({ ...c, candidates: fit }, name, best[0]!);
  if (fit === orders && wantsLatest(focusText(c)) && best[0]!.placedAt)
    return take({ ...c, candidates: best }, name, best[0]!);
  return choose(c, best);
}

/** The answer to “which one?”. */
export function afterChoice(c: RunContext, name: string, slot: SlotDef, answer: Said): Resolution {
  const numbers = orderNumbers(answer);
  const unknown = numbers.filter((n) => !c.candidates.some((o) => sameNumber(o.id, n)));
  if (unknown.length && unknown.every((n) => c.tried.includes(n)))
    return { route: "again", context: { ...c, refused: unknown } };
  if (unknown.length && unknown.length === numbers.length)
    return { route: "lookup", context: { ...c, wanted: numbers, latest: answer.text } };
  const picked = pickOrder(c.candidates, answer.text, numbers);
  if (picked.length === 1) return take(c, name, picked[0]!);
  // Several numbers, one of them in the part that this is about.
  const inFocus = slot.each
    ? []
    : c.candidates.filter((o) => orderNumbers(answer, answer.focus).some((n) => sameNumber(n, o.id)));
  if (picked.length > 1 && inFocus.length === 1) return take(c, name, inFocus[0]!);
  const several = picked.length > 1 ? picked : wantsAll(answer.text) ? c.candidates : [];
  if (several.length && slot.each)
    return take(c, name, several[0]!, [...c.queue, ...several.slice(1).map((o) => o.id)]);
  if (c.candidates.length === 1 && answer.yesNo === "yes") return take(c, name, c.candidates[0]!);
  if (answer.yesNo === "no" && numbers.length === 0) return { route: "none", context: c };
  if (several.length > 1 && several.length < c.candidates.length)
    return { route: "again", context: { ...c, candidates: several } };
  return { route: "again", context: c };
}

/**
 * Whether a message in the middle of a playbook takes back which order is meant (“no, the other one”, another number).
 * Undefined when it does not.
 */
export function orderCorrection(c: RunContext, name: string, answer: Said): Resolution | undefined {
  const current = c.slots[name] as OrderLike | undefined;
  if (!current) return undefined;
  const numbers = orderNumbers(answer);
  const others = numbers.filter(
    (n) => !sameNumber(n, current.id) && ![...c.queue, ...c.dealt].some((q) => sameNumber(q, n)),
  );
  const without = { ...c.slots };
  delete without[name];
  if (others.length && numbers.length === others.length)
    return { route: "lookup", context: { ...c, slots: without, wanted: others, latest: answer.text } };
  if (numbers.length === 0 && answer.yesNo !== "yes" && wantsOther(answer.text)) {
    const rest = c.candidates.filter((o) => o.id !== current.id);
    if (rest.length === 1)
      return { route: "lookup", context: { ...c, slots: without, wanted: [rest[0]!.id] } };
    if (rest.length > 1) return { ...choose({ ...c, slots: without }, rest) };
    return { route: "list", context: { ...c, slots: without, latest: answer.text } };
  }
  return undefined;
}

/** Further orders that a message names besides the one that is being dealt with: they get their turn afterwards. */
export function alsoNamed(c: RunContext, name: string, slot: SlotDef, answer: Said): RunContext {
  const current = c.slots[name] as OrderLike | undefined;
  if (!slot.each || !current) return c;
  const numbers = orderNumbers(answer);
  if (!numbers.some((n) => sameNumber(n, current.id))) return c;
  const more = numbers.filter(
    (n) =>
      !sameNumber(n, current.id) &&
      !c.tried.includes(n) &&
      ![...c.queue, ...c.dealt].some((q) => sameNumber(q, n)),
  );
  return more.length ? { ...c, queue: [...c.queue, ...new Set(more)].slice(0, MAX_LISTED) } : c;
}
