/**
 * What the imported JSON files say, read by this checker's own code. It shares nothing with the desk, so that a mistake
 * of the desk's import, of its records or of its texts cannot hide here as well.
 */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { UsageError } from "../../runtime/config/errors.ts";

export interface FactAddress {
  readonly line1: string;
  readonly postcode: string;
  /** Everything in it, in small letters, for comparing. */
  readonly words: string;
}

export interface FactItem {
  readonly itemId: string;
  readonly productId: string;
  readonly name: string;
  readonly cents: number;
  /** Values of its options, in small letters; with `key: value` beside `value`. */
  readonly options: readonly string[];
}

export interface FactOrder {
  readonly id: string;
  readonly customerId: string;
  readonly status: string;
  readonly items: readonly FactItem[];
  readonly addresses: readonly FactAddress[];
  /** Tracking numbers, payment ids: whatever else identifies something of it. */
  readonly numbers: readonly string[];
  /** Payments and refunds. */
  readonly payments: readonly number[];
  /** `2026-11-20`. */
  readonly days: readonly string[];
}

export interface FactCustomer {
  readonly id: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly email: string;
  readonly postcode: string;
  readonly address: FactAddress;
  /** Last digits of cards, ids of payment methods. */
  readonly methods: readonly string[];
  /** Amounts, days and numbers of invoices, subscriptions and refunds. */
  readonly cents: Set<number>;
  readonly days: Set<string>;
  readonly numbers: Set<string>;
}

export interface FactWorld {
  readonly customers: ReadonlyMap<string, FactCustomer>;
  readonly orders: ReadonlyMap<string, FactOrder>;
  /** Id of a product → its variants. */
  readonly products: ReadonlyMap<string, readonly FactItem[]>;
  /** Amounts that anybody may be told: prices of plans. */
  readonly publicCents: ReadonlySet<number>;
}

type Rec = Record<string, any>;

/** @throws UsageError when a file has a shape that is not known here */
export function readWorld(files: readonly string[]): FactWorld {
  const parts = files.map((file) => ({ file: basename(file), records: recordsOf(file) }));
  return worldOf(parts);
}

/** @param parts records by the name of the file that they come from */
export function worldOf(
  parts: readonly { readonly file: string; readonly records: readonly Rec[] }[],
): FactWorld {
  const customers = new Map<string, FactCustomer>();
  const orders = new Map<string, FactOrder>();
  const products = new Map<string, FactItem[]>();
  const publicCents = new Set<number>();
  const later: Rec[] = [];
  for (const { file, records } of parts) {
    for (const r of records) {
      if (has(r, "payment_methods", "name", "email")) addUser(customers, r);
      else if (has(r, "order_id", "user_id", "items")) addTauOrder(orders, r);
      else if (has(r, "product_id", "variants")) addTauProduct(products, r);
      else if (has(r, "paymentMethods", "firstName")) addCustomer(customers, r);
      else if (has(r, "customerId", "items", "payments")) addOrder(orders, r);
      else if (has(r, "variants", "name"))
        products.set(
          r.id,
          r.variants.map((v: Rec) => itemOf(v, r.name, r.id)),
        );
      else if (has(r, "rank", "limits")) publicCents.add(toCents(r.price));
      else if (has(r, "customerId")) later.push(r);
      else if (!has(r, "percent", "months")) {
        throw new UsageError(
          `${file}: the checker of facts does not know records with ${Object.keys(r).slice(0, 6).join(", ")}`,
        );
      }
    }
  }
  for (const r of later) {
    const customer = customers.get(r.customerId);
    if (customer) addMore(customer, r);
  }
  return { customers, orders, products, publicCents };
}

function recordsOf(file: string): Rec[] {
  const text = readFileSync(file, "utf8");
  const lines = /\.(ndjson|jsonl)$/i.test(file);
  try {
    const value = lines
      ? text
          .split("\n")
          .filter((l) => l.trim())
          .map((l) => JSON.parse(l))
      : JSON.parse(text);
    if (Array.isArray(value)) return value;
    // An object of records: the key is the id where the record has none.
    return Object.entries(value as Rec).map(([key, v]) => ({ $key: key, ...(v as Rec) }));
  } catch (error) {
    throw new UsageError(`${file} is no JSON: ${(error as Error).message}`);
  }
}

const has = (r: Rec, ...members: string[]): boolean => members.every((m) => Object.hasOwn(r, m));
export const toCents = (amount: unknown): number => Math.round(Number(amount) * 100);
const flat = (text: unknown): string =>
  String(text ?? "")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
const dayOf = (time: unknown): string[] =>
  typeof time === "string" && /^\d{4}-\d\d-\d\d/.test(time) ? [time.slice(0, 10)] : [];

function optionsOf(options: Rec | undefined): string[] {
  return Object.entries(options ?? {}).flatMap(([k, v]) => {
    const value = String(v).toLowerCase();
    return [value, `${k.toLowerCase()}: ${value}`];
  });
}

function itemOf(v: Rec, name: string, productId: string): FactItem {
  return {
    itemId: String(v.item_id ?? v.itemId),
    productId: String(productId),
    name,
    cents: toCents(v.price),
    options: optionsOf(v.options),
  };
}

/** Addresses of both shapes. */
function addressOf(a: Rec): FactAddress {
  const parts = [
    a.address1 ?? a.line1,
    a.address2 ?? a.line2,
    a.city,
    a.state,
    a.zip ?? a.postcode,
    a.country,
  ];
  return { line1: flat(parts[0]), postcode: flat(parts[4]), words: flat(parts.join(" ")) };
}

function addUser(customers: Map<string, FactCustomer>, r: Rec): void {
  const id = r.user_id ?? r.$key;
  const methods = Object.values(r.payment_methods as Rec).flatMap((m: any) => [
    m.id,
    ...(m.last_four ? [String(m.last_four)] : []),
  ]);
  const gifts = Object.values(r.payment_methods as Rec).flatMap((m: any) =>
    m.amount ? [toCents(m.amount)] : [],
  );
  customers.set(id, {
    id,
    firstName: r.name.first_name,
    lastName: r.name.last_name,
    email: String(r.email).toLowerCase(),
    postcode: flat(r.address.zip),
    address: addressOf(r.address),
    methods,
    cents: new Set(gifts),
    days: new Set(),
    numbers: new Set(),
  });
}

function addCustomer(customers: Map<string, FactCustomer>, r: Rec): void {
  customers.set(r.id, {
    id: r.id,
    firstName: r.firstName,
    lastName: r.lastName,
    email: String(r.email).toLowerCase(),
    postcode: flat(r.address.postcode),
    address: addressOf(r.address),
    methods: r.paymentMethods.flatMap((m: Rec) => [m.id, ...(String(m.label).match(/\d{4}\b/g) ?? [])]),
    cents: new Set(),
    days: new Set(dayOf(r.since)),
    numbers: new Set(),
  });
}

function addTauOrder(orders: Map<string, FactOrder>, r: Rec): void {
  const id = normalId(r.order_id);
  orders.set(id, {
    id,
    customerId: r.user_id,
    status: normalStatus(r.status),
    items: r.items.map((i: Rec) => itemOf(i, i.name, i.product_id)),
    addresses: [addressOf(r.address)],
    numbers: r.fulfillments.flatMap((f: Rec) => f.tracking_id.map(String)),
    payments: r.payment_history.map((p: Rec) => toCents(p.amount)),
    days: [],
  });
}

function addOrder(orders: Map<string, FactOrder>, r: Rec): void {
  const id = normalId(r.id);
  const times = [r.placedAt, r.shippedAt, r.deliveredAt, r.expectedAt, r.cancelledAt];
  const payments = r.payments as Rec[];
  orders.set(id, {
    id,
    customerId: r.customerId,
    status: normalStatus(r.status),
    items: r.items.map((i: Rec) => itemOf(i, i.name, i.productId)),
    addresses: [addressOf(r.address)],
    numbers: [...(r.tracking ?? []), ...(r.changes ?? []).map((c: Rec) => c.id)].map(String),
    payments: [
      ...payments.map((p) => toCents(p.amount)),
      ...(r.changes ?? []).map((c: Rec) => Math.abs(toCents(c.amount))),
    ],
    days: [...times, ...payments.map((p) => p.at)].flatMap(dayOf),
  });
}

function addTauProduct(products: Map<string, FactItem[]>, r: Rec): void {
  products.set(
    r.product_id,
    Object.values(r.variants as Rec).map((v: any) => itemOf(v, r.name, r.product_id)),
  );
}

/** Invoices, subscriptions, refunds, usage. */
function addMore(customer: FactCustomer, r: Rec): void {
  for (const value of [r.amount, r.price, ...(r.lines ?? []).map((l: Rec) => l.amount)]) {
    if (typeof value === "number") customer.cents.add(toCents(value));
  }
  if (r.discount) customer.cents.add(Math.round(toCents(r.price) * (1 - r.discount.percent / 100)));
  const times = [r.issuedAt, r.dueAt, r.startedAt, r.renewsAt, r.endsAt, r.at, r.discount?.until];
  for (const day of [...times, ...(r.attempts ?? []).map((a: Rec) => a.at)].flatMap(dayOf))
    customer.days.add(day);
  for (const number of [r.number, r.id]) if (number) customer.numbers.add(String(number).toUpperCase());
}

/** `#w1234567` → `W1234567`. */
export const normalId = (id: unknown): string => String(id).trim().replace(/^#/, "").toUpperCase();

/** `pending (item modified)` is pending; `return_requested` and `return requested` are one. */
export function normalStatus(status: unknown): string {
  return String(status)
    .toLowerCase()
    .replace(/\(.*\)/, "")
    .replace(/_/g, " ")
    .replace("canceled", "cancelled")
    .trim();
}

export { flat };
