/**
 * Judges what a desk says in one conversation: each order number, amount, day, status, address, number and item of a
 * reply is right, wrong, foreign (of somebody else's record) or not classified. Reads the texts of both sides and the
 * imported files, nothing of the desk.
 */
import { changedIn, changeItem, copyOf, doneIn, type Followed, follow, take } from "./changes.ts";
import { type Mention, mentionsOf, splitOptions } from "./mentions.ts";
import { amountsOf, differences, listedDifferences, partSums, totalOf } from "./money.ts";
import { ordersIn, verifiedBy, type Ways, wroteNumber } from "./who.ts";
import {
  type FactAddress,
  type FactCustomer,
  type FactItem,
  type FactOrder,
  type FactWorld,
  flat,
} from "./world.ts";

export type Verdict = "right" | "wrong" | "foreign" | "unclassified";

export interface Finding {
  readonly verdict: Verdict;
  readonly kind: Mention["kind"];
  readonly text: string;
  /** Place in the reply. */
  readonly start: number;
  readonly end: number;
  /** Order that it was judged as a fact of. */
  readonly order?: string;
  readonly why?: string;
}

export interface CheckerOptions {
  /** What verifies a customer. Default: an e-mail address, or full name with postcode. */
  readonly ways?: Ways;
  /** The channel vouches for this customer. */
  readonly vouched?: string;
  /** Day of the conversation, `2026-11-20`. */
  readonly today?: string;
}

const WAYS: Ways = [["email"], ["name", "postcode"]];
/** A rule of the shop rather than a fact of a record. */
const POLICY = /\b(?:limit|above|over|free|fee)\b/i;

interface Line {
  readonly start: number;
  readonly text: string;
}

export class ConversationChecker {
  readonly #world: FactWorld;
  readonly #names: readonly string[];
  readonly #o: Required<Omit<CheckerOptions, "vouched" | "today">> & CheckerOptions;
  readonly #said: string[] = [];
  #customers: FactCustomer[] = [];
  readonly #followed = new Map<string, Followed>();
  /** Own orders that were talked about, the latest last. */
  #active: string[] = [];
  /** Prices of variants that were offered, cents. */
  #offered: number[] = [];

  constructor(world: FactWorld, options: CheckerOptions = {}) {
    this.#world = world;
    this.#o = { ways: WAYS, ...options };
    this.#names = namesOf(world);
    this.#identify();
  }

  /** The same state, to go on with separately. */
  copy(): ConversationChecker {
    const other = new ConversationChecker(this.#world, this.#o);
    other.#said.push(...this.#said);
    other.#customers = this.#customers;
    for (const [id, f] of this.#followed) other.#followed.set(id, copyOf(f));
    other.#active = [...this.#active];
    other.#offered = [...this.#offered];
    return other;
  }

  /** Customers that what was written so far verifies. */
  get customers(): readonly FactCustomer[] {
    return this.#customers;
  }

  /** Whether the customer has named an order of his own. */
  get namedOwnOrder(): boolean {
    return ordersIn(this.#said.join("\n")).some((id) => this.#own(id));
  }

  customerSays(text: string): void {
    this.#said.push(text);
    this.#identify();
  }

  deskSays(text: string): Finding[] {
    const quoted = quotesOf(text);
    const mentions = mentionsOf(text, this.#names);
    const lines = linesOf(text);
    const findings: Finding[] = [];
    this.#foresee(lines, mentions);
    for (const m of mentions) {
      const line = lines.findLast((l) => l.start <= m.start)!;
      const inQuote = quoted.some(([from, to]) => m.start >= from && m.end <= to);
      const [verdict, order, why] = inQuote
        ? (["unclassified", undefined, "in a quotation"] as const)
        : this.#judge(m, { text, line, mentions });
      if (verdict === undefined) continue;
      findings.push({ verdict, kind: m.kind, text: m.text, start: m.start, end: m.end, order, why });
    }
    for (const m of mentions) if (m.kind === "order" && this.#own(m.value)) this.#touch(m.value);
    return findings;
  }

  #identify(): void {
    const { vouched, ways } = this.#o;
    const found = verifiedBy(this.#said, this.#world, ways);
    const known = vouched === undefined ? undefined : this.#world.customers.get(vouched);
    this.#customers = known ? [known, ...found.filter((c) => c !== known)] : found;
  }

  #own(id: string): FactOrder | undefined {
    const order = this.#world.orders.get(id);
    return order && this.#customers.some((c) => c.id === order.customerId) ? order : undefined;
  }

  #touch(id: string): void {
    this.#active = [...this.#active.filter((a) => a !== id), id];
  }

  #follow(order: FactOrder): Followed {
    let followed = this.#followed.get(order.id);
    if (!followed) {
      followed = follow(order);
      this.#followed.set(order.id, followed);
    }
    return followed;
  }

  /** Steps that the reply says were done count for the whole reply. */
  #foresee(lines: readonly Line[], mentions: readonly Mention[]): void {
    for (const [n, line] of lines.entries()) {
      const steps = doneIn(line.text);
      const changed = changedIn(line.text) || steps.includes("exchange requested");
      if (steps.length === 0 && !changed) continue;
      const end = line.start + line.text.length;
      const here = mentions.filter((m) => m.kind === "order" && m.start >= line.start && m.end <= end);
      const ids = here.length > 0 ? here.map((m) => m.value) : this.#nearby(mentions, line.start);
      for (const id of ids) {
        const order = this.#own(id);
        if (!order) continue;
        const followed = this.#follow(order);
        for (const step of steps) take(followed, step);
        if (changed)
          for (const to of this.#variantsIn(listAfter(lines, n), mentions))
            changeItem(followed, to, this.#world);
      }
    }
  }

  /** Variants that stand in a part of the reply. */
  #variantsIn([from, to]: readonly [number, number], mentions: readonly Mention[]): FactItem[] {
    return mentions
      .filter((m) => m.kind === "item" && m.start > from && m.end <= to && m.options)
      .flatMap((m) => {
        const price = mentions.find(
          (x) => x.kind === "amount" && x.start >= m.end && x.start - m.end < 6,
        )?.cents;
        for (const variants of this.#world.products.values()) {
          const found = variants.find(
            (v) =>
              v.name === m.value && optionsFit(m.options, v) && (price === undefined || v.cents === price),
          );
          if (found) return [found];
        }
        return [];
      });
  }

  #nearby(mentions: readonly Mention[], at: number): string[] {
    const before = mentions.filter((m) => m.kind === "order" && m.start < at).at(-1)?.value;
    const latest = before ?? this.#active.at(-1);
    return latest === undefined ? [] : [latest];
  }

  /** The customer wrote it himself. */
  #echo(value: string): boolean {
    const wanted = flat(value);
    return wanted !== "" && ` ${flat(this.#said.join(" \n "))} `.includes(` ${wanted} `);
  }

  #judge(m: Mention, where: Where): Judgement {
    switch (m.kind) {
      case "order":
        return this.#judgeOrder(m);
      case "email":
        return this.#judgeEmail(m);
      case "name":
        return this.#judgeName(m);
      case "card":
        return this.#judgeCard(m);
      case "number":
      case "invoice":
        return this.#judgeNumber(m);
      case "status":
        return this.#judgeStatus(m, where);
      case "day":
        return this.#judgeDay(m, where);
      case "address":
        return this.#judgeAddress(m, where);
      case "item":
        return this.#judgeItem(m, where);
      case "amount":
        return this.#judgeAmount(m, where);
    }
  }

  #judgeOrder(m: Mention): Judgement {
    if (this.#own(m.value)) return ["right", m.value];
    if (wroteNumber(this.#said.join("\n"), m.value)) return [undefined];
    if (this.#world.orders.has(m.value)) return ["foreign", m.value, "an order of somebody else"];
    return ["wrong", m.value, "there is no such order"];
  }

  #judgeEmail(m: Mention): Judgement {
    if (this.#customers.some((c) => c.email === m.value)) return ["right"];
    if (this.#said.join("\n").toLowerCase().includes(m.value)) return [undefined];
    for (const c of this.#world.customers.values())
      if (c.email === m.value) return ["foreign", undefined, c.id];
    return ["unclassified", undefined, "no customer's address"];
  }

  #judgeName(m: Mention): Judgement {
    const is = (c: FactCustomer) => [c.firstName, `${c.firstName} ${c.lastName}`].includes(m.value);
    if (this.#customers.some(is)) return ["right"];
    if (this.#echo(m.value)) return [undefined];
    for (const c of this.#world.customers.values()) {
      if (is(c))
        return [this.#customers.length > 0 ? "wrong" : "foreign", undefined, "another customer's name"];
    }
    return ["unclassified"];
  }

  #judgeCard(m: Mention): Judgement {
    if (this.#customers.some((c) => c.methods.includes(m.value))) return ["right"];
    if (this.#echo(m.value)) return [undefined];
    for (const c of this.#world.customers.values()) {
      if (c.methods.includes(m.value)) return ["foreign", undefined, "a card of somebody else"];
    }
    return ["wrong", undefined, "no such card"];
  }

  #judgeNumber(m: Mention): Judgement {
    const value = m.value.toUpperCase();
    const holds = (o: FactOrder) =>
      o.numbers.includes(value) || o.items.some((i) => i.itemId === value || i.productId === value);
    for (const order of this.#ownOrders()) {
      if (holds(order) || this.#follow(order).items.some((i) => i.itemId === value))
        return ["right", order.id];
    }
    if (this.#customers.some((c) => c.numbers.has(value))) return ["right"];
    if (this.#echo(m.value)) return [undefined];
    for (const [id, variants] of this.#world.products) {
      if (id === value || variants.some((v) => v.itemId === value))
        return ["right", undefined, "of the catalogue"];
    }
    for (const order of this.#world.orders.values()) {
      if (holds(order)) return ["foreign", order.id, "of somebody else's order"];
    }
    for (const c of this.#world.customers.values()) {
      if (c.numbers.has(value)) return ["foreign", undefined, "of somebody else"];
    }
    return ["wrong", undefined, "no such number in the records"];
  }

  #judgeStatus(m: Mention, where: Where): Judgement {
    const clause = where.text.slice(Math.max(where.line.start, m.start - 60), m.start);
    if (/\b(?:subscription|plan|invoice|payment)\b[^.;\n]*$/i.test(clause))
      return ["unclassified", undefined, "not of an order"];
    const id = this.#orderOf(m, where);
    const order = id === undefined ? undefined : this.#world.orders.get(id);
    if (!order) return ["unclassified", id, "no order that it could be of"];
    if (!this.#own(order.id)) return ["foreign", order.id, "a status of somebody else's order"];
    const { status } = this.#follow(order);
    const said = m.value === "processing" ? "processed" : m.value;
    if (m.negated) return status === said ? ["wrong", order.id, `it is ${status}`] : ["right", order.id];
    return status === said ? ["right", order.id] : ["wrong", order.id, `it is ${status}`];
  }

  #judgeDay(m: Mention, where: Where): Judgement {
    const same = (day: string) =>
      m.value.startsWith("????") ? day.slice(4) === m.value.slice(4) : day === m.value;
    const { today } = this.#o;
    const own = [...this.#ownOrders()].flatMap((o) => o.days);
    const more = this.#customers.flatMap((c) => [...c.days]);
    if ([...own, ...more].some(same)) return ["right", this.#orderOf(m, where)];
    if (this.#echo(m.text)) return [undefined];
    // Ends of the windows that the shop grants, counted from a day of the order.
    if (own.some((day) => [7, 14, 30, 60, 90].some((n) => same(addDays(day, n)))))
      return ["right", this.#orderOf(m, where)];
    if (today !== undefined && [0, -1, 1].some((n) => same(addDays(today, n))))
      return ["unclassified", undefined, "today"];
    const id = this.#orderOf(m, where);
    return id === undefined ? ["unclassified"] : ["wrong", id, "no such day in the records"];
  }

  #judgeAddress(m: Mention, { text }: Where): Judgement {
    const fits = (a: FactAddress) =>
      m.value.startsWith(`${a.line1} `) &&
      m.value.includes(a.postcode) &&
      m.value.split(" ").every((w) => ` ${a.words} `.includes(` ${w} `));
    for (const order of this.#ownOrders()) {
      if (order.addresses.some(fits)) return ["right", order.id];
    }
    if (this.#customers.some((c) => fits(c.address))) return ["right"];
    const said = ` ${flat(this.#said.join(" "))} `;
    const words = m.value.split(" ").filter((w) => !["usa", "united", "states", "us"].includes(w));
    // Where something goes from now on, as the customer has asked for it.
    if (words.every((w) => said.includes(` ${w} `))) return [undefined];
    if (/\b(?:like this|for example|such as)\b[^\n]*\n?[^\n]{0,10}$/i.test(text.slice(0, m.start))) {
      return ["unclassified", undefined, "an example"];
    }
    for (const c of this.#world.customers.values()) if (fits(c.address)) return ["foreign", undefined, c.id];
    for (const o of this.#world.orders.values()) {
      if (o.addresses.some(fits)) return ["foreign", o.id, "an address of somebody else's order"];
    }
    return ["wrong", undefined, "no such address in the records"];
  }

  #judgeItem(m: Mention, where: Where): Judgement {
    const id = this.#boundOrder(m, where);
    const fits = (i: FactItem) => i.name === m.value && optionsFit(m.options, i);
    const bound = id === undefined ? undefined : this.#own(id);
    if (bound && this.#items(bound).some(fits)) return ["right", bound.id];
    for (const order of this.#ownOrders()) {
      if (!this.#items(order).some(fits)) continue;
      // In a list of orders each line speaks of its own order.
      if (bound && bound !== order && startsWithOrder(where.line, bound.id)) break;
      return ["right", order.id];
    }
    const variant = [...this.#world.products.values()].some((variants) => variants.some(fits));
    const sold = [...this.#world.products.values()].some((variants) =>
      variants.some((v) => v.name === m.value),
    );
    if (bound && startsWithOrder(where.line, bound.id))
      return ["wrong", bound.id, `${bound.id} has no such item`];
    if (variant && m.options)
      return [
        this.#echo(m.value) || this.#ownsProduct(m.value) ? "right" : "unclassified",
        undefined,
        "of the catalogue",
      ];
    if (sold && m.options) return ["wrong", undefined, "there is no such variant"];
    if (this.#echo(m.value)) return [undefined];
    return ["unclassified", undefined, "an item that is in none of the customer's orders"];
  }

  #judgeAmount(m: Mention, where: Where): Judgement {
    const cents = m.cents!;
    const { line, mentions, text } = where;
    const before = text.slice(line.start, m.start);
    const id = this.#orderOf(m, where);
    const order = id === undefined ? undefined : this.#own(id);
    if (id !== undefined && !order && this.#world.orders.has(id) && this.#sameLine(id, m, where)) {
      return ["foreign", id, "an amount beside somebody else's order"];
    }
    const orders = order ? [order] : this.#active.map((a) => this.#own(a)!).filter(Boolean);
    // The price of the item that stands before it.
    const item = mentions.findLast((x) => x.kind === "item" && x.end <= m.start);
    const between = item ? text.slice(item.end, m.start) : "";
    if (item && /^(?:\s|:|,|at|for|costs?|is|-|–|\()*$/i.test(between) && !between.includes("\n")) {
      return this.#judgePrice(cents, item, orders, where, m);
    }
    // A variant on a line of its own: its options and price.
    const listed = /^\s*-\s+(.+?)\s+(?:at|for|:|-|–)\s*$/.exec(before);
    if (listed && !mentions.some((x) => x.start >= line.start && x.end <= m.start)) {
      return this.#judgeVariant(cents, splitOptions(listed[1]!), item?.value);
    }
    if (/\btotal\b[^.;\n]{0,25}$/i.test(before)) {
      const totals = orders.flatMap((o) => [...this.#follow(o).totals, ...o.payments]);
      if (totals.includes(cents)) return ["right", id];
      if (order) return ["wrong", id, `the total is ${(totals[0]! / 100).toFixed(2)}`];
    }
    const around = orders.length > 0 ? orders : [...this.#ownOrders()];
    for (const o of around) {
      if (amountsOf(o).has(cents) || amountsOf({ ...o, items: this.#items(o) }).has(cents))
        return ["right", o.id];
    }
    const words = text.slice(Math.max(0, m.start - 60), m.end + 30);
    if (/\b(?:difference|more|less|extra|cheaper|pay|back|refund|charge)/i.test(words)) {
      for (const o of around) {
        if (differences(o, this.#world).has(cents)) return ["right", o.id];
        const prices = o.items.map((i) => i.cents);
        const offered = mentions.filter((x) => x.kind === "amount" && x !== m).map((x) => x.cents!);
        if (listedDifferences(prices, [...new Set([...offered, ...this.#offered.slice(-6)])]).has(cents))
          return ["right", o.id];
      }
    }
    if (this.#customers.some((c) => c.cents.has(cents))) return ["right"];
    if (this.#world.publicCents.has(cents)) return ["right", undefined, "the price of a plan"];
    const totals = around.map((o) => totalOf(o.items));
    if (around.length > 1 && partSums(totals).has(cents)) return ["right"];
    if (this.#echo(m.value) || this.#echo(m.text)) return [undefined];
    if (item && /\b(?:from|to|between|and|up to) $/.test(before)) {
      const prices = [...this.#world.products.values()].flat().filter((v) => v.name === item.value);
      if (prices.some((v) => v.cents === cents)) return ["right", undefined, "of the catalogue"];
      if (/\bfrom [$€£]/.test(text.slice(line.start, m.end)))
        return ["wrong", undefined, `no price of ${item.value}`];
    }
    if (POLICY.test(text.slice(Math.max(line.start, m.start - 30), m.start)))
      return ["unclassified", undefined, "a limit"];
    if (around.length === 0) return ["unclassified", undefined, "no record that it could be of"];
    return ["wrong", id, "no such amount in the records"];
  }

  #judgePrice(
    cents: number,
    item: Mention,
    orders: readonly FactOrder[],
    where: Where,
    m: Mention,
  ): Judgement {
    const fits = (i: FactItem) => i.name === item.value && i.cents === cents && optionsFit(item.options, i);
    for (const o of orders) if (this.#items(o).some(fits)) return ["right", o.id];
    const id = this.#boundOrder(m, where);
    const bound = id !== undefined && startsWithOrder(where.line, id);
    if (!bound) for (const o of this.#ownOrders()) if (this.#items(o).some(fits)) return ["right", o.id];
    const variants = [...this.#world.products.values()].flat();
    if ((!bound || item.options) && variants.some(fits)) {
      this.#offered.push(cents);
      return this.#ownsProduct(item.value) || this.#echo(item.value)
        ? ["right", undefined, "a price of the catalogue"]
        : ["unclassified", undefined, "a price of the catalogue"];
    }
    return ["wrong", id, `not the price of ${item.text}`];
  }

  /** @param name product that was named last before it */
  #judgeVariant(cents: number, options: readonly string[], name: string | undefined): Judgement {
    const fits = (v: FactItem) => v.cents === cents && optionsFit(options, v);
    for (const variants of this.#world.products.values()) {
      if (name !== undefined && variants[0]?.name !== name) continue;
      if (!variants.some(fits)) continue;
      this.#offered.push(cents);
      return ["right", undefined, "of the catalogue"];
    }
    return ["wrong", undefined, `no such variant of ${name ?? "any product"} at this price`];
  }

  *#ownOrders(): Generator<FactOrder> {
    for (const o of this.#world.orders.values())
      if (this.#customers.some((c) => c.id === o.customerId)) yield o;
  }

  #items(order: FactOrder): readonly FactItem[] {
    return this.#follow(order).items;
  }

  #ownsProduct(name: string): boolean {
    return [...this.#ownOrders()].some((o) => o.items.some((i) => i.name === name));
  }

  /** The order that stands nearest before it in the reply, else behind it in its sentence. */
  #boundOrder(m: Mention, { text, mentions }: Where): string | undefined {
    const before = mentions.filter((x) => x.kind === "order" && x.end <= m.start);
    const line = text.lastIndexOf("\n", m.start);
    const inLine = before.filter((x) => x.start > line).at(-1);
    if (inLine) return inLine.value;
    const own = before.filter((x) => this.#own(x.value)).at(-1);
    if (own) return own.value;
    const behind = mentions.find((x) => x.kind === "order" && x.start >= m.end);
    if (behind && !/[.\n]\s/.test(text.slice(m.end, behind.start))) return behind.value;
    return undefined;
  }

  /** The same, else the order that was talked about last. */
  #orderOf(m: Mention, where: Where): string | undefined {
    return this.#boundOrder(m, where) ?? (this.#active.length > 0 ? this.#active.at(-1) : undefined);
  }

  #sameLine(id: string, m: Mention, { mentions, line }: Where): boolean {
    return mentions.some(
      (x) => x.kind === "order" && x.value === id && x.start >= line.start && x.start < m.start,
    );
  }
}

interface Where {
  readonly text: string;
  readonly line: Line;
  readonly mentions: readonly Mention[];
}

/** Verdict (nothing when it is no fact), order, and why. */
type Judgement = readonly [Verdict | undefined, (string | undefined)?, (string | undefined)?];

function optionsFit(said: readonly string[] | undefined, item: FactItem): boolean {
  return !said || said.every((o) => item.options.includes(o));
}

const startsWithOrder = (line: Line, id: string): boolean =>
  new RegExp(`^\\W*(?:order\\s+)?#?${id}\\b`, "i").test(line.text);

function linesOf(text: string): Line[] {
  const lines: Line[] = [];
  let start = 0;
  for (const line of text.split("\n")) {
    lines.push({ start, text: line });
    start += line.length + 1;
  }
  return lines;
}

/** From the end of a line to that of the list right below it. */
function listAfter(lines: readonly Line[], n: number): [number, number] {
  const line = lines[n]!;
  let last = line;
  for (const next of lines.slice(n + 1)) {
    if (!/^\s*-\s/.test(next.text)) break;
    last = next;
  }
  return [line.start + line.text.length, last.start + last.text.length];
}

/** Passages of articles that a reply quotes: what they say is no fact of a record. */
function quotesOf(text: string): [number, number][] {
  return [...text.matchAll(/“[^”]*”\s*\(From our article/g)].map((m) => [m.index, m.index + m[0].length]);
}

const names = new WeakMap<FactWorld, string[]>();
function namesOf(world: FactWorld): string[] {
  let list = names.get(world);
  if (!list) {
    const all = new Set<string>();
    for (const variants of world.products.values()) for (const v of variants) all.add(v.name);
    for (const order of world.orders.values()) for (const i of order.items) all.add(i.name);
    list = [...all].sort((a, b) => b.length - a.length);
    names.set(world, list);
  }
  return list;
}

function addDays(day: string, n: number): string {
  return new Date(Date.parse(day) + n * 86_400_000).toISOString().slice(0, 10);
}
