/** Facts that a text states: numbers, amounts, dates, states, addresses. Pure; English, which is what models here write. */
import { normaliseAmount } from "./slots/amount.ts";
import { Claims } from "./slots/claims.ts";
import { SlotExtractor } from "./slots/index.ts";
import { fold, plain } from "./text.ts";
import type { Fact, FactKind } from "./types.ts";

const extractor = new SlotExtractor();

const KINDS: Readonly<Record<string, FactKind>> = {
  order_number: "order_number",
  email: "email",
  date: "date",
  amount: "amount",
  phone: "phone",
  item_id: "item_id",
};

const URL =
  /(?<![\p{L}\p{N}@])(?:https?:\/\/|www\.)[^\s<>"')]{3,300}|(?<![\p{L}\p{N}@.-])[a-z0-9-]{2,40}\.(?:com|org|net|io|shop|co\.uk|de|fr|nl|eu)(?:\/[^\s<>"')]{0,200})?(?![\p{L}\p{N}@])/giu;
const TRACKING =
  /(?<![\p{L}\p{N}])(?=[a-z0-9]{0,29}[a-z])(?=(?:[a-z]{0,12}\d){4})[a-z0-9]{10,30}(?![\p{L}\p{N}])/giu;
const PERCENT = /(?<![\p{L}\p{N}.,])(\d{1,3}(?:[.,]\d{1,2})?) ?(?:%|percent|per cent)/giu;
const ADDRESS =
  /(?<![\p{L}\p{N}])\d{1,5}[a-z]? (?:\p{L}[\p{L}'.-]* ){1,4}(?:street|st|avenue|ave|road|rd|drive|dr|lane|ln|boulevard|blvd|highway|hwy|court|ct|circle|cir|way|place|pl|square|sq|terrace|parkway|pkwy)(?![\p{L}])/giu;
const STREET_DE =
  /(?<![\p{L}\p{N}])\p{L}{3,30}(?:straße|strasse|str\.|weg|gasse|platz|allee) \d{1,4}[a-z]?(?![\p{L}\p{N}])/giu;

const WEEKDAY = "monday|tuesday|wednesday|thursday|friday|saturday|sunday";
const DAY_WORD = new RegExp(
  `(?<![\\p{L}])(?:the day after tomorrow|tomorrow|today|tonight|yesterday|(?:next|last|this|by|on|until|before) (?:${WEEKDAY}|week|month|weekend)|(?:end|beginning|start|middle) of (?:the |this |next )?(?:week|month|year))(?![\\p{L}])`,
  "giu",
);
const YEARLESS =
  /(?<![\p{L}\p{N}])(?:(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.? (\d{1,2})(?:st|nd|rd|th)?|(\d{1,2})(?:st|nd|rd|th)?(?: of)? (jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?))(?![\p{L}\p{N}])/giu;
const MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split(" ");

const STATUS_WORD =
  "pending|processed|processing|being processed|being prepared|shipped|dispatched|sent|on its way|on the way|in transit|out for delivery|delivered|arrived|cancelled|canceled|refunded|reimbursed|credited|returned|exchanged|paid|unpaid|overdue|past due|failed|declined|approved|confirmed|completed|active|inactive|expired|suspended|paused|renewed|lost|delayed|backordered|on hold|out of stock|in stock|issued|initiated|submitted|scheduled|upgraded|downgraded|updated|changed|reopened|charged";
const STATUS = new RegExp(
  `(?<![\\p{L}])(?:(?:is|are|was|were|been|be|being|has|have|had|i've|we've|i have|we have|got|gets|it's|status[: ]+(?:is )?["“']?|marked as|shows? as|listed as|stands at|now)(?: (?:now|already|currently|still|just|successfully|since|been|being|all|both|safely|not yet|not|marked as|yet))*) ["“']?(${STATUS_WORD})(?![\\p{L}])`,
  "giu",
);
/** A sentence that offers or asks states nothing. */
const OFFER =
  /(?:^|[.!?]\s+|\n)\s*(?:would you|do you|shall i|should i|can i|could you|if |once |when |after |as soon as |before |unless |until )[^.!?\n]*$/iu;

/** "can't be cancelled" says what may be, not what is. */
const POSSIBLE =
  /(?<![\p{L}])(?:can|can't|cannot|could|couldn't|may|might|must|(?:has|have|needs?) to)(?: (?:not|only|also|still))? $/iu;

const UNITS =
  "business days?|working days?|calendar days?|days?|weeks?|months?|years?|hours?|minutes?|items?|units?|pieces?|points?|products?|orders?|invoices?|gb|mb|kg|users?|seats?|calls?";
const COUNTED = new RegExp(
  `(?<![\\p{L}\\p{N}.,])(\\d{1,6})(?: ?(?:-|–|to|or|and) ?(\\d{1,6}))?[ -](${UNITS})(?![\\p{L}])`,
  "giu",
);
const SPELT: Readonly<Record<string, number>> = {
  two: 2,
  three: 3,
  four: 4,
  five: 5,
  six: 6,
  seven: 7,
  eight: 8,
  nine: 9,
  ten: 10,
  twelve: 12,
  fourteen: 14,
  fifteen: 15,
  twenty: 20,
  thirty: 30,
  forty: 40,
  "forty-five": 45,
  fifty: 50,
  sixty: 60,
  ninety: 90,
};
const SPELT_COUNT = new RegExp(
  `(?<![\\p{L}-])(${Object.keys(SPELT)
    .sort((a, b) => b.length - a.length)
    .join("|")})(?: \\((\\d{1,3})\\))?[ -](${UNITS})(?![\\p{L}])`,
  "giu",
);
const LONG_NUMBER = /(?<![\p{L}\p{N}.,_#-])\d{3,7}(?![\p{L}\p{N}_]|[.,-]\d)/gu;

/** In order of their place; no two share a character. */
export function findFacts(text: string): Fact[] {
  const low = plain(text);
  const claims = new Claims(text.length);
  const facts: Fact[] = [];
  const add = (kind: FactKind, value: string, start: number, end: number): void => {
    if (claims.take(start, end)) facts.push({ kind, value, text: text.slice(start, end), start, end });
  };

  for (const e of extractor.extract(text, { language: "en" })) {
    if (e.type === "email") add("email", e.value, e.start, e.end);
  }
  for (const m of low.matchAll(URL)) {
    const url = m[0].replace(/[.,;:!?)]+$/, "");
    add("url", url.replace(/^https?:\/\//, "").replace(/\/$/, ""), m.index, m.index + url.length);
  }
  for (const m of low.matchAll(PERCENT))
    add("percent", String(Number(m[1]!.replace(",", "."))), m.index, m.index + m[0].length);
  for (const pattern of [ADDRESS, STREET_DE]) {
    for (const m of low.matchAll(pattern)) {
      add(
        "address",
        fold(m[0])
          .replace(/[^\p{L}\p{N}]+/gu, " ")
          .trim(),
        m.index,
        m.index + m[0].length,
      );
    }
  }
  for (const e of extractor.extract(text, { language: "en" })) {
    const kind = KINDS[e.type];
    if (kind && kind !== "email") add(kind, e.value, e.start, e.end);
  }
  for (const m of low.matchAll(TRACKING)) add("tracking", m[0], m.index, m.index + m[0].length);
  for (const m of low.matchAll(/(?<![\p{L}\p{N}.,_])\d{8,30}(?![\p{L}\p{N}_])/gu))
    add("tracking", m[0], m.index, m.index + m[0].length);
  for (const m of low.matchAll(YEARLESS)) {
    const month = MONTHS.indexOf((m[1] ?? m[4])!.slice(0, 3)) + 1;
    const day = Number(m[2] ?? m[3]);
    if (day < 1 || day > 31) continue;
    add(
      "date",
      `--${String(month).padStart(2, "0")}-${String(day).padStart(2, "0")}`,
      m.index,
      m.index + m[0].length,
    );
  }
  for (const m of low.matchAll(DAY_WORD))
    add("date", m[0].replace(/^(?:by|on|until|before) /, ""), m.index, m.index + m[0].length);
  for (const m of low.matchAll(COUNTED)) {
    const unit = m[3]!.replace(/s$/, "").split(" ").at(-1)!;
    const [start, end] = [m.index, m.index + m[0].length];
    // "3-5 days" is two facts, told as one when the first is held.
    if (m[2]) {
      add("number", `${Number(m[1])} ${unit}`, start, start + m[1]!.length);
      add("number", `${Number(m[2])} ${unit}`, start + m[1]!.length, end);
    } else add("number", `${Number(m[1])} ${unit}`, start, end);
  }
  for (const m of low.matchAll(SPELT_COUNT)) {
    add(
      "number",
      `${m[2] ? Number(m[2]) : SPELT[m[1]!]} ${m[3]!.replace(/s$/, "").split(" ").at(-1)}`,
      m.index,
      m.index + m[0].length,
    );
  }
  for (const m of low.matchAll(STATUS)) {
    const word = m[1]!;
    const start = m.index + m[0].length - word.length;
    const before = low.slice(Math.max(0, m.index - 200), m.index);
    if (OFFER.test(before) || (m[0].startsWith("be ") && POSSIBLE.test(before))) continue;
    add("status", canonicalStatus(word), start, start + word.length);
  }
  for (const m of low.matchAll(LONG_NUMBER)) {
    const value = normaliseAmount(m[0]);
    if (value) add("number", String(Number(m[0])), m.index, m.index + m[0].length);
  }
  return facts.sort((a, b) => a.start - b.start);
}

/** Words for the same state; also used to look a state up. */
export const SAME_STATUS: Readonly<Record<string, string>> = {
  canceled: "cancelled",
  dispatched: "shipped",
  sent: "shipped",
  "on its way": "shipped",
  "on the way": "shipped",
  "in transit": "shipped",
  "out for delivery": "shipped",
  arrived: "delivered",
  reimbursed: "refunded",
  credited: "refunded",
  processing: "processed",
  "being processed": "processed",
  "being prepared": "pending",
  "past due": "overdue",
};

function canonicalStatus(word: string): string {
  return SAME_STATUS[word] ?? word;
}
