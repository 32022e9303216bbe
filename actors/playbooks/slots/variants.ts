/** Resolves a variant slot: for each item that is to be replaced, the one the customer wants instead. */
import { allText, focusText, type RunContext } from "../compiler/context.ts";
import type { SlotDef } from "../language/schema.ts";
import { choices } from "./fill.ts";
import { cheapest, type ItemLike, nameScore, pickVariants, type VariantLike } from "./pick.ts";
import { clauses, ordinal } from "./words.ts";

/** Variants that are listed at most. */
export const MAX_VARIANTS = 6;

/** The item whose replacement is looked for; undefined when all have one. */
export function openItem(c: RunContext, name: string, slot: SlotDef): ItemLike | undefined {
  const chosen = (c.vars[`${name}_chosen`] as unknown[] | undefined) ?? [];
  return (choices(slot, c) as ItemLike[])[chosen.length];
}

/** What is wanted instead: what follows “for”, “to”, “with” in the parts that name the item. */
export function wish(c: RunContext, item: ItemLike, several: boolean): string {
  const said = wishWords(c, item, several);
  return said + sizeAway(item, said);
}

const SIZES = ["XXS", "XS", "S", "M", "L", "XL", "XXL", "XXXL"];
const UP =
  /\b(?:(?:one|a|next) sizes? (?:up|larger|bigger)|sizes? up|(?:larger|bigger|next larger) size|size (?:larger|bigger))\b/i;
const DOWN =
  /\b(?:(?:one|a|next) sizes? (?:down|smaller)|sizes? down|(?:smaller|next smaller) size|size smaller)\b/i;

/** “One size up” from what somebody has, as the size that it is. */
function sizeAway(item: ItemLike, said: string): string {
  const step = UP.test(said) ? 1 : DOWN.test(said) ? -1 : 0;
  const has = Object.entries(item.options ?? {}).find(([name]) => /\bsize\b/i.test(name));
  if (step === 0 || !has) return "";
  const value = String(has[1]);
  const next = SIZES[SIZES.indexOf(value.toUpperCase()) + step];
  if (SIZES.includes(value.toUpperCase())) return next ? `\n${has[0]} ${next}` : "";
  return /^\d+$/.test(value) ? `\n${has[0]} ${Number(value) + step}` : "";
}

function wishWords(c: RunContext, item: ItemLike, several: boolean): string {
  if (c.latest !== null) return c.latest;
  for (const text of [focusText(c), allText(c)]) {
    const parts = clauses(text);
    const about = parts.filter((p) => nameScore(item.name, p) > 0);
    if (about.length === 0) continue;
    // With one item everything that was said is about it, also the sentences that do not name it again.
    const mine = several ? about : parts.slice(parts.indexOf(about[0]!));
    const first = mine[0]!;
    const cut = /\b(?:for|to|into|instead|with|but)\b/i.exec(
      first.replace(/\b(?:like|want|need|love|prefer|ask(?:ing)?|going|able) to\b/gi, (m) =>
        "_".repeat(m.length),
      ),
    );
    const more = clauses(allText(c)).filter(
      (p) =>
        !parts.includes(p) &&
        nameScore(item.name, p) > 0 &&
        c.said.some((s) => !s.before && s.text.includes(p)),
    );
    return [cut ? first.slice(cut.index) : first, ...mine.slice(1), ...more].join("\n");
  }
  return several ? "" : focusText(c);
}

export interface VariantResolution {
  readonly context: RunContext;
  /** `next`: another item wants one. */
  readonly route: "filled" | "next" | "which" | "none";
}

function take(
  c: RunContext,
  name: string,
  slot: SlotDef,
  variant: VariantLike,
  item: ItemLike,
): VariantResolution {
  const before = (c.vars[`${name}_chosen`] as unknown[] | undefined) ?? [];
  const chosen = [...before, { ...variant, name: item.name, instead: item }];
  const vars = { ...c.vars, [`${name}_chosen`]: chosen };
  const done = chosen.length >= choices(slot, c).length;
  return {
    route: done ? "filled" : "next",
    context: {
      ...c,
      pool: [],
      latest: null,
      vars: done ? without(vars, `${name}_chosen`) : vars,
      slots: done ? { ...c.slots, [name]: chosen } : c.slots,
    },
  };
}

export function without(all: Readonly<Record<string, unknown>>, key: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(all).filter(([k]) => k !== key));
}

/** After `catalog.variants` (what fits the wish) or `catalog.product` (all there are). */
export function afterVariants(
  c: RunContext,
  name: string,
  slot: SlotDef,
  value: unknown,
): VariantResolution | { readonly context: RunContext; readonly route: "all" } {
  const item = openItem(c, name, slot);
  if (!item) return { route: "none", context: c };
  const found = value as { matches?: unknown; nearest?: unknown; variants?: unknown } | null;
  const said = c.said.filter((s) => !s.before).map((s) => s.text);
  const list = (value: unknown): VariantLike[] => pinned(variantsOf(value, item), item, said.join("\n"));
  const matches = list(found?.matches);
  const nearest = list(found?.nearest);
  const all = list(found?.variants);
  const numbers = namedIds(c, slot);
  const byId = [...matches, ...nearest, ...all].find((v) => numbers.includes(v.itemId));
  if (byId) return take(c, name, slot, byId, item);
  // A number that is not among what fits the words is looked for among all that there are.
  if (numbers.length && found?.variants === undefined)
    return { route: "all", context: { ...c, pool: best(c, item, slot, matches.length ? matches : nearest) } };
  if (matches.length) {
    const fit = best(c, item, slot, matches);
    return fit.length === 1 ? take(c, name, slot, fit[0]!, item) : which(c, fit);
  }
  if (found?.variants === undefined && nearest.length === 0)
    return { route: "all", context: { ...c, pool: [] } };
  const rest = nearest.length ? nearest : c.pool.length ? c.pool : all;
  const cheap = cheapest(rest, `${wish(c, item, choices(slot, c).length > 1)}\n${general(c, slot)}`);
  if (cheap.length < rest.length && cheap.length === 1) return take(c, name, slot, cheap[0]!, item);
  return rest.length ? which(c, rest) : { route: "none", context: c };
}

/** What was said about none of the items in particular: “the cheapest you have of each”. */
function general(c: RunContext, slot: SlotDef): string {
  const items = choices(slot, c) as ItemLike[];
  const said = c.said.filter((s) => !s.before).flatMap((s) => clauses(s.text));
  return said.filter((part) => !items.some((item) => nameScore(item.name, part) > 0)).join("\n");
}

/** “Keep the same size”: those that are as the old one in it, when there are any. */
function pinned(variants: VariantLike[], item: ItemLike, text: string): VariantLike[] {
  return Object.keys(item.options ?? {}).reduce((left, option) => {
    const same = new RegExp(
      `\\b(?:same|keep(?:ing)? (?:the |my |its )?(?:current |same |original )?)[\\s]*(?:[\\p{L}-]+(?: and |, ?| & ))?${literally(option)}\\b`,
      "iu",
    );
    if (!same.test(text)) return left;
    const kept = left.filter((v) => v.options?.[option] === item.options?.[option]);
    return kept.length > 0 ? kept : left;
  }, variants);
}

const literally = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

function which(c: RunContext, pool: readonly VariantLike[]): VariantResolution {
  return { route: "which", context: { ...c, pool: pool.slice(0, MAX_VARIANTS), latest: null } };
}

function best(c: RunContext, item: ItemLike, slot: SlotDef, found: readonly VariantLike[]): VariantLike[] {
  return bestOf(found, wish(c, item, choices(slot, c).length > 1));
}

/** Numbers of items that the customer named and that are not those he has. */
export function namedIds(c: RunContext, slot: SlotDef): string[] {
  const own = (choices(slot, c) as ItemLike[]).map((i) => i.itemId);
  const named = c.said
    .filter((s) => !s.before)
    .flatMap((s) => s.entities.filter((e) => e.type === "item_id").map((e) => e.value));
  return [...new Set(named)].filter((id) => !own.includes(id)).reverse();
}

/** Those with the highest score (most of what was asked for, most of the rest as it was); the cheapest when asked for. */
function bestOf(found: readonly (VariantLike & { readonly score?: number })[], text: string): VariantLike[] {
  const cheap = cheapest(found, text);
  if (cheap.length < found.length) return cheap;
  const most = Math.max(...found.map((v) => v.score ?? 0));
  return found.filter((v) => (v.score ?? 0) >= most - 1e-9);
}

function variantsOf(list: unknown, item: ItemLike): VariantLike[] {
  return (Array.isArray(list) ? list : []).filter(
    (x): x is VariantLike =>
      typeof x?.itemId === "string" && x.available !== false && x.itemId !== item.itemId,
  );
}

/** The answer to “which one would you like?”; undefined when it names none of those shown. */
export function pickShown(
  c: RunContext,
  name: string,
  slot: SlotDef,
  text: string,
): VariantResolution | undefined {
  const item = openItem(c, name, slot);
  if (!item) return undefined;
  const index = ordinal(text, c.pool.length);
  const picked = index !== undefined ? [c.pool[index]!] : pickVariants(c.pool, text, item);
  return picked.length === 1 ? take(c, name, slot, picked[0]!, item) : undefined;
}
