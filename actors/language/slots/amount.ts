/** Amounts of money: `$1,234.50`, `12,50 €`, `EUR 12`, `20 dollars`. */
import { add, type Scan } from "./scan.ts";

const SYMBOLS: Readonly<Record<string, string>> = {
  $: "USD",
  us$: "USD",
  c$: "CAD",
  ca$: "CAD",
  a$: "AUD",
  "€": "EUR",
  "£": "GBP",
  "¥": "JPY",
  fr: "CHF",
  usd: "USD",
  eur: "EUR",
  euro: "EUR",
  euros: "EUR",
  gbp: "GBP",
  chf: "CHF",
  cad: "CAD",
  aud: "AUD",
  jpy: "JPY",
  dollar: "USD",
  dollars: "USD",
  bucks: "USD",
  buck: "USD",
  pound: "GBP",
  pounds: "GBP",
  quid: "GBP",
  franken: "CHF",
};

const NUMBER = "\\d{1,3}(?:[.,' ]\\d{3}){1,4}(?:[.,]\\d{1,2})?|\\d{1,12}(?:[.,]\\d{1,2})?";
const LEADING = new RegExp(
  `(?<![\\p{L}\\p{N}])(us\\$|ca?\\$|a\\$|\\$|€|£|¥|usd|eur|gbp|chf|cad|aud|jpy)[ ]?(${NUMBER})(?![\\p{L}\\p{N}]|[.,]\\d)`,
  "giu",
);
const TRAILING = new RegExp(
  `(?<![\\p{L}\\p{N}.,#])(${NUMBER})(?:[ ]?(\\$|€|£|¥)|[ -]?(usd|eur|euros?|gbp|chf|cad|aud|jpy|dollars?|bucks?|pounds?|quid|franken))(?![\\p{L}\\p{N}])`,
  "giu",
);
const PLAIN = new RegExp(`(?<![\\p{L}\\p{N}.,#])(${NUMBER})(?![\\p{L}\\p{N}%]|[.,]\\d)`, "giu");

export function findAmounts(scan: Scan): void {
  for (const m of scan.plain.matchAll(LEADING)) put(scan, m, m[2]!, SYMBOLS[m[1]!]);
  for (const m of scan.plain.matchAll(TRAILING)) {
    // "5 pounds" of weight has no business here, but nobody can tell; "pounds" after "weighs" can be told.
    if (
      /^pounds?$/.test(m[3] ?? "") &&
      /weigh\w*[ a-z]{0,12}$/.test(scan.plain.slice(Math.max(0, m.index - 24), m.index))
    )
      continue;
    put(scan, m, m[1]!, SYMBOLS[m[2] ?? m[3]!]);
  }
}

/** Numbers without a currency, for when an amount was asked for; after all other numbers have been claimed. */
export function findBareAmounts(scan: Scan): void {
  if (!scan.expecting.has("amount")) return;
  for (const m of scan.plain.matchAll(PLAIN)) put(scan, m, m[1]!, undefined);
}

function put(scan: Scan, m: RegExpMatchArray, digits: string, currency: string | undefined): void {
  const value = normaliseAmount(digits);
  if (value === undefined) return;
  add(
    scan,
    "amount",
    currency ? `${value} ${currency}` : value,
    m.index!,
    m.index! + m[0].length,
    currency ? { currency } : undefined,
  );
}

/**
 * `1,234.5` and `1.234,5` → `1234.50`; undefined when it is no number. The last separator is the decimal one when at most
 * two digits follow it.
 */
export function normaliseAmount(written: string): string | undefined {
  const s = written.replace(/[ ']/g, "");
  const last = Math.max(s.lastIndexOf("."), s.lastIndexOf(","));
  const decimals = last === -1 ? 0 : s.length - last - 1;
  const whole = last !== -1 && decimals <= 2 ? s.slice(0, last) : s;
  const digits = whole.replace(/[.,]/g, "");
  if (!/^\d{1,15}$/.test(digits)) return undefined;
  const cents = last !== -1 && decimals <= 2 ? s.slice(last + 1).padEnd(2, "0") : "00";
  return `${digits.replace(/^0+(?=\d)/, "")}.${cents}`;
}
