/** Which items of which orders a customer means, from the words of a message. */

import { withoutVerbs } from "../../language/verbs.ts";
import type { Order, OrderItem } from "../backoffice/index.ts";
import { Text, tokensOf } from "./words.ts";

export type MatchedItem = OrderItem & {
  /** Words of the item's name that the text holds, divided by all of them, plus a little for named options. */
  readonly score: number;
};
export interface MatchedOrder {
  readonly order: Order;
  readonly items: MatchedItem[];
  /** Sum over the different things that were matched. */
  readonly score: number;
}

/** What a named option adds: it decides between two items of one name and never finds one alone. */
const OPTION_BONUS = 0.1;

interface NameMatch {
  readonly words: readonly string[];
  readonly matched: readonly string[];
}

/** Words of a name; parts shorter than three letters join their neighbour: `T-Shirt` is `tshirt`. */
export function nameWords(name: string): string[] {
  const tokens = tokensOf(name);
  const joined: string[] = [];
  for (let i = 0; i < tokens.length; i++) {
    if (tokens[i]!.length < 3 && /-/.test(name) && tokens[i + 1] !== undefined) {
      joined.push(tokens[i]! + tokens[i + 1]!);
      i++;
    } else joined.push(tokens[i]!);
  }
  return joined;
}

function matchName(name: string, text: Text): NameMatch {
  const wanted = nameWords(name);
  // "tshirt" is also meant by "shirts".
  const tail = (word: string) => tokensOf(name).find((t) => t.length >= 4 && t !== word && word.endsWith(t));
  const matched = wanted.filter(
    (word) => text.has(word) || (tail(word) !== undefined && text.has(tail(word)!)),
  );
  // "desklamp" for "Desk Lamp"
  if (matched.length < wanted.length && wanted.length === 2 && text.has(wanted.join(""))) {
    return { words: wanted, matched: wanted };
  }
  return { words: wanted, matched };
}

/**
 * Orders with items that the text names, best first (most words of names, then the newest).
 *
 * An item whose name is only partly in the text counts only when its words are not those of another that is wholly in
 * it: "smart watch" does not mean the smart thermostat.
 */
export function matchOrders(orders: readonly Order[], said: string): MatchedOrder[] {
  const text = new Text(withoutVerbs(said).replace(/\btees?\b/gi, "t-shirt"));
  const names = new Map<string, NameMatch>();
  for (const order of orders) {
    for (const item of order.items)
      if (!names.has(item.name)) names.set(item.name, matchName(item.name, text));
  }
  const taken = new Set<string>();
  for (const n of names.values()) {
    if (n.words.length > 0 && n.matched.length === n.words.length)
      for (const word of n.matched) taken.add(word);
  }
  const worth = (name: string): number => {
    const n = names.get(name)!;
    if (n.matched.length === 0) return 0;
    if (n.matched.length < n.words.length && n.matched.every((word) => taken.has(word))) return 0;
    return n.matched.length / n.words.length;
  };
  const matches: MatchedOrder[] = [];
  for (const order of orders) {
    const items: MatchedItem[] = [];
    const best = new Map<string, number>();
    for (const item of order.items) {
      const base = worth(item.name);
      if (base === 0) continue;
      const options = Object.values(item.options).filter((value) => mentions(text, value)).length;
      const score = Math.round((base + options * OPTION_BONUS) * 1000) / 1000;
      items.push({ ...item, score });
      best.set(item.name, Math.max(best.get(item.name) ?? 0, score));
    }
    if (items.length === 0) continue;
    items.sort((a, b) => b.score - a.score);
    matches.push({ order, items, score: [...best.values()].reduce((sum, s) => sum + s, 0) });
  }
  return matches.sort((a, b) => b.score - a.score || newest(a.order, b.order));
}

/** Newest first; without dates in order of number. */
export function newest(a: Order, b: Order): number {
  return (b.placedAt ?? "").localeCompare(a.placedAt ?? "") || a.id.localeCompare(b.id);
}

function mentions(text: Text, value: string): boolean {
  const parts = tokensOf(value);
  return parts.length > 0 && value.length > 2 && text.positionsOf(parts).length > 0;
}
