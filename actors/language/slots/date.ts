/** Dates, absolute and relative. Without `now`, what is relative or lacks a year is left out. */
import { addMonths, civil, dayOf, isoDay, today, weekdayOf } from "./calendar.ts";
import { add, before, type Scan } from "./scan.ts";

const MONTHS: readonly string[][] = [
  "january jan januar jänner janvier janv enero ene januari".split(" "),
  "february feb februar février fevrier févr febrero februari".split(" "),
  "march mar märz maerz mars marzo mrz maart mrt".split(" "),
  "april apr avril avr abril abr".split(" "),
  "may mai mayo mei".split(" "),
  "june jun juni juin junio".split(" "),
  "july jul juli juillet juil julio".split(" "),
  "august aug août aout agosto augustus".split(" "),
  "september sept sep septembre septiembre".split(" "),
  "october oct oktober okt octobre octubre".split(" "),
  "november nov novembre noviembre".split(" "),
  "december dec dezember dez décembre decembre déc diciembre dic".split(" "),
];
const MONTH = new Map(MONTHS.flatMap((names, i) => names.map((n) => [n, i + 1] as const)));
const MONTH_WORD = [...MONTH.keys()].sort((a, b) => b.length - a.length).join("|");

const WEEKDAYS = new Map(
  [
    "sunday sun sonntag dimanche domingo zondag",
    "monday mon montag lundi lunes maandag",
    "tuesday tue tues dienstag mardi martes dinsdag",
    "wednesday wed mittwoch mercredi miércoles miercoles woensdag",
    "thursday thu thur thurs donnerstag jeudi jueves donderdag",
    "friday fri freitag vendredi viernes vrijdag",
    "saturday sat samstag sonnabend samedi sábado sabado zaterdag",
  ].flatMap((names, i) => names.split(" ").map((n) => [n, i] as const)),
);
const WEEKDAY_WORD = [...WEEKDAYS.keys()].sort((a, b) => b.length - a.length).join("|");

const ISO = /(?<![\p{L}\p{N}.-])(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?![\p{N}])(?!-\d)/gu;
const NUMERIC = /(?<![\p{L}\p{N}./-])(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})(?![\p{L}\p{N}]|[/-]\d)/gu;
const SHORT = /(?<![\p{L}\p{N}.,/$€£-])(\d{1,2})([./])(\d{1,2})(\.?)(?![\p{L}\p{N}/%]|[.,]\d)/gu;
const DAY_MONTH = new RegExp(
  `(?<![\\p{L}\\p{N}.,])(\\d{1,2})(?:st|nd|rd|th|er|\\.)?[ -]{0,2}(?:of |de )?(${MONTH_WORD})\\.?(?:,? ?(?:de |del )?(\\d{4}))?(?![\\p{L}\\p{N}])`,
  "giu",
);
const MONTH_DAY = new RegExp(
  `(?<![\\p{L}\\p{N}])(${MONTH_WORD})\\.? (?:the )?(\\d{1,2})(?:st|nd|rd|th)?(?:,? ?(\\d{4}))?(?![\\p{L}\\p{N}]|[.,:]\\d)`,
  "giu",
);

type Relative = readonly [pattern: RegExp, offset: number, languages: string];
const word = (w: string): RegExp => new RegExp(`(?<![\\p{L}\\p{N}])(?:${w})(?![\\p{L}\\p{N}])`, "giu");
/** Longer phrases first. Words that mean something else in another language count in their own alone. */
const RELATIVE: readonly Relative[] = [
  [word("(?:the )?day before yesterday|vorgestern|avant-hier|anteayer|eergisteren"), -2, ""],
  [
    word(
      "(?:the )?day after tomorrow|übermorgen|uebermorgen|après-demain|apres-demain|pasado mañana|overmorgen",
    ),
    2,
    "",
  ],
  [word("yesterday|gestern|gisteren|ayer"), -1, ""],
  [word("hier"), -1, "fr"],
  [word("today|tonight|heute|aujourd'hui|hoy|vandaag|this (?:morning|afternoon|evening)"), 0, ""],
  [word("tomorrow|demain"), 1, ""],
  [word("morgen"), 1, "de nl"],
  [word("mañana"), 1, "es"],
];

const COUNT: Readonly<Record<string, number>> = {
  a: 1,
  an: 1,
  one: 1,
  two: 2,
  three: 3,
  four: 4,
  five: 5,
  six: 6,
  seven: 7,
  eight: 8,
  nine: 9,
  ten: 10,
  "a couple of": 2,
  "a couple": 2,
  ein: 1,
  einem: 1,
  einer: 1,
  zwei: 2,
  drei: 3,
  vier: 4,
  un: 1,
  une: 1,
  deux: 2,
  trois: 3,
  uno: 1,
  una: 1,
  dos: 2,
  tres: 3,
  een: 1,
  twee: 2,
  drie: 3,
};
const UNIT: readonly (readonly [RegExp, "day" | "week" | "month" | "year"])[] = [
  [/^(?:days?|tage?n?|jours?|d[ií]as?|dagen|dag)$/, "day"],
  [/^(?:weeks?|wochen?|semaines?|semanas?|weken)$/, "week"],
  [/^(?:months?|monate?n?|mois|mes|meses|maanden|maand)$/, "month"],
  [/^(?:years?|jahre?n?|ans?|años?|jaar)$/, "year"],
];
const UNIT_WORD =
  "days?|weeks?|months?|years?|tage?n?|wochen?|monate?n?|jahre?n?|jours?|semaines?|mois|ans?|d[ií]as?|semanas?|mes|meses|años?|dagen|dag|weken|maanden|maand|jaar";
const AMOUNT_WORD = `\\d{1,3}|${Object.keys(COUNT)
  .sort((a, b) => b.length - a.length)
  .join("|")}`;
const AGO = new RegExp(
  `(?<![\\p{L}\\p{N}.,])(?:(?:vor|il y a|hace) (${AMOUNT_WORD}) (${UNIT_WORD})|(${AMOUNT_WORD}) (${UNIT_WORD}) (?:ago|back|earlier|geleden))(?![\\p{L}\\p{N}])`,
  "giu",
);
const AHEAD = new RegExp(
  `(?<![\\p{L}\\p{N}.,])(?:in|dans|en|over)(?: the next)? (${AMOUNT_WORD}) (${UNIT_WORD})(?:'s? time)?(?![\\p{L}\\p{N}])`,
  "giu",
);
const NEAR_WEEKDAY = new RegExp(
  `(?<![\\p{L}\\p{N}])(last|past|letzten|letzte|vorigen|next|nächsten|nächste|coming|kommenden|this|diesen|by|until|til|till|bis|since|seit|on|am) (${WEEKDAY_WORD})(?![\\p{L}\\p{N}])`,
  "giu",
);
const NEAR_SPAN =
  /(?<![\p{L}\p{N}])(last|past|next|letzte|letzten|nächste|nächsten) (week|month|year|woche|monat|jahr)(?![\p{L}\p{N}])/giu;

const DATE_WORD =
  /(?:on|by|since|from|until|till|dated?|before|after|am|vom|bis|seit|le|du|el|op|for)[ :]{1,2}(?:the )?$/;

export function findDates(scan: Scan): void {
  const { plain } = scan;
  const now = scan.now === undefined ? undefined : today(scan.now, scan.zone);
  const dayFirst = isDayFirst(scan);
  const put = (day: number | undefined, m: RegExpMatchArray, precision?: string): void => {
    if (day === undefined) return;
    add(scan, "date", isoDay(day), m.index!, m.index! + m[0].length, precision ? { precision } : undefined);
  };

  for (const m of plain.matchAll(ISO)) put(dayOf(Number(m[1]), Number(m[2]), Number(m[3])), m);
  for (const m of plain.matchAll(NUMERIC)) {
    const year = m[4]!.length === 2 ? 2000 + Number(m[4]) : Number(m[4]);
    // A dot is never American.
    put(either(year, Number(m[1]), Number(m[3]), dayFirst || m[2] === "."), m);
  }
  for (const m of plain.matchAll(MONTH_DAY)) put(inYear(m[3], MONTH.get(m[1]!)!, Number(m[2]), now), m);
  for (const m of plain.matchAll(DAY_MONTH)) put(inYear(m[3], MONTH.get(m[2]!)!, Number(m[1]), now), m);
  if (now === undefined) return;

  for (const m of plain.matchAll(SHORT)) {
    const asked = scan.expecting.has("date") || DATE_WORD.test(before(scan, m.index, 14));
    // "1.5" is a number; "1.5." is the first of May.
    if (!asked || (m[2] === "." && !m[4])) continue;
    const first = dayFirst || m[2] === ".";
    put(
      nearest(now, (y) => either(y, Number(m[1]), Number(m[3]), first)),
      m,
    );
  }
  for (const [pattern, offset, languages] of RELATIVE) {
    if (languages && !languages.includes(scan.language)) continue;
    for (const m of plain.matchAll(pattern)) put(now + offset, m);
  }
  for (const m of plain.matchAll(AGO)) put(shift(now, m[1] ?? m[3]!, m[2] ?? m[4]!, -1), m);
  for (const m of plain.matchAll(AHEAD)) put(shift(now, m[1]!, m[2]!, 1), m);
  for (const m of plain.matchAll(NEAR_WEEKDAY)) {
    const target = WEEKDAYS.get(m[2]!)!;
    const ahead = (target - weekdayOf(now) + 7) % 7;
    const which = m[1]!;
    if (/^(?:next|nächst|coming|kommend)/.test(which)) put(now + (ahead || 7), m);
    else if (/^(?:this|diesen|by|until|till?|bis)$/.test(which)) put(now + ahead, m);
    else if (/^(?:on|am)$/.test(which)) put(now + (ahead === 0 ? 0 : ahead - 7), m, "weekday");
    else put(now + (ahead === 0 ? -7 : ahead - 7), m);
  }
  for (const m of plain.matchAll(NEAR_SPAN)) {
    const sign = /^(?:last|past|letzt)/.test(m[1]!) ? -1 : 1;
    const unit = m[2]!;
    if (/^wo?[ec]/.test(unit)) put(now - ((weekdayOf(now) + 6) % 7) + 7 * sign, m, "week");
    else if (/^mon/.test(unit)) put(addMonths(now - civil(now).day + 1, sign), m, "month");
    else put(dayOf(civil(now).year + sign, 1, 1), m, "year");
  }
}

function isDayFirst(scan: Scan): boolean {
  if (scan.locale) return !/^en(?:-US|-PH)?$/i.test(scan.locale);
  return scan.language !== "en";
}

/** Reads two numbers as day and month in the wanted order, or in the other one where only that is a date. */
function either(year: number, a: number, b: number, dayFirst: boolean): number | undefined {
  return dayFirst ? (dayOf(year, b, a) ?? dayOf(year, a, b)) : (dayOf(year, a, b) ?? dayOf(year, b, a));
}

function inYear(
  year: string | undefined,
  month: number,
  day: number,
  now: number | undefined,
): number | undefined {
  if (year) return dayOf(Number(year), month, day);
  return now === undefined ? undefined : nearest(now, (y) => dayOf(y, month, day));
}

/** Of last, this and next year's, the one that is nearest. */
function nearest(now: number, make: (year: number) => number | undefined): number | undefined {
  const { year } = civil(now);
  const days = [year - 1, year, year + 1].map(make).filter((d) => d !== undefined);
  return days.sort((a, b) => Math.abs(a - now) - Math.abs(b - now))[0];
}

function shift(now: number, amount: string, unitWord: string, sign: 1 | -1): number | undefined {
  const count = /^\d/.test(amount) ? Number(amount) : COUNT[amount];
  const unit = UNIT.find(([pattern]) => pattern.test(unitWord))?.[1];
  if (count === undefined || unit === undefined) return undefined;
  if (unit === "day") return now + sign * count;
  if (unit === "week") return now + sign * 7 * count;
  return addMonths(now, sign * count * (unit === "month" ? 1 : 12));
}
