/** Item numbers, quantities, and the words that describe an item. */

import { luhn } from "../checksums.ts";
import { fold, isStopWord, words } from "../text.ts";
import { add, before, type Scan } from "./scan.ts";

const LONG = /(?<![\p{L}\p{N}_.,$€£+-])#?(\d{8,19})(?![\p{L}\p{N}_]|[.,]\d|-\d)/gu;
const NOT_AN_ITEM =
  /(?:tracking|sendungsnummer|suivi|seguimiento|account|konto|iban|card|invoice|rechnung|phone|tel|serial|imei|case|ticket|reference)[^\d\n]{0,20}$/;

export function findItemIds(scan: Scan): void {
  for (const m of scan.plain.matchAll(LONG)) {
    const digits = m[1]!;
    if (digits.length >= 13 && luhn(digits)) continue;
    if (NOT_AN_ITEM.test(before(scan, m.index, 40))) continue;
    add(scan, "item_id", digits, m.index, m.index + m[0].length);
  }
}

const NUMBER_WORDS: Readonly<Record<string, string>> = {
  one: "1",
  two: "2",
  three: "3",
  four: "4",
  five: "5",
  six: "6",
  seven: "7",
  eight: "8",
  nine: "9",
  ten: "10",
  eleven: "11",
  twelve: "12",
  both: "2",
  eins: "1",
  zwei: "2",
  drei: "3",
  vier: "4",
  fünf: "5",
  deux: "2",
  trois: "3",
  quatre: "4",
  cinq: "5",
  dos: "2",
  tres: "3",
  cuatro: "4",
  cinco: "5",
  twee: "2",
  drie: "3",
  vijf: "5",
};
const DIGITS =
  /(?<![\p{L}\p{N}_.,#$€£/:+-])(\d{1,3}) ?(x(?![\p{L}\p{N}])|pcs|pieces?|units?|stück)?(?![\p{N}_/:%°]|[.,]\d|-?(?:st|nd|rd|th|in|inch|inches|ft|foot|feet|mm|cm|m|km|kg|g|gb|tb|mb|ml|l|oz|lb|lbs|w|v|mp|hz|am|pm|day|days|week|weeks|month|months|year|years|hours?|minutes?|piece|tage?|wochen?)(?![\p{L}]))/giu;
const WORD_NUMBER = new RegExp(
  `(?<![\\p{L}\\p{N}-])(${Object.keys(NUMBER_WORDS).join("|")})(?![\\p{L}\\p{N}'-])`,
  "giu",
);

/** A house number counts nothing. */
const STREET_AFTER =
  /^ (?:\p{L}+ ){0,3}(?:street|st|avenue|ave|road|rd|drive|dr|lane|ln|boulevard|blvd|highway|hwy|court|ct|circle|way|place|square|terrace|park)(?![\p{L}])/u;
const UNIT_BEFORE = /(?:suite|apt|apartment|unit|floor|room|no|number|nr|step|option|version|page)\.? ?$/u;

export function findQuantities(scan: Scan): void {
  const asked = scan.expecting.has("quantity");
  for (const m of scan.plain.matchAll(DIGITS)) {
    const end = m.index + m[0].trimEnd().length;
    // "1." at the start of a line numbers a list.
    if (
      /(?:^|\n)[ \t(]*$/.test(before(scan, m.index, 8)) &&
      /^[.)]/.test(scan.plain.slice(end, end + 1)) &&
      !asked
    )
      continue;
    if (m[1] === "0" || STREET_AFTER.test(scan.plain.slice(end, end + 48))) continue;
    if (UNIT_BEFORE.test(before(scan, m.index, 16))) continue;
    add(scan, "quantity", String(Number(m[1])), m.index, end);
  }
  for (const m of scan.plain.matchAll(WORD_NUMBER)) {
    const value = NUMBER_WORDS[m[1]!]!;
    // "one" is mostly a pronoun.
    if (
      !asked &&
      (value === "1" ||
        /(?:days?|weeks?|months?|years?|hours?|minutes?)/.test(
          scan.plain.slice(m.index + m[0].length, m.index + m[0].length + 8),
        ))
    )
      continue;
    add(scan, "quantity", value, m.index, m.index + m[0].length);
  }
}

const DETERMINERS = new Set(
  "my the a an this that these those his her our their some any another second other mein meine meinen der die das den mon ma mes le la les mi mis el los las mijn het de".split(
    " ",
  ),
);
/** Nouns of the desk itself: they describe no item. */
const DESK_NOUNS = new Set(
  (
    "order orders account address email mail phone number numbers name zip code postcode refund return exchange replacement " +
    "payment card paypal credit money price total invoice bill receipt subscription plan delivery shipping package parcel " +
    "shipment tracking status date day days week month year time agent person human manager customer service support problem " +
    "issue question questions request information info details detail reason way moment minute help thing things item items " +
    "product products option options confirmation method difference store website page app link amount balance original same " +
    "first last next new old previous wrong right following best cheapest most least company desk team chat message password " +
    "login street city state country york bestellung konto adresse rechnung nummer commande compte adresse facture pedido cuenta"
  ).split(" "),
);

/** Phrases such as "the blue water bottle": a determiner and up to four content words, trimmed of the desk's own nouns. */
export function findItemWords(scan: Scan): void {
  const list = words(scan.text);
  const folded = list.map((w) => fold(w.text));
  let count = 0;
  for (let i = 0; i + 1 < list.length && count < 12; i++) {
    if (!DETERMINERS.has(folded[i]!)) continue;
    let j = i + 1;
    while (
      j < list.length &&
      j - i <= 4 &&
      !isStopWord(folded[j]!) &&
      /^[\p{L}-]+$/u.test(folded[j]!) &&
      (j === i + 1 || /^[ -]$/.test(scan.text.slice(list[j - 1]!.end, list[j]!.start)))
    ) {
      j++;
    }
    const phrase = folded.slice(i + 1, j);
    if (phrase.length === 0 || DESK_NOUNS.has(phrase[0]!) || DESK_NOUNS.has(phrase.at(-1)!)) continue;
    if (add(scan, "item_words", phrase.join(" "), list[i + 1]!.start, list[j - 1]!.end)) count++;
    i = j - 1;
  }
}
