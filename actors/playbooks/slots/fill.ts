/** Fills slots whose value stands in a message. Orders and variants need a look-up and are resolved elsewhere. */
import { allText, focusText, type RunContext, type Said, scopeOf } from "../compiler/context.ts";
import { evaluate, parseExpression } from "../language/expression.ts";
import type { SlotDef } from "../language/schema.ts";
import type { SlotType } from "../protocol.ts";
import { knownAddress, parseAddress } from "./address.ts";
import { type OptionLike, pickOptions } from "./options.ts";
import { type ItemLike, pickItems } from "./pick.ts";
import { clauses, wantsBoth } from "./words.ts";

/** Entity types of `language.understand` that fill a type of slot. */
const ENTITY: Readonly<Record<string, SlotType>> = {
  email: "email",
  postcode: "postcode",
  date: "date",
  amount: "amount",
  number: "quantity",
  name: "name",
  phone: "phone",
};

/** What the next answer may hold when this slot is asked for. */
export function expectedTypes(slot: SlotDef): SlotType[] {
  switch (slot.type) {
    case "order":
      return ["order_number", "item_words"];
    case "items":
    case "variant":
      return ["item_words", "item_id"];
    case "address":
      return ["postcode"];
    case "choice":
    case "text":
      return [];
    default:
      return [ENTITY[slot.type]!];
  }
}

/** The records that a slot is chosen from. */
export function choices(slot: SlotDef, c: RunContext): unknown[] {
  if (!slot.from) return [];
  const value = evaluate(parseExpression(slot.from), scopeOf(c));
  return Array.isArray(value) ? value : value === undefined ? [] : [value];
}

export function optionsOf(slot: SlotDef, c: RunContext): OptionLike[] {
  if (slot.options)
    return Object.entries(slot.options).map(([value, o]) => ({
      value,
      label: o.label ?? value,
      words: o.words,
    }));
  const label = slot.label ?? "name";
  return choices(slot, c).flatMap((record) => {
    const text =
      typeof record === "object" && record !== null ? (record as Record<string, unknown>)[label] : record;
    return typeof text === "string" ? [{ value: record, label: text, words: [] }] : [];
  });
}

/** The value that an answer to the slot's question gives; undefined when it gives none. */
export function fromAnswer(slot: SlotDef, answer: Said, c: RunContext): unknown {
  switch (slot.type) {
    case "items":
      return itemsFrom(slot, [answer.text], c);
    case "choice":
      return only(pickOptions(optionsOf(slot, c), answer.text, true));
    case "address":
      return addressFrom(slot, answer.text, c);
    case "text":
      return answer.text.trim() === "" ? undefined : answer.text.trim();
    case "number":
      return numberFrom(answer) ?? bareNumber(answer.text);
    case "amount":
      return numberFrom(answer, "amount") ?? bareNumber(answer.text);
    default:
      return answer.entities.find((e) => e.type === ENTITY[slot.type])?.value;
  }
}

/** The value that earlier messages give; undefined when they give none. */
export function fromSaid(slot: SlotDef, c: RunContext): unknown {
  if (slot.type === "items") {
    const list = choices(slot, c) as ItemLike[];
    if (list.length === 1) return list;
    return itemsFrom(slot, c.latest !== null ? [c.latest] : [onlyText(c), focusText(c), allText(c)], c);
  }
  if (slot.prefill === false || slot.type === "text") return undefined;
  const now = c.said.filter((s) => !s.before).reverse();
  for (const s of now) {
    if (slot.type === "choice") {
      const value = only(pickOptions(optionsOf(slot, c), s.focus, false));
      if (value !== undefined) return value;
    } else if (slot.type === "address") {
      const value = addressFrom(slot, s.text, c);
      if (value !== undefined) return value;
    } else if (slot.type === "amount" || slot.type === "number") {
      const value = numberFrom(s, slot.type);
      if (value !== undefined) return value;
    } else {
      const value = s.entities.find((e) => e.type === ENTITY[slot.type])?.value;
      if (value !== undefined) return value;
    }
  }
  return undefined;
}

/** The last sentence in which the customer says “only”: it corrects what was said before. */
function onlyText(c: RunContext): string {
  const parts = c.said.filter((s) => !s.before).flatMap((s) => clauses(s.text));
  return (
    parts
      .filter(
        (p) =>
          /\b(?:only|just)\b/i.test(p) && !/\b(?:only|just)\s+(?:in case|wondering|received|got)\b/i.test(p),
      )
      .at(-1) ?? ""
  );
}

function itemsFrom(slot: SlotDef, texts: readonly string[], c: RunContext): ItemLike[] | undefined {
  const list = choices(slot, c) as ItemLike[];
  for (const text of texts) {
    const picked = pickItems(list, text);
    // “Return both”: which two is said elsewhere.
    if (picked.length === list.length && list.length > 2 && wantsBoth(text)) continue;
    if (picked.length === 1 || (picked.length > 1 && !slot.single)) return picked;
  }
  return undefined;
}

function addressFrom(slot: SlotDef, text: string, c: RunContext): unknown {
  const scope = scopeOf(c);
  const places = (slot.known ?? []).flatMap((path) => {
    const v = evaluate(parseExpression(path), scope);
    return Array.isArray(v) ? v : [v];
  });
  const country = places
    .map((p) => (p as { country?: unknown } | undefined)?.country)
    .find((x) => typeof x === "string");
  const except = slot.except === undefined ? undefined : evaluate(parseExpression(slot.except), scope);
  return parseAddress(text, (country as string | undefined) ?? "") ?? knownAddress(places, text, except);
}

function only(options: readonly OptionLike[]): unknown {
  return options.length === 1 ? options[0]!.value : undefined;
}

function numberFrom(s: Said, type: "amount" | "number" = "number"): number | undefined {
  const value = s.entities.find((e) => e.type === ENTITY[type])?.value;
  const n = value === undefined ? Number.NaN : Number.parseFloat(value);
  return Number.isFinite(n) ? n : undefined;
}

function bareNumber(text: string): number | undefined {
  const m = /^\D{0,20}(\d+(?:\.\d+)?)\D{0,20}$/.exec(text);
  return m ? Number(m[1]) : undefined;
}
