/**
 * Postcodes of the United States, the United Kingdom, Germany, France, the Netherlands and Canada.
 *
 * A bare number of five digits is one only when nothing better explains it: a word such as "zip" before it wins over
 * everything else in the message.
 */
import { add, before, type Scan } from "./scan.ts";

const WORD =
  "(?:zip ?-?codes?|zips?|post ?-?codes?|postal ?-?codes?|postal|plz|postleitzahl|codes? postal|cp|c\\.p\\.|código postal|codigo postal)";
const NAMED = new RegExp(
  `(?<![\\p{L}\\p{N}])${WORD}(?:[ ]?(?:is|ist|lautet|est|es|number|of|:|=|-|,|#|->|to)){0,3}[ :'"(#*_-]{0,4}$`,
  "u",
);

const FIVE = /(?<![\p{L}\p{N}_.,#$€£/+-])(\d{5})(?:-(\d{4}))?(?![\p{L}\p{N}_]|[.,]\d|[/€£%]|-\d)/gu;
const BRITISH =
  /(?<![\p{L}\p{N}_#])(gir ?0aa|[a-pr-uwyz][a-hk-y]?\d[a-z\d]?)(?: ?)(\d[abd-hjlnp-uw-z]{2})(?![\p{L}\p{N}_])/giu;
const CANADIAN =
  /(?<![\p{L}\p{N}_#])([abceghj-nprstvxy]\d[abceghj-nprstv-z])[ -]?(\d[abceghj-nprstv-z]\d)(?![\p{L}\p{N}_])/giu;
const DUTCH = /(?<![\p{L}\p{N}_.,#$€£-])([1-9]\d{3}) ?([a-z]{2})(?![\p{L}\p{N}_])/giu;

const STATES =
  /(?<![\p{L}\p{N}])(?:A[LKZR]|C[AOT]|D[EC]|FL|GA|HI|I[DLNA]|K[SY]|LA|M[EDAINSOT]|N[EVHJMYCD]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[TA]|W[AVIY])\.?,?[ ]+$/u;
/** Units that make a number of five digits a count. */
const COUNTED =
  /^[ -]?(?:items?|units?|pieces?|pcs|points?|miles?|steps|people|customers|users|km|kg|g|mah|mm|cm|m|lumens?|rpm|hours?|minutes?|minutos|days?|calls?|messages|emails?|gb|mb|kb|dollars?|euros?|usd|eur|x|times|rows|records|api|requests|credits|bucks|stück|punkte)(?![\p{L}])/u;

interface Candidate {
  readonly value: string;
  readonly start: number;
  readonly end: number;
  readonly country: string;
  readonly certain: boolean;
}

export function findPostcodes(scan: Scan): void {
  const { text, plain } = scan;
  const asked = scan.expecting.has("postcode");
  const candidates: Candidate[] = [];
  const named = (start: number): boolean => NAMED.test(before(scan, start, 40));

  for (const m of plain.matchAll(BRITISH)) {
    const written = text.slice(m.index, m.index + m[0].length);
    const certain = named(m.index) || asked;
    if (!certain && written !== written.toUpperCase()) continue;
    candidates.push(candidate(`${m[1]} ${m[2]}`.toUpperCase(), m, "GB", certain));
  }
  for (const m of plain.matchAll(CANADIAN)) {
    const written = text.slice(m.index, m.index + m[0].length);
    const certain = named(m.index) || asked;
    if (!certain && written !== written.toUpperCase()) continue;
    candidates.push(candidate(`${m[1]} ${m[2]}`.toUpperCase(), m, "CA", certain));
  }
  for (const m of plain.matchAll(DUTCH)) {
    if (/^(?:sa|sd|ss|is|in|am|pm|or|of|to|at|it|an|mm|cm|km|kg|gb|mb|tb|hz)$/.test(m[2]!)) continue;
    const written = text.slice(m.index, m.index + m[0].length);
    const likely = scan.language === "nl" || /-NL$/i.test(scan.locale ?? "");
    if (!(named(m.index) || asked || (likely && written === written.toUpperCase()))) continue;
    candidates.push(candidate(`${m[1]} ${m[2]!.toUpperCase()}`, m, "NL", named(m.index) || asked));
  }
  for (const m of plain.matchAll(FIVE)) {
    const after = plain.slice(m.index + m[0].length, m.index + m[0].length + 14);
    if (!named(m.index) && COUNTED.test(after)) continue;
    const american = m[2] !== undefined || STATES.test(text.slice(Math.max(0, m.index - 6), m.index));
    const value = m[2] ? `${m[1]}-${m[2]}` : m[1]!;
    candidates.push(
      candidate(value, m, american ? "US" : countryOfFive(scan, m.index), named(m.index) || american),
    );
  }

  const certain = candidates.some((c) => c.certain);
  for (const c of candidates) {
    if (certain && !c.certain) continue;
    add(scan, "postcode", c.value, c.start, c.end, {
      country: c.country,
      certainty: c.certain ? "named" : "bare",
    });
  }
}

function candidate(value: string, m: RegExpMatchArray, country: string, certain: boolean): Candidate {
  return { value, start: m.index!, end: m.index! + m[0].length, country, certain };
}

function countryOfFive(scan: Scan, start: number): string {
  const context = before(scan, start, 40);
  if (/plz|postleitzahl/.test(context)) return "DE";
  if (/code postal|cp/.test(context)) return "FR";
  const region = /-([A-Z]{2})$/i.exec(scan.locale ?? "")?.[1]?.toUpperCase();
  if (region && ["US", "DE", "FR", "ES"].includes(region)) return region;
  if (/zip/.test(context)) return "US";
  return scan.language === "de" ? "DE" : scan.language === "fr" ? "FR" : scan.language === "es" ? "ES" : "US";
}
