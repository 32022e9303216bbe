/**
 * The time that a question names: “yesterday”, “two weeks ago”, “last March”, “in 2025”, “before 2026-03-01”, “before I moved”. All in
 * UTC; a week begins on Monday. English, like the rest of what is understood by rules.
 */

/** From the first moment to the one after the last, ms since the epoch. */
export interface Period {
  readonly from: number;
  readonly to: number;
}

/** Of a fact, what tells when something changed. */
export interface Dated {
  readonly type: string;
  /** Since when it holds, ms. */
  readonly validFrom: number;
}

const DAY = 86_400_000;
const UNITS = { day: 1, week: 7, month: 30, year: 365 } as const;
type Unit = keyof typeof UNITS;
const NUMBERS = ["a", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
const MONTHS = "january february march april may june july august september october november december".split(
  " ",
);
const WEEKDAYS = "sunday monday tuesday wednesday thursday friday saturday".split(" ");

/** Something that the customer did, at a time that only his facts tell. */
const CHANGE = /\b(before|after|since) i(?:'d| had| have|'ve)? ([a-z' -]+)/;

/** Words for a change, and the type of fact that it changes. */
const CHANGES: readonly (readonly [RegExp, string])[] = [
  [/^(?:moved|relocated|changed (?:my |the )?address)\b/, "address"],
  [/^(?:changed|switched|upgraded|downgraded)(?: my| the)? (?:plan|subscription)\b/, "plan"],
  [/^changed (?:my |the )?(?:e-?mail)\b/, "email"],
  [/^changed (?:my |the )?(?:phone|number)\b/, "phone"],
  [/^changed (?:my |the )?name\b/, "name"],
  [/^changed (?:my |the )?(?:job|company|employer)\b/, "company"],
];

/**
 * Undefined when the question names no time, or a change that is not known of.
 * @param now ms since the epoch
 * @param facts of whom it is about: the latest of a type says when that changed
 */
export function periodIn(question: string, now: number, facts: readonly Dated[] = []): Period | undefined {
  const text = question.toLowerCase();
  const change = CHANGE.exec(text);
  const since = change ? changedAt(change[2]!, facts) : undefined;
  if (since !== undefined) return change![1] === "before" ? { from: 0, to: since } : { from: since, to: now };
  const named = timeNamed(text, now);
  if (!named) return undefined;
  const { period, at } = named;
  const side = /\b(before|after|since|until)\s+(?:the\s+)?$/.exec(text.slice(0, at))?.[1];
  if (side === "before") return { from: 0, to: period.from };
  if (side === "until") return { from: 0, to: period.to };
  if (side === "after") return { from: period.to, to: now };
  return side === "since" ? { from: period.from, to: now } : period;
}

/** Whether facts may tell the time that a question names. */
export function namesChange(question: string): boolean {
  return CHANGE.test(question.toLowerCase());
}

function changedAt(words: string, facts: readonly Dated[]): number | undefined {
  const type = CHANGES.find(([pattern]) => pattern.test(words.trim()))?.[1];
  const times = facts.filter((fact) => fact.type === type).map(({ validFrom }) => validFrom);
  return times.length > 0 ? Math.max(...times) : undefined;
}

interface Named {
  readonly period: Period;
  /** Where in the text it begins. */
  readonly at: number;
}

/** The first time that is named. */
function timeNamed(text: string, now: number): Named | undefined {
  for (const [pattern, read] of PATTERNS) {
    const found = pattern.exec(text);
    const period = found && read(found, now);
    if (period) return { period, at: found.index };
  }
  return undefined;
}

type Read = (found: RegExpExecArray, now: number) => Period | undefined;

const PATTERNS: readonly (readonly [RegExp, Read])[] = [
  [
    /\b(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])\b/,
    ([, y, m, d]) => dayOf(Date.UTC(Number(y), Number(m) - 1, Number(d))),
  ],
  [/\bthe day before yesterday\b/, (_, now) => dayOf(now - 2 * DAY)],
  [/\byesterday\b/, (_, now) => dayOf(now - DAY)],
  [/\b(?:today|this morning|this afternoon|this evening|tonight)\b/, (_, now) => dayOf(now)],
  [
    new RegExp(`\\b(\\d{1,3}|${NUMBERS.join("|")}|a couple of|a few) (day|week|month|year)s? ago\\b`),
    ([, count, unit], now) => ago(numberOf(count!), unit as Unit, now),
  ],
  [
    /\b(last|past|previous|this) (week|month|year)\b/,
    ([, which, unit], now) => span(unit as Unit, which!, now),
  ],
  [
    new RegExp(`\\b(?:last|on|this) (${WEEKDAYS.join("|")})\\b`),
    ([, weekday], now) => {
      const back = (new Date(now).getUTCDay() - WEEKDAYS.indexOf(weekday!) + 7) % 7 || 7;
      return dayOf(now - back * DAY);
    },
  ],
  [
    new RegExp(
      `\\b(?:(?:in|last|during|since|before|after|until) )(${MONTHS.join("|")})(?:(?: of)? (\\d{4}))?\\b`,
    ),
    ([, name, year], now) => {
      const month = MONTHS.indexOf(name!);
      const today = new Date(now);
      const latest = today.getUTCFullYear() - (month > today.getUTCMonth() ? 1 : 0);
      return monthOf(year ? Number(year) : latest, month);
    },
  ],
  [
    /\b(?:in|during|since|before|after|until) ((?:19|20)\d{2})\b/,
    ([, year]) => ({ from: Date.UTC(Number(year), 0), to: Date.UTC(Number(year) + 1, 0) }),
  ],
];

function dayOf(at: number): Period | undefined {
  const from = Math.floor(at / DAY) * DAY;
  return Number.isFinite(from) ? { from, to: from + DAY } : undefined;
}

function monthOf(year: number, month: number): Period {
  return { from: Date.UTC(year, month), to: Date.UTC(year, month + 1) };
}

function numberOf(word: string): number {
  if (/^\d/.test(word)) return Number(word);
  if (word === "a couple of") return 2;
  if (word === "a few") return 3;
  return Math.max(1, NUMBERS.indexOf(word));
}

/** About then: half a unit before and after, so that “two weeks ago” is not one day. */
function ago(count: number, unit: Unit, now: number): Period {
  if (unit === "day") return dayOf(now - count * DAY)!;
  const length = UNITS[unit] * DAY;
  const middle = now - count * length;
  return { from: middle - length / 2, to: Math.min(now, middle + length / 2) };
}

function span(unit: Unit, which: string, now: number): Period {
  const today = new Date(now);
  const back = which === "this" ? 0 : 1;
  const year = today.getUTCFullYear();
  if (unit === "year") return { from: Date.UTC(year - back, 0), to: Date.UTC(year - back + 1, 0) };
  if (unit === "month") return monthOf(year, today.getUTCMonth() - back);
  const monday = dayOf(now)!.from - ((today.getUTCDay() + 6) % 7) * DAY;
  return { from: monday - back * 7 * DAY, to: monday + (1 - back) * 7 * DAY };
}
