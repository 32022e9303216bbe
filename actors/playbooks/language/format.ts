/**
 * Formatters of texts: `{{ order.total | money }}`. Pure, and the same on every machine: no locale and no time zone of
 * the machine; days are UTC days. A formatter answers `undefined` when there is nothing to show.
 */
import type { Scope, Value } from "./expression.ts";
import { ISO } from "./functions.ts";

export type Formatter = (value: Value, args: readonly Value[], scope: Scope) => string | undefined;

const MONTHS = "January February March April May June July August September October November December".split(
  " ",
);
const SYMBOLS: Readonly<Record<string, string>> = { USD: "$", EUR: "€", GBP: "£", JPY: "¥" };

type Rec = Readonly<Record<string, unknown>>;
const record = (v: Value): Rec | undefined =>
  typeof v === "object" && v !== null && !Array.isArray(v) ? (v as Rec) : undefined;
const items = (v: Value): readonly Value[] =>
  Array.isArray(v) ? v : v === undefined || v === null ? [] : [v];

/** `1234.5` → `$1,234.50`; a currency without a symbol follows the number, an unknown one is not guessed. */
export function money(value: Value, currency?: Value): string | undefined {
  if (typeof value !== "number" || !Number.isFinite(value)) return undefined;
  const digits = Math.abs(value).toFixed(2);
  const grouped = digits.replace(/\B(?=(\d{3})+(?!\d))(?=\d*\.)/g, ",");
  const sign = value < 0 && Number(digits) !== 0 ? "-" : "";
  const code = typeof currency === "string" ? currency.toUpperCase() : "";
  const symbol = SYMBOLS[code];
  return symbol ? `${sign}${symbol}${grouped}` : `${sign}${grouped} ${code}`.trimEnd();
}

/** The currency of what is being talked about. */
function currencyOf(scope: Scope): Value {
  for (const name of ["order", "invoice", "subscription", "settings"]) {
    const c = record(scope[name])?.currency;
    if (typeof c === "string" && c !== "") return c;
  }
  return undefined;
}

/** ISO text or ms → `4 March 2026`. */
export function date(value: Value): string | undefined {
  const ms =
    typeof value === "number"
      ? value
      : typeof value === "string" && ISO.test(value)
        ? Date.parse(value)
        : NaN;
  if (!Number.isFinite(ms)) return undefined;
  const iso = new Date(ms).toISOString();
  return `${Number(iso.slice(8, 10))} ${MONTHS[Number(iso.slice(5, 7)) - 1]} ${iso.slice(0, 4)}`;
}

/** `a`, `a and b`, `a, b and c`. */
export function enumerate(values: readonly string[], word = "and"): string | undefined {
  if (values.length === 0) return undefined;
  if (values.length === 1) return values[0];
  return `${values.slice(0, -1).join(", ")} ${word} ${values.at(-1)}`;
}

/** `W123` and `#W123` → `#W123`. */
export function orderNumber(value: Value): string | undefined {
  const text = typeof value === "string" || typeof value === "number" ? String(value).trim() : "";
  return text === "" ? undefined : `#${text.replace(/^#+/, "")}`;
}

/** `return_requested` → `return requested`. */
export function status(value: Value): string | undefined {
  return typeof value === "string" && value !== "" ? value.replace(/_/g, " ").toLowerCase() : undefined;
}

export function options(value: Value): string | undefined {
  const o = record(value);
  if (!o) return undefined;
  const parts = Object.entries(o)
    .filter(([, v]) => typeof v === "string" || typeof v === "number")
    .map(([k, v]) => (/^(yes|no|true|false|\d+)$/i.test(String(v)) ? `${k}: ${v}` : String(v)));
  return parts.length ? parts.join(", ") : undefined;
}

function item(value: Value, currency: Value, withOptions: boolean): string | undefined {
  const i = record(value);
  if (!i || typeof i.name !== "string") return undefined;
  const opts = withOptions ? options(i.options) : undefined;
  const price = money(i.price, currency);
  return `${i.name}${opts ? ` (${opts})` : ""}${price ? ` ${price}` : ""}`;
}

export function address(value: Value): string | undefined {
  const a = record(value);
  if (!a) return undefined;
  const region = [a.state, a.postcode].filter((x) => typeof x === "string" && x !== "").join(" ");
  const parts = [a.line1, a.line2, a.city, region, a.country].filter(
    (x) => typeof x === "string" && x !== "",
  );
  return parts.length ? parts.join(", ") : undefined;
}

/** One line about an order: number, status, items with prices, total; what is not known is left out. */
function brief(value: Value, currency: Value): string | undefined {
  const o = record(value);
  const id = orderNumber(o?.id);
  if (!o || !id) return undefined;
  const what = items(o.items)
    .map((i) => item(i, o.currency ?? currency, false))
    .filter((x) => x !== undefined);
  const total = money(o.total, o.currency ?? currency);
  const state = status(o.status);
  return [
    [`${id}${state ? `, ${state}` : ""}`, what.join(", ")].filter((x) => x !== "").join(": "),
    total ? `total ${total}` : "",
  ]
    .filter((x) => x !== "")
    .join("; ");
}

const each =
  (
    one: (v: Value, scope: Scope) => string | undefined,
    join: (lines: string[]) => string | undefined,
  ): Formatter =>
  (value, _args, scope) =>
    join(
      items(value)
        .map((v) => one(v, scope))
        .filter((x): x is string => x !== undefined),
    );
const bullets = (lines: string[]): string | undefined =>
  lines.length ? lines.map((l) => `- ${l}`).join("\n") : undefined;

export const FORMATTERS: Readonly<Record<string, Formatter>> = {
  money: (v, [currency], scope) => money(v, currency ?? currencyOf(scope)),
  date: (v) => date(v),
  status: (v) => status(v),
  number: (v) => orderNumber(v),
  address: (v) => address(v),
  options: (v) => options(v),
  /** Joins texts: `a, b and c`. */
  list: (v, [word]) => enumerate(items(v).map(String), typeof word === "string" ? word : "and"),
  /** Joins texts with commas. */
  join: (v, [by]) =>
    items(v)
      .map(String)
      .join(typeof by === "string" ? by : ", ") || undefined,
  /** Items on one line, with prices. */
  items: each(
    (v, scope) => item(v, currencyOf(scope), false),
    (lines) => enumerate(lines),
  ),
  /** Items one below the other, with options and prices. */
  itemlist: each((v, scope) => item(v, currencyOf(scope), true), bullets),
  names: each(
    (v) => (typeof record(v)?.name === "string" ? String(record(v)?.name) : undefined),
    (lines) => enumerate(lines),
  ),
  /** An order on one line. */
  brief: (v, _args, scope) => brief(v, currencyOf(scope)),
  /** Orders one below the other. */
  orders: each((v, scope) => brief(v, currencyOf(scope)), bullets),
  /** Variants of a product one below the other: options and price. */
  variants: (v, [currency], scope) =>
    bullets(
      items(v).flatMap((one) => {
        const x = record(one);
        const opts = options(x?.options);
        const price = money(x?.price, currency ?? currencyOf(scope));
        return opts ? [`${opts}${price ? ` at ${price}` : ""}`] : [];
      }),
    ),
  /** Invoices one below the other: number, amount, status, day. */
  invoices: each((v, scope) => {
    const x = record(v);
    if (typeof x?.number !== "string") return undefined;
    const parts = [money(x.amount, x.currency ?? currencyOf(scope)), status(x.status), date(x.issuedAt)];
    return [x.number, ...parts].filter((p) => p !== undefined).join(", ");
  }, bullets),
  /** Lines of an invoice. */
  lines: (v, [currency], scope) =>
    bullets(
      items(v).flatMap((line) => {
        const x = record(line);
        const amount = money(x?.amount, currency ?? currencyOf(scope));
        return typeof x?.text === "string" ? [amount ? `${x.text}: ${amount}` : x.text] : [];
      }),
    ),
  /** Plans one below the other: name and price. */
  plans: each((v) => {
    const x = record(v);
    const price = money(x?.price, x?.currency);
    return typeof x?.name === "string" && price
      ? `${x.name}: ${price}${typeof x.period === "string" ? ` a ${x.period}` : ""}`
      : undefined;
  }, bullets),
  /** Usage one below the other: metric, used, limit. */
  usage: each((v) => {
    const x = record(v);
    if (typeof x?.metric !== "string" || typeof x.used !== "number" || typeof x.limit !== "number")
      return undefined;
    const unit = typeof x.unit === "string" && x.unit !== x.metric ? ` ${x.unit}` : "";
    const percent = typeof x.percent === "number" ? ` (${x.percent} %)` : "";
    return `${x.metric}: ${x.used} of ${x.limit}${unit}${percent}`;
  }, bullets),
  /** The labels of records, such as payment methods, one below the other. */
  labels: each((v) => (typeof record(v)?.label === "string" ? String(record(v)?.label) : undefined), bullets),
  lower: (v) => (typeof v === "string" ? v.toLowerCase() : undefined),
  count: (v) => String(Array.isArray(v) ? v.length : v === undefined ? 0 : 1),
  /** `{{ n | plural "order" "orders" }}` → `1 order`, `2 orders`. */
  plural: (v, [one, many]) => {
    const n = typeof v === "number" ? v : Array.isArray(v) ? v.length : undefined;
    return n === undefined ? undefined : `${n} ${n === 1 ? one : (many ?? `${one}s`)}`;
  },
};
