/**
 * Personal values replaced by typed tokens (`<EMAIL_1>`), the same value always by the same token within a conversation, so
 * that a model can still tell them apart. Back to the value goes only who holds the mask and asks for it.
 */
import { iban, luhn } from "./checksums.ts";
import type { Entity } from "./types.ts";

export type MaskKind = "EMAIL" | "CARD" | "PHONE" | "IBAN" | "NAME" | "POSTCODE" | "ORDER";

/** The tokens of a conversation, as JSON. Holds personal values: seal it wherever it is written down. */
export interface MaskState {
  readonly values: Readonly<Record<string, string>>;
}

const KINDS: Readonly<Partial<Record<Entity["type"], MaskKind>>> = {
  email: "EMAIL",
  phone: "PHONE",
  name: "NAME",
  postcode: "POSTCODE",
  order_number: "ORDER",
};
const TOKEN = /<(?:EMAIL|CARD|PHONE|IBAN|NAME|POSTCODE|ORDER)_[1-9]\d{0,5}>/g;
const CARD = /(?<![\p{L}\p{N}_])\d(?:[ -]?\d){12,18}(?![\p{L}\p{N}_])/gu;
const IBAN = /(?<![\p{L}\p{N}_])[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}(?![\p{L}\p{N}_])/giu;
/** Letters and digits of an account number by country. */
const LENGTHS: Readonly<Record<string, number>> = {
  AT: 20,
  BE: 16,
  BG: 22,
  CH: 21,
  CY: 28,
  CZ: 24,
  DE: 22,
  DK: 18,
  EE: 20,
  ES: 24,
  FI: 18,
  FR: 27,
  GB: 22,
  GR: 27,
  HR: 21,
  HU: 28,
  IE: 22,
  IT: 27,
  LI: 21,
  LT: 20,
  LU: 20,
  LV: 21,
  MC: 27,
  MT: 31,
  NL: 18,
  NO: 15,
  PL: 28,
  PT: 25,
  RO: 24,
  SE: 24,
  SI: 19,
  SK: 24,
  TR: 26,
  SA: 24,
  AE: 23,
};

interface Place {
  readonly start: number;
  readonly end: number;
  readonly kind: MaskKind;
  /** What makes two writings the same value. */
  readonly key: string;
}

export class Masker {
  readonly #tokens = new Map<string, string>();
  readonly #values = new Map<string, string>();
  readonly #counts = new Map<MaskKind, number>();

  constructor(state?: MaskState) {
    for (const [token, value] of Object.entries(state?.values ?? {})) {
      const kind = token.slice(1, token.lastIndexOf("_")) as MaskKind;
      this.#values.set(token, value);
      this.#tokens.set(keyOf(kind, value), token);
      const number = Number(token.slice(token.lastIndexOf("_") + 1, -1));
      this.#counts.set(kind, Math.max(this.#counts.get(kind) ?? 0, number));
    }
  }

  /** @param entities values found in the text (see `SlotExtractor`). */
  mask(text: string, entities: readonly Entity[]): string {
    let out = "";
    let at = 0;
    for (const place of places(text, entities)) {
      if (place.start < at) continue;
      out += text.slice(at, place.start) + this.#token(place, text.slice(place.start, place.end));
      at = place.end;
    }
    return out + text.slice(at);
  }

  /** The value behind a token of this conversation. */
  resolve(token: string): string | undefined {
    return this.#values.get(token);
  }

  /** Personal values: seal it. */
  toJSON(): MaskState {
    return { values: Object.fromEntries(this.#values) };
  }

  #token(place: Place, written: string): string {
    const known = this.#tokens.get(place.key);
    if (known) return known;
    const number = (this.#counts.get(place.kind) ?? 0) + 1;
    const token = `<${place.kind}_${number}>`;
    this.#counts.set(place.kind, number);
    this.#tokens.set(place.key, token);
    this.#values.set(token, written);
    return token;
  }
}

/** Replaces tokens by what the resolver answers; unknown ones stay. The caller decides, and audits, who may. */
export function unmask(text: string, resolve: (token: string) => string | undefined): string {
  return text.replace(TOKEN, (token) => resolve(token) ?? token);
}

/** Cards and bank accounts first: their digits look like everything else. */
function places(text: string, entities: readonly Entity[]): Place[] {
  const found: Place[] = [];
  const add = (kind: MaskKind, start: number, end: number, value: string): void => {
    if (found.some((p) => start < p.end && end > p.start)) return;
    found.push({ kind, start, end, key: keyOf(kind, value) });
  };
  for (const m of text.matchAll(IBAN)) {
    // The pattern may run on into the next word; the country says how long a number is.
    const wanted = LENGTHS[m[0].slice(0, 2).toUpperCase()];
    const end = wanted === undefined ? m[0].length : lengthOf(m[0], wanted);
    const written = m[0].slice(0, end);
    if (end > 0 && iban(written)) add("IBAN", m.index, m.index + end, written);
  }
  for (const m of text.matchAll(CARD)) {
    if (luhn(m[0].replace(/\D/g, ""))) add("CARD", m.index, m.index + m[0].length, m[0]);
  }
  for (const e of entities) {
    const kind = KINDS[e.type];
    if (kind) add(kind, e.start, e.end, e.text);
  }
  return found.sort((a, b) => a.start - b.start);
}

/** Where the `count`th letter or digit ends; 0 when there are fewer. */
function lengthOf(written: string, count: number): number {
  let seen = 0;
  for (let i = 0; i < written.length; i++) {
    if (written[i] !== " " && ++seen === count) return i + 1;
  }
  return 0;
}

function keyOf(kind: MaskKind, value: string): string {
  const plain = value.toLowerCase();
  if (kind === "NAME" || kind === "EMAIL") return `${kind} ${plain.replace(/\s+/g, " ")}`;
  return `${kind} ${plain.replace(/[^\p{L}\p{N}]/gu, "")}`;
}
