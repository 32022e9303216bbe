/**
 * Checks a text that a model wrote against what is known: every fact in it must be held by the evidence. It errs on the strict
 * side: an unsupported true sentence costs a fixed answer, an invented fact costs a customer.
 */

import { findFacts, SAME_STATUS } from "./facts.ts";
import { normaliseAmount } from "./slots/amount.ts";
import { isoDay } from "./slots/calendar.ts";
import { unheldStatements } from "./statements.ts";
import { fold, sentences } from "./text.ts";
import type { Fact, GroundInput, Grounding } from "./types.ts";

/** Pure. */
export function ground(input: GroundInput): Grounding {
  const evidence = input.evidence.flatMap(records).map((text) => new Evidence(text));
  const facts = findFacts(input.text);
  const list = sentences(input.text);
  const unsupported = facts.filter((fact) => {
    const sentence = list.find((s) => fact.start >= s.start && fact.start < s.end);
    const scope = sentence
      ? scopeOf(
          fact,
          facts.filter((f) => f.start >= sentence.start && f.start < sentence.end),
          evidence,
        )
      : evidence;
    return !scope.some((e) => e.supports(fact));
  });
  // A sentence with an invented fact in it is out already.
  const invented = (s: Fact): boolean => unsupported.some((f) => f.start >= s.start && f.start < s.end);
  const statements = unheldStatements(input.text, facts, evidence).filter((s) => !invented(s));
  const all = [...unsupported, ...statements].sort((a, b) => a.start - b.start);
  return { ok: all.length === 0, unsupported: all };
}

/**
 * Where a sentence speaks of one order, what it says must be held by a record of that order (or by a text that is about no
 * order): the amount of another order is as wrong as an invented one.
 */
function scopeOf(fact: Fact, sentence: readonly Fact[], evidence: readonly Evidence[]): readonly Evidence[] {
  if (fact.kind === "order_number") return evidence;
  const orders = new Set(sentence.filter((f) => f.kind === "order_number").map((f) => f.value));
  if (orders.size !== 1) return evidence;
  const [order] = orders;
  const about = evidence.filter((e) => e.orders.has(order!));
  return about.length === 0 ? evidence : evidence.filter((e) => e.orders.size === 0 || e.orders.has(order!));
}

/** JSON evidence falls into the records that it holds; other text stays whole. */
function records(text: string): string[] {
  if (!/^\s*[[{]/.test(text)) return [text];
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return [text];
  }
  const found: string[] = [];
  const walk = (node: unknown, depth: number): void => {
    if (depth > 8 || typeof node !== "object" || node === null) return;
    if (
      !Array.isArray(node) &&
      Object.values(node).some((v) => typeof v === "string" && /^#?W\d{6,8}$/.test(v))
    ) {
      found.push(JSON.stringify(node));
      return;
    }
    for (const child of Object.values(node)) walk(child, depth + 1);
  };
  walk(value, 0);
  return found.length > 1 ? found : [text];
}

class Evidence {
  readonly orders: ReadonlySet<string>;
  /** A record, or a text that names an order: only such tell the state of something. */
  readonly record: boolean;
  readonly #plain: string;
  readonly #words: string;
  readonly #facts = new Map<string, Set<string>>();
  readonly #numbers = new Set<string>();
  readonly #digits = new Set<string>();

  constructor(readonly text: string) {
    this.#plain = fold(text);
    this.#words = ` ${this.#plain.replace(/[^\p{L}\p{N}]+/gu, " ").trim()} `;
    for (const fact of findFacts(text)) {
      const values = this.#facts.get(fact.kind) ?? new Set();
      values.add(fact.value);
      this.#facts.set(fact.kind, values);
    }
    for (const m of text.matchAll(/(?<![\p{L}\p{N}.])\d[\d.,]*\d|\d/gu)) {
      const amount = normaliseAmount(m[0]);
      if (amount !== undefined) this.#numbers.add(amount);
      // 1,234.567 is no amount, but a list such as 1,2,3 holds three numbers.
      for (const part of m[0].split(/[.,]/)) this.#numbers.add(`${Number(part)}.00`);
    }
    for (const m of text.matchAll(/\d{4,}/g)) this.#digits.add(m[0]);
    // Times in ms since the epoch are dates too.
    for (const m of text.matchAll(/(?<!\d)1\d{12}(?!\d)/g))
      this.#add("date", isoDay(Math.floor(Number(m[0]) / 86_400_000)));
    this.orders = this.#facts.get("order_number") ?? new Set();
    this.record = this.orders.size > 0 || /^\s*[[{]/.test(text);
  }

  #add(kind: string, value: string): void {
    const values = this.#facts.get(kind) ?? new Set();
    this.#facts.set(kind, values.add(value));
  }

  supports(fact: Fact): boolean {
    const same = this.#facts.get(fact.kind)?.has(fact.value) ?? false;
    switch (fact.kind) {
      case "order_number":
        return same || this.#digits.has(fact.value.replace(/\D/g, ""));
      case "item_id":
      case "tracking":
        return this.#digits.has(fact.value) || this.#words.includes(` ${fact.value.toLowerCase()} `);
      case "amount":
        return this.#numbers.has(fact.value.split(" ")[0]!) && this.#currency(fact);
      case "percent":
        return (
          same ||
          (this.record && this.#numbers.has(`${fact.value}.00`)) ||
          this.#words.includes(` ${fact.value} percent `)
        );
      case "number":
        return same || this.#numberHeld(fact.value);
      case "date":
        return same || this.#dateHeld(fact);
      case "status":
        return this.record && this.#statusHeld(fact.value);
      case "email":
      case "url":
        return same || this.#plain.includes(fact.value);
      case "phone":
        return same || this.#plain.replace(/\D/g, "").includes(fact.value.replace(/\D/g, ""));
      case "statement":
        return false;
      case "address":
        return this.#words.includes(` ${fact.value} `);
    }
  }

  /** Another currency than the evidence's is another amount. */
  #currency(fact: Fact): boolean {
    const [value, currency] = fact.value.split(" ");
    const stated = [...(this.#facts.get("amount") ?? [])].filter((a) => a.startsWith(`${value} `));
    return stated.length === 0 || currency === undefined || stated.some((a) => a.endsWith(currency));
  }

  #numberHeld(value: string): boolean {
    const [digits, unit] = value.split(" ");
    if (!this.#numbers.has(`${digits}.00`)) {
      return this.#facts.get("number")?.has(value) ?? false;
    }
    return unit === undefined || this.#plain.includes(unit) || this.record;
  }

  /** Days without a year are compared by month and day, words for days as words. */
  #dateHeld(fact: Fact): boolean {
    if (/^--\d\d-\d\d$/.test(fact.value)) {
      const tail = fact.value.slice(1);
      return [...(this.#facts.get("date") ?? [])].some((d) => d.endsWith(tail));
    }
    if (/^\d{4}-/.test(fact.value)) {
      const yearless = `-${fact.value.slice(4)}`;
      return this.#facts.get("date")?.has(yearless) ?? false;
    }
    return this.#words.includes(` ${fact.value} `);
  }

  #statusHeld(value: string): boolean {
    const same = [
      value,
      ...Object.entries(SAME_STATUS).flatMap(([word, of]) => (of === value ? [word] : [])),
    ];
    return same.some((word) => this.#words.includes(` ${word} `));
  }
}
