/** What a text says that could be a fact: where it stands, of which kind it is, and its plain value. */
import { flat, normalId, normalStatus, toCents } from "./world.ts";

export type MentionKind =
  | "order"
  | "amount"
  | "day"
  | "status"
  | "address"
  | "number"
  | "item"
  | "name"
  | "email"
  | "card"
  | "invoice";

export interface Mention {
  readonly kind: MentionKind;
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** Order id, status, ISO day, digits, name of a product … in plain form. */
  readonly value: string;
  readonly cents?: number;
  /** Options beside an item or a variant, in small letters. */
  readonly options?: readonly string[];
  /** Of a status: the text says that it is not so. */
  readonly negated?: boolean;
}

const MONTHS = "January February March April May June July August September October November December".split(
  " ",
);
const MONTH = MONTHS.map((m) => `${m.slice(0, 3)}(?:${m.slice(3)})?`).join("|");
const ORDER = /(?<![\w-])#?[A-Za-z]\d{7}\b/g;
const INVOICE = /\bINV-\d+\b/gi;
const AMOUNT =
  /(?<![\w.])[$€£]\s?(\d{1,3}(?:,\d{3})+|\d+)(\.\d{1,2})?(?!\d)|(?<![\w.,#])(\d{1,3}(?:,\d{3})+|\d+)(\.\d{1,2})?\s?(?:USD|EUR|GBP|dollars|euros)\b/g;
const DAY_FIRST = new RegExp(`\\b(\\d{1,2})(?:st|nd|rd|th)? (${MONTH})\\.?(?:,? (\\d{4}))?\\b`, "g");
const MONTH_FIRST = new RegExp(`\\b(${MONTH})\\.? (\\d{1,2})(?:st|nd|rd|th)?(?:,? (\\d{4}))?\\b`, "g");
const ISO_DAY = /\b(\d{4})-(\d\d)-(\d\d)\b/g;
const NUMBER = /(?<![\w#.,$-])(?:TRK)?\d{9,14}\b/g;
const EMAIL = /[\w.+-]+@[\w-]+(?:\.[\w-]+)+/g;
const CARD = /\bending (?:in |with )?(\d{4})\b/g;
const NAME =
  /\b(?:Hello|Hi|Dear|Thank you|Thanks|Welcome back),? ([A-Z][\p{L}'-]+(?: [A-Z][\p{L}'-]+)?)(?=[.,!])/gu;
const ADDRESS = /(?<![\w.,$-])\d{1,6}[A-Za-z]? [A-Z][^,\n:;.?!$()]{2,50}(?:,\s[^,\n:;?!$()]{1,40}){1,5}/g;

const STATUS_WORDS =
  "pending|processed|processing|shipped|delivered|cancell?ed|return[ _]requested|exchange[ _]requested";
/** How a status is stated: after a number and a comma, after a form of "to be", after "status", alone in brackets. */
const STATUS = new RegExp(
  `(?<lead>#?[A-Za-z]\\d{7},\\s+|in front of me,\\s+|\\bstatus(?:\\s+of\\s+[^.\\n]{1,30}?)?(?:\\s*:|\\s+is|\\s+was)?\\s+(?:now\\s+|still\\s+)?|(?:\\b(?:is|was|were|are|been|it's)|n't|n’t)\\s+(?:(?:now|already|still|currently|all|not|yet|just|both)\\s+)*|\\((?=\\w+\\)))(?<status>${STATUS_WORDS})\\b`,
  "gi",
);
/** In the same clause these make a condition or a rule of it. */
const NOT_STATED =
  /\b(?:can|could|cannot|can't|can’t|may|might|must|should|would|will|won't|once|if|unless|when|until|after|before|as soon as|only|anything|something that|have to|need to)\b[^.;:\n]*$/i;
const NEGATION = /(?:\bnot\b|n't\b|n’t\b|\bnever\b)[^.;:,\n]*$/i;

/** @param names of products, longest first */
export function mentionsOf(text: string, names: readonly string[]): Mention[] {
  const found: Mention[] = [];
  const taken: [number, number][] = [];
  const add = (kind: MentionKind, m: RegExpMatchArray, value: string, more: Partial<Mention> = {}): void => {
    const start = m.index!;
    const end = start + m[0].length;
    if (taken.some(([from, to]) => start < to && from < end)) return;
    taken.push([start, end]);
    found.push({ kind, text: m[0], start, end, value, ...more });
  };
  for (const m of text.matchAll(EMAIL)) add("email", m, m[0].toLowerCase());
  for (const m of text.matchAll(INVOICE)) add("invoice", m, m[0].toUpperCase());
  for (const m of text.matchAll(ORDER)) add("order", m, normalId(m[0]));
  for (const m of text.matchAll(ISO_DAY)) add("day", m, m[0]);
  for (const m of text.matchAll(DAY_FIRST)) add("day", m, isoDay(m[3], m[2]!, m[1]!));
  for (const m of text.matchAll(MONTH_FIRST)) add("day", m, isoDay(m[3], m[1]!, m[2]!));
  for (const m of text.matchAll(AMOUNT)) {
    const plain = `${m[1] ?? m[3]}${m[2] ?? m[4] ?? ""}`.replaceAll(",", "");
    add("amount", m, plain, { cents: toCents(plain) });
  }
  for (const m of text.matchAll(CARD)) add("card", m, m[1]!);
  for (const m of text.matchAll(NUMBER)) add("number", m, m[0]);
  for (const m of text.matchAll(ADDRESS)) {
    const cut = trimAddress(m);
    if (cut) add("address", cut, flat(cut[0]));
  }
  for (const m of text.matchAll(NAME)) add("name", m, m[1]!);
  addItems(text, names, add);
  addStatuses(text, found);
  return found.sort((a, b) => a.start - b.start);
}

function isoDay(year: string | undefined, month: string, day: string): string {
  const n = MONTHS.findIndex((m) => m.slice(0, 3) === month.slice(0, 3)) + 1;
  return `${year ?? "????"}-${String(n).padStart(2, "0")}-${day.padStart(2, "0")}`;
}

/** Up to the postcode, or the country behind it; without a postcode it is none. */
function trimAddress(m: RegExpMatchArray): RegExpMatchArray | undefined {
  const postcode = /^.*\b\d{5}(?:-\d{4})?\b(?:, (?:USA|U\.S\.A\.|United States|US)\b)?/s.exec(m[0]);
  if (!postcode) return undefined;
  return Object.assign([postcode[0]], { index: m.index }) as unknown as RegExpMatchArray;
}

type Add = (kind: MentionKind, m: RegExpMatchArray, value: string, more?: Partial<Mention>) => void;

/** Names of products as they are written in the files, with the options in brackets behind them. */
function addItems(text: string, names: readonly string[], add: Add): void {
  for (const name of names) {
    const pattern = new RegExp(`(?<![\\w-])${literal(name)}(?![\\w-])(?: \\(([^()\\n]*)\\))?`, "g");
    for (const m of text.matchAll(pattern)) {
      const options = m[1] === undefined ? undefined : splitOptions(m[1]);
      // The brackets may hold something else than options, which is looked at for itself.
      const whole = options && !/[$€£#]|\d{7}/.test(m[1]!);
      const short = Object.assign([whole ? m[0] : name], { index: m.index }) as unknown as RegExpMatchArray;
      add("item", short, name, whole ? { options } : {});
    }
  }
}

/** `black, size: 7` → its parts. */
export function splitOptions(text: string): string[] {
  return text
    .toLowerCase()
    .split(/,\s*/)
    .map((o) => o.trim())
    .filter((o) => o !== "");
}

function addStatuses(text: string, found: Mention[]): void {
  for (const m of text.matchAll(STATUS)) {
    const lead = m.groups!.lead!;
    const word = m.groups!.status!;
    const start = m.index + lead.length;
    const before = text.slice(Math.max(0, text.lastIndexOf("\n", start) + 1), start);
    const toBe = /\b(?:is|was|were|are|been|it's)\b|n['’]t/i.test(lead) && !/status/i.test(lead);
    if (toBe && NOT_STATED.test(before)) continue;
    const negated = NEGATION.test(before.slice(-25));
    found.push({
      kind: "status",
      text: word,
      start,
      end: start + word.length,
      value: normalStatus(word),
      negated,
    });
  }
}

export const literal = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
