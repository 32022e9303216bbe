/** Picks the records that a customer means out of a few that are known: orders, items, variants, options. */
import { withoutVerbs } from "../../language/verbs.ts";
import {
  exceptedParts,
  keptParts,
  ordinal,
  squash,
  wantsAll,
  wantsEverything,
  wantsLatest,
  withoutWish,
  words,
} from "./words.ts";

export interface ItemLike {
  readonly itemId: string;
  readonly productId?: string;
  readonly name: string;
  readonly price?: number;
  readonly options?: Readonly<Record<string, unknown>>;
}
export interface OrderLike {
  readonly id: string;
  readonly status: string;
  readonly placedAt?: string;
  readonly items: readonly ItemLike[];
  readonly [more: string]: unknown;
}
export interface VariantLike {
  readonly itemId: string;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly available?: boolean;
  readonly price?: number;
}

/** `#w123-4` and `W1234` are one number. */
export function sameNumber(a: string, b: string): boolean {
  return normalNumber(a) === normalNumber(b);
}
export function normalNumber(n: string): string {
  return n.toUpperCase().replace(/[^A-Z0-9]/g, "");
}

/** Option values that say something on their own; “yes” and “no” do not. */
function optionWords(options: Readonly<Record<string, unknown>> | undefined): string[] {
  return Object.values(options ?? {}).flatMap((v) => {
    const text = String(v);
    return /^(?:yes|no|none|true|false|standard|regular)$/i.test(text) ? [] : words(text);
  });
}

/** 0 (not meant) to 1: how well a text names a product. */
export function nameScore(name: string, text: string): number {
  const tokens = words(withoutVerbs(text));
  const said = new Set(tokens);
  const parts = words(name);
  if (parts.length === 0 || said.size === 0) return 0;
  const whole = squash(name);
  if (whole.length > 3 && tokens.some((_, i) => writtenAt(tokens, i, whole))) return 1;
  const hit = parts.filter((p) => said.has(p)).length;
  const head = parts.at(-1)!;
  if (hit === parts.length) return 1;
  // The head noun is what people say: “the keyboard” for a Mechanical Keyboard, “the watch” for a Wristwatch.
  if (said.has(head) || endOf(head, tokens)) return 0.5 + (0.4 * hit) / parts.length;
  return hit / parts.length >= 0.5 && parts.length > 1 ? 0.45 : 0;
}

/** Whether a text says the end of a compound. A phone is seldom meant for headphones. */
function endOf(head: string, tokens: readonly string[]): boolean {
  return tokens.some((w) => w.length > 4 && w !== "phone" && head.length > w.length + 2 && head.endsWith(w));
}

/** “T-Shirt”, “t shirt” and “tshirt” alike, but not the middle of other words. */
function writtenAt(tokens: readonly string[], at: number, whole: string): boolean {
  let written = "";
  for (let i = at; i < tokens.length && written.length < whole.length; i++) written += tokens[i];
  return written === whole || (whole === "tshirt" && tokens[at] === "tee");
}

function optionScore(options: Readonly<Record<string, unknown>> | undefined, text: string): number {
  const tokens = words(text);
  const said = new Set(tokens);
  let score = optionWords(options).filter((w) => said.has(w)).length;
  // “the one that isn't water resistant”: an option that is yes or no is named by its own name.
  for (const [key, value] of Object.entries(options ?? {})) {
    if (!/^(?:yes|no)$/i.test(String(value))) continue;
    const name = words(key).map(stem);
    const at = tokens.findIndex((_, i) => name.every((w, k) => stem(tokens[i + k] ?? "") === w));
    if (at < 0) continue;
    const negated = tokens
      .slice(Math.max(0, at - 4), at)
      .some((w) => /^(?:not|non|no|isn|isnt|isn't|without|aren't|doesn't)$/.test(w));
    score += negated === /^no$/i.test(String(value)) ? 1 : -1;
  }
  return score;
}

/** `resistance` and `resistant` are one word here. */
function stem(word: string): string {
  return word.length > 6 ? word.slice(0, 6) : word;
}

/** The items that a text names; empty when it names none, or one of several alike without saying which. */
export function pickItems(items: readonly ItemLike[], text: string): ItemLike[] {
  const byId = items.filter((i) => i.itemId.length >= 4 && text.includes(i.itemId));
  if (byId.length) return byId;
  const excepted = named(items, exceptedParts(text).join("\n"));
  if (excepted.length > 0 && excepted.length < items.length)
    return items.filter((item) => !excepted.includes(item));
  if (wantsEverything(text)) return [...items];
  const parts = keptParts(text);
  const kept = named(items, parts.join("\n"));
  if (kept.length > 0 && kept.length < items.length) {
    const rest = items.filter((item) => !kept.includes(item));
    const picked = named(
      rest,
      parts.reduce((left, part) => left.replace(part, " "), text),
    );
    if (picked.length > 0) return picked;
    return wantsAll(text) || /\b(?:rest|others?)\b/i.test(text) ? rest : [];
  }
  const picked = named(items, text);
  return picked.length === 0 && wantsAll(text) && !namesAny(items, text) ? [...items] : picked;
}

function namesAny(items: readonly ItemLike[], text: string): boolean {
  return items.some((item) => nameScore(item.name, text) > 0);
}

function named(items: readonly ItemLike[], text: string): ItemLike[] {
  const scored = items
    .map((item) => ({ item, score: nameScore(item.name, text) }))
    .filter((s) => s.score > 0);
  // “the action camera” is not the other camera: a full name beats a shared head noun.
  const strong = scored.filter((s) => s.score >= 1);
  // Nor does “smart watch” mean the smart thermostat: words of a full name are spent.
  const spent = new Set(strong.flatMap((o) => words(o.item.name)));
  const said = new Set(words(text));
  const kept = scored.filter(
    ({ item, score }) =>
      score >= 1 ||
      (!strong.some((o) => words(o.item.name).at(-1) === words(item.name).at(-1)) &&
        (spent.size === 0 ||
          words(item.name).some((w) => said.has(w) && !spent.has(w)) ||
          endOf(words(item.name).at(-1)!, [...said]))),
  );
  const picked: ItemLike[] = [];
  for (const name of new Set(kept.map((k) => k.item.name))) {
    const same = kept.filter((k) => k.item.name === name).map((k) => k.item);
    const one = amongAlike(same, text);
    if (one.length === 0) return [];
    picked.push(...one);
  }
  return picked;
}

/** Among several of one name the options decide; without a word on them all are meant only when more than one is. */
function amongAlike(same: readonly ItemLike[], text: string): readonly ItemLike[] {
  if (same.length === 1) return same;
  for (const part of [withoutWish(text), text]) {
    const scores = same.map((i) => optionScore(i.options, part));
    const best = Math.max(...scores);
    const winners = same.filter((_, i) => scores[i] === best);
    if (best > 0 && winners.length < same.length) return winners;
  }
  const head = (same[0]!.name.match(/[\p{L}\p{N}]+/gu) ?? []).at(-1) ?? "";
  const plural =
    !/s$/i.test(head) &&
    ` ${text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, " ")} `.includes(` ${head.toLowerCase()}s `);
  const alike = new Set(same.map((i) => JSON.stringify(i.options ?? {}))).size === 1;
  return plural || wantsAll(text) ? same : alike ? same.slice(0, 1) : [];
}

/** Orders that a text is about by its words: the best-matching ones; all of them when no word decides. */
export function rankOrders(
  orders: readonly OrderLike[],
  text: string,
): { orders: OrderLike[]; byWords: boolean } {
  const scores = orders.map((o) => {
    const named = o.items.map((i) => ({ i, s: nameScore(i.name, text) })).filter((x) => x.s > 0);
    // Each product counts once; options only break ties.
    const products = new Map(named.map((x) => [x.i.name, x.s]));
    const sum = [...products.values()].reduce((a, b) => a + b, 0);
    return sum === 0 ? 0 : sum + 0.05 * Math.max(...named.map((x) => optionScore(x.i.options, text)));
  });
  const best = Math.max(0, ...scores);
  if (best === 0) return { orders: [...orders], byWords: false };
  return { orders: orders.filter((_, i) => scores[i]! >= best - 1e-9), byWords: true };
}

/** Newest first where times are known. They are compared as plain text: a machine has no locale to go by. */
export function newestFirst<T extends { readonly placedAt?: string }>(orders: readonly T[]): T[] {
  return orders
    .map((order, i) => ({ order, i }))
    .sort((a, b) => {
      const [one, other] = [a.order.placedAt ?? "", b.order.placedAt ?? ""];
      return one === other ? a.i - b.i : one < other ? 1 : -1;
    })
    .map((x) => x.order);
}

/** The one of a shown list that an answer means. */
export function pickOrder(
  orders: readonly OrderLike[],
  text: string,
  numbers: readonly string[],
): OrderLike[] {
  const named = orders.filter((o) => numbers.some((n) => sameNumber(n, o.id)));
  if (named.length) return named;
  // “the one ending in 4567”
  const tail = /(?:ending|ends)(?: in| with)?\s+#?(\d{3,})/i.exec(text)?.[1];
  if (tail) {
    const ends = orders.filter((o) => normalNumber(o.id).endsWith(tail));
    if (ends.length) return ends;
  }
  const { orders: byItems, byWords } = rankOrders(orders, text);
  if (byWords && byItems.length < orders.length) return byItems;
  const status = orders.filter((o) =>
    words(o.status.replace(/_/g, " ")).every((w) => words(text).includes(w)),
  );
  if (status.length && status.length < orders.length) return status;
  if (wantsLatest(text) && orders.some((o) => o.placedAt)) return newestFirst(orders).slice(0, 1);
  const index = ordinal(text, orders.length);
  return index === undefined ? [] : [orders[index]!];
}

/** Variants that fit the words best; equal ones stay. An option that was not spoken of should stay as it was. */
export function pickVariants(variants: readonly VariantLike[], text: string, old?: ItemLike): VariantLike[] {
  const others = variants.filter((v) => v.available !== false && v.itemId !== old?.itemId);
  const byId = others.filter((v) => text.includes(v.itemId));
  if (byId.length) return byId;
  const said = new Set(words(text));
  const spoken = others.map((v) => optionHits(v.options, said));
  const best = Math.max(0, ...spoken);
  if (best === 0) return cheapest(others, text);
  const fit = others.filter((_, i) => spoken[i] === best);
  const alike = fit.map((v) => likeness(v, old, said));
  const most = Math.max(...alike);
  return cheapest(
    fit.filter((_, i) => alike[i] === most),
    text,
  );
}

function optionHits(
  options: Readonly<Record<string, unknown>> | undefined,
  said: ReadonlySet<string>,
): number {
  let hits = 0;
  for (const value of Object.values(options ?? {})) {
    const parts = words(String(value));
    if (parts.length && !/^(?:yes|no|none)$/i.test(String(value)) && parts.every((p) => said.has(p))) hits++;
  }
  return hits;
}

/** How many options that nobody spoke of are as they were. */
function likeness(v: VariantLike, old: ItemLike | undefined, said: ReadonlySet<string>): number {
  return Object.entries(old?.options ?? {}).filter(
    ([key, value]) => v.options?.[key] === value && !words(String(value)).every((w) => said.has(w)),
  ).length;
}

const CHEAPEST =
  /\b(?:cheapest|least expensive|lowest[- ](?:priced?|cost)|most affordable|lowest possible price)\b/i;
const DEAREST =
  /\b(?:most expensive|highest[- ](?:priced?|tier|end)|top[- ](?:tier|end|of the line)|priciest|dearest)\b/i;

/** The one at the end of the price list that a text asks for; all of them when it asks for neither. */
export function cheapest(variants: readonly VariantLike[], text: string): VariantLike[] {
  const known = variants.filter((v) => v.price !== undefined);
  const prices = known.map((v) => v.price!);
  const wanted = CHEAPEST.test(text)
    ? Math.min(...prices)
    : DEAREST.test(text)
      ? Math.max(...prices)
      : undefined;
  return wanted === undefined || known.length === 0 ? [...variants] : known.filter((v) => v.price === wanted);
}
