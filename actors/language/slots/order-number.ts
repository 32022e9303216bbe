/** Order numbers. Shops write them differently, so the forms are configuration. */
import { add, before, place, type Scan } from "./scan.ts";

/** A form in which order numbers are written. */
export interface OrderFormat {
  /** Regular expression (flags `iu` are added). Its first group, or else the whole match, is the number. */
  readonly pattern: string;
  /** How the value is written: `$1` is the group in upper case. Default `$1`. */
  readonly value?: string;
}

export interface OrderNumberOptions {
  /** Forms that are order numbers wherever they stand. */
  readonly formats: readonly OrderFormat[];
  /** Lengths of a bare number ("order 1234567") and how such a number is written as a value. */
  readonly bare?: { readonly digits: readonly number[]; readonly value: string };
}

/** `#W1234567`, `W1234567`, `order 1234567`. */
export const DEFAULT_ORDER_NUMBERS: OrderNumberOptions = {
  formats: [{ pattern: "(?<![\\p{L}\\p{N}_])W[- ]?(\\d{6,8})(?![\\p{L}\\p{N}_])", value: "W$1" }],
  bare: { digits: [7], value: "W$1" },
};

const ORDER_WORD =
  "(?:orders?|purchase|order-?id|bestellungen|bestellung|bestellnummer|auftrag|auftragsnummer|commandes?|pedidos?|bestelling|bestelnummer)";

/** An order word, a few filler words, then numbers: "order numbers are 1234567 and 7654321". */
const NAMED = new RegExp(
  `(?<![\\p{L}\\p{N}_])${ORDER_WORD}(?:[ ]?(?:numbers?|num|no|nr|nrs|id|ids|code|ref|reference|nummer|numero|numéro|n°|is|are|ist|lautet|est|es|:|\\.|,|=|was|-)){0,4}[ :.]{0,3}#?[ ]?(?<first>[a-z]{0,3}-?\\d{4,12})(?![\\p{L}\\p{N}_.]*[\\p{L}\\p{N}_])`,
  "dgiu",
);
const NEXT =
  /^(?:[ ]?(?:,|and|or|und|oder|et|ou|y|o|en|of|&|\/|\+)[ ]?){1,2}#?(?<next>[a-z]{0,3}-?\d{4,12})(?![\p{L}\p{N}_])/iu;
const HASHED = /#[ ]?(?<num>[a-z]{0,3}-?\d{4,12})(?![\p{L}\p{N}_])/dgiu;
const BARE = /(?<![\p{L}\p{N}_.,#-])(?<num>\d{4,12})(?![\p{L}\p{N}_])(?![.,]\d)/dgu;

/** Compiled once per set of options. */
export class OrderNumbers {
  readonly #formats: readonly { pattern: RegExp; value: string }[];
  readonly #bare: OrderNumberOptions["bare"];

  /** @throws SyntaxError when a pattern is no regular expression. */
  constructor(options: OrderNumberOptions = DEFAULT_ORDER_NUMBERS) {
    this.#formats = options.formats.map((f) => ({
      pattern: new RegExp(f.pattern, "dgiu"),
      value: f.value ?? "$1",
    }));
    this.#bare = options.bare;
  }

  find(scan: Scan): void {
    for (const { pattern, value } of this.#formats) {
      for (const m of scan.text.matchAll(pattern)) {
        if (m[0] === "") continue;
        const digits = (m[1] ?? m[0]).toUpperCase();
        const end = m.index + m[0].length;
        let start = m.index;
        if (scan.text[start - 1] === "#") start--;
        else if (scan.text[start - 1] === " " && scan.text[start - 2] === "#") start -= 2;
        add(scan, "order_number", value.replace("$1", digits), start, end);
      }
    }
    // Numbers that follow an order word, however long: an unknown one must be told to be unknown, not overlooked.
    for (const m of scan.plain.matchAll(NAMED)) {
      const [start, end] = place(m, 1);
      this.#named(scan, start, end);
      let rest = end;
      for (let i = 0; i < 20; i++) {
        const next = NEXT.exec(scan.plain.slice(rest, rest + 40));
        if (!next) break;
        const stop = rest + next[0].length;
        this.#named(scan, stop - next.groups!.next!.length, stop);
        rest = stop;
      }
    }
    for (const m of scan.plain.matchAll(HASHED)) {
      const [start, end] = place(m, 1);
      if (
        /(?:item|product|sku|article|artikel|ticket|case|tracking|invoice|rechnung)[ a-z:.]{0,12}$/.test(
          before(scan, m.index, 24),
        )
      )
        continue;
      this.#named(scan, start, end, m.index);
    }
    if (!this.#bare) return;
    for (const m of scan.plain.matchAll(BARE)) {
      const digits = m.groups!.num!;
      const wanted = scan.expecting.has("order_number") && this.#bare.digits.includes(digits.length);
      if (wanted)
        add(scan, "order_number", this.#bare.value.replace("$1", digits), m.index, m.index + digits.length);
    }
  }

  #named(scan: Scan, start: number, end: number, from = start): void {
    const raw = scan.text.slice(start, end).toUpperCase();
    const value =
      /^\d+$/.test(raw) && this.#bare?.digits.includes(raw.length)
        ? this.#bare.value.replace("$1", raw)
        : raw;
    // A long bare number after "order" without more is an item of it as often as not: left to the item extractor.
    if (
      /^\d{9,}$/.test(raw) &&
      !/(?:number|no|nr|id|nummer|#)[ .:]*(?:is|ist)?[ :#]*$/.test(before(scan, start, 24))
    )
      return;
    const hash = scan.text[from - 1] === "#" ? from - 1 : from;
    add(scan, "order_number", value, hash, end);
  }
}
