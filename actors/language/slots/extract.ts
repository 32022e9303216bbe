/** Finds the values in a message. The order of the extractors decides who may claim a number. */

import { plain } from "../text.ts";
import { guessLanguage } from "../tongue.ts";
import type { Entity, Language, SlotType } from "../types.ts";
import { findAmounts, findBareAmounts } from "./amount.ts";
import { Claims } from "./claims.ts";
import { findDates } from "./date.ts";
import { findEmails } from "./email.ts";
import { findItemIds, findItemWords, findQuantities } from "./item.ts";
import { findNames } from "./name.ts";
import { DEFAULT_ORDER_NUMBERS, type OrderNumberOptions, OrderNumbers } from "./order-number.ts";
import { findPhones } from "./phone.ts";
import { findPostcodes } from "./postcode.ts";
import type { Scan } from "./scan.ts";

export interface ExtractOptions {
  /** What the desk just asked for: accepted in its barest form. */
  readonly expecting?: readonly SlotType[];
  /** BCP 47 tag; decides whether 3/5 is in March or in May. */
  readonly locale?: string;
  readonly language?: Language;
  /** Log time, ms since the epoch; without it relative dates are left out. */
  readonly now?: number;
  /** IANA zone of "today"; UTC by default. */
  readonly zone?: string;
}

/** Words with digits and underscores (`credit_card_9513926`) and links: their numbers mean nothing else. */
const OPAQUE = /(?<![\p{L}\p{N}_])(?:https?:\/\/[^\s<>"]{1,400}|[\p{L}\p{N}]+(?:_[\p{L}\p{N}]+)+)/giu;

/** Compiled once; `extract` is pure and takes well under 20 ms for 16 KiB. */
export class SlotExtractor {
  readonly #orders: OrderNumbers;

  constructor(options: { readonly orderNumbers?: OrderNumberOptions } = {}) {
    this.#orders = new OrderNumbers(options.orderNumbers ?? DEFAULT_ORDER_NUMBERS);
  }

  /** Values in order of their place; no two share a character. */
  extract(text: string, options: ExtractOptions = {}): Entity[] {
    const scan: Scan = {
      text,
      plain: plain(text),
      claims: new Claims(text.length),
      found: [],
      expecting: new Set(options.expecting ?? []),
      language: options.language ?? guessLanguage(text),
      locale: options.locale,
      now: options.now,
      zone: options.zone ?? "UTC",
    };
    findEmails(scan);
    for (const m of text.matchAll(OPAQUE)) scan.claims.take(m.index, m.index + m[0].length);
    this.#orders.find(scan);
    findDates(scan);
    findAmounts(scan);
    findPhones(scan);
    findPostcodes(scan);
    findItemIds(scan);
    findNames(scan);
    findBareAmounts(scan);
    findQuantities(scan);
    findItemWords(scan);
    return scan.found.sort((a, b) => a.start - b.start);
  }
}
