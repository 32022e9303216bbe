/** Which variant of a product a customer wants, from the words of a message. */
import type { Product, Variant } from "../backoffice/index.ts";
import { Text, tokensOf } from "./words.ts";

export interface VariantMatch extends Variant {
  /** Options that the text asked for and this variant has. */
  readonly matchedOptions: Record<string, string>;
  readonly score: number;
}
export interface VariantChoice {
  /** What was asked for, as far as this product has it: option to the values that were named. */
  readonly wanted: Record<string, string[]>;
  /** Variants that have everything that was asked for (one value of each option), best first. */
  readonly matches: VariantMatch[];
  /** Variants that have most of it, when none has all of it. */
  readonly nearest: VariantMatch[];
}

/** Before a value they say that it is what somebody has, or does not want. */
const UNWANTED = [
  ["instead", "of"],
  ["rather", "than"],
  ["other", "than"],
  ["not"],
  ["from"],
  ["current"],
  ["isnt"],
];
/** Sizes as people say them. */
const SPOKEN: Readonly<Record<string, readonly string[]>> = {
  XS: ["extra", "small"],
  S: ["small"],
  M: ["medium"],
  L: ["large"],
  XL: ["extra", "large"],
};
const YES = new Set(["yes", "true", "with"]);
const NO = new Set(["no", "false", "without", "none"]);

/**
 * @param like the variant that the customer has: options that the text does not name stay as they are there, where
 * such a variant exists; it is itself never an answer.
 */
export function chooseVariants(
  product: Product,
  said: string,
  options: { like?: string; wanted?: Readonly<Record<string, string>>; available?: boolean } = {},
): VariantChoice {
  const wanted = options.wanted
    ? Object.fromEntries(Object.entries(options.wanted).map(([k, v]) => [k, [v]]))
    : wantedOptions(product, said);
  const current = product.variants.find((v) => v.itemId === options.like);
  const names = Object.keys(wanted);
  const candidates = product.variants
    .filter(
      (v) =>
        v.itemId !== options.like && (options.available === undefined || v.available === options.available),
    )
    .map((variant): VariantMatch => {
      const matchedOptions: Record<string, string> = {};
      for (const name of names) {
        const value = variant.options[name];
        if (value !== undefined && wanted[name]!.some((w) => same(w, value))) matchedOptions[name] = value;
      }
      const kept = Object.entries(variant.options).filter(
        ([name, value]) => !names.includes(name) && current?.options[name] === value,
      ).length;
      return { ...variant, matchedOptions, score: Object.keys(matchedOptions).length + kept / 10 };
    })
    .sort((a, b) => b.score - a.score || Number(b.available) - Number(a.available) || a.price - b.price);
  const full = candidates.filter(
    (c) => names.length > 0 && Object.keys(c.matchedOptions).length === names.length,
  );
  return { wanted, matches: full, nearest: full.length > 0 ? [] : candidates.filter((c) => c.score >= 1) };
}

const same = (a: string, b: string): boolean => tokensOf(a).join("") === tokensOf(b).join("");

/** Values of the product's options that the text asks for. */
export function wantedOptions(product: Product, said: string): Record<string, string[]> {
  const text = new Text(said);
  const values = new Map<string, Set<string>>();
  for (const variant of product.variants) {
    for (const [name, value] of Object.entries(variant.options)) {
      (values.get(name) ?? values.set(name, new Set()).get(name)!).add(value);
    }
  }
  const wanted: Record<string, string[]> = {};
  for (const [name, all] of values) {
    const found = isYesNo(all)
      ? yesOrNo(text, name, all)
      : [...all].filter((v) => asksFor(text, said, name, v));
    // "navy blue" names "blue" as well when both are values: the longer one is meant.
    const kept = found.filter(
      (v) => !found.some((o) => o !== v && tokensOf(o).join(" ").includes(tokensOf(v).join(" "))),
    );
    if (kept.length > 0) wanted[name] = kept;
  }
  return wanted;
}

function asksFor(text: Text, said: string, name: string, value: string): boolean {
  const parts = tokensOf(value);
  if (parts.length === 0) return false;
  if (NEGATIONS.has(parts[0]!) && parts.length > 1) return deniedAt(text, parts.slice(1));
  const spoken = SPOKEN[value];
  if (spoken) {
    const said = text
      .positionsOf(spoken)
      .filter((at) => text.tokens[at - 1] !== "extra" && !unwantedAt(text, at));
    if (said.length > 0) return true;
  }
  const positions = new Set([
    ...text.positionsOf(parts),
    // "1000ml" for "1000 ml" and the other way round
    ...text.positionsOf([parts.join("")]),
    ...text.positionsOf(parted(value)),
  ]);
  const good = [...positions].filter((at) => !unwantedAt(text, at));
  if (good.length === 0) return false;
  if (value.length > 2) return true;
  // "M", "7", "XL": only beside the option's name, or as capitals.
  const label = tokensOf(name);
  return good.some((at) => {
    const around = text.tokens.slice(Math.max(0, at - 3), at + 3);
    return label.some((word) => around.includes(word)) || (/^X+[SL]$/.test(value) && said.includes(value));
  });
}

const NEGATIONS = new Set(["not", "non", "no", "without"]);

/** “not resistant” is also “not water-resistant”, “non-resistant”, “no water resistance”. */
function deniedAt(text: Text, parts: readonly string[]): boolean {
  return text.tokens.some(
    (token, at) =>
      parts.some((part) => part.length > 4 && token.slice(0, 6) === part.slice(0, 6)) &&
      text.tokens
        .slice(Math.max(0, at - 3), at)
        .some((w) => NEGATIONS.has(w) || w === "isnt" || w === "arent"),
  );
}

const parted = (value: string): string[] => tokensOf(value.replace(/(\d)(\p{L})/gu, "$1 $2"));

function unwantedAt(text: Text, at: number): boolean {
  return UNWANTED.some((marker) =>
    [1, 2, 3].some((gap) => {
      const start = at - marker.length - gap + 1;
      if (start < 0 || !marker.every((word, k) => text.tokens[start + k] === word)) return false;
      // "not the red but the blue": what stands behind "but" or "to" is wanted again.
      return !text.tokens
        .slice(start + marker.length, at)
        .some((w) => w === "but" || w === "to" || w === "into");
    }),
  );
}

const isYesNo = (all: Set<string>): boolean =>
  [...all].every((v) => YES.has(v.toLowerCase()) || NO.has(v.toLowerCase()));

/** `waterproof: yes/no` is asked for by its name, and refused by "not", "non", "without" or "no" before it. */
function yesOrNo(text: Text, name: string, all: Set<string>): string[] {
  const at = text.positionsOf(tokensOf(name));
  if (at.length === 0) return [];
  const no = at.some((i) =>
    text.tokens.slice(Math.max(0, i - 2), i).some((w) => /^(?:not|non|without|no|isnt)$/.test(w)),
  );
  const value = [...all].find((v) => (no ? NO : YES).has(v.toLowerCase()));
  return value === undefined ? [] : [value];
}
