/** The text that the classifier sees: values that say nothing about a wish are replaced by a word for their kind. */
import type { Entity } from "../types.ts";

const WORD: Readonly<Partial<Record<Entity["type"], string>>> = {
  order_number: "W0",
  email: "mail@example.com",
  postcode: "00000",
  phone: "000 0000",
  item_id: "00000000",
  name: "Alex Smith",
};

/** Cuts `[from, to)` of the text, values replaced; entities are in order of their place. */
export function plainWish(text: string, entities: readonly Entity[], from = 0, to = text.length): string {
  let out = "";
  let at = from;
  for (const e of entities) {
    const word = WORD[e.type];
    if (word === undefined || e.start < at || e.end > to) continue;
    out += text.slice(at, e.start) + word;
    at = e.end;
  }
  return (out + text.slice(at, to)).trim();
}
