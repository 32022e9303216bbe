/** Reads a postal address out of a message. Careful rather than clever: no street or no postcode, no address. */

export interface AddressValue {
  readonly line1: string;
  readonly line2?: string;
  readonly city: string;
  readonly state?: string;
  readonly postcode: string;
  readonly country: string;
}

const STREET =
  /(?<![\p{L}\p{N}#])(\d{1,6}[A-Za-z]?(?:-\d+)?\s+(?:(?:\p{L}[\p{L}0-9.'’-]*|\d+(?:st|nd|rd|th))\s+){0,5}?(?:street|st|avenue|ave|road|rd|drive|dr|lane|ln|boulevard|blvd|way|court|ct|place|pl|square|sq|terrace|parkway|pkwy|highway|hwy|circle|close|crescent|row|walk|gardens|grove|mews|quay|hill)\b\.?)/iu;
/** Continental writing: name first, number after it. */
const STREET_FIRST =
  /((?:\p{Lu}[\p{L}.'’-]+\s+){0,3}\p{L}*(?:stra(?:ß|ss)e|str\.|gasse|weg|platz|allee|laan|straat|rue|via|calle|plein|gracht)\s*(?:[\p{L}'’-]+\s+){0,3}\d{1,5}[a-z]?)\b/u;
const UNIT = /\b((?:apt|apartment|suite|unit|flat|floor|ste|#)\.?\s*#?\s*[A-Za-z0-9-]{1,6})\b/i;
const COUNTRY =
  /\b(USA|U\.S\.A\.|United States(?: of America)?|UK|United Kingdom|England|Scotland|Wales|Germany|Deutschland|France|Netherlands|Belgium|Austria|Switzerland|Spain|Italy|Ireland|Canada|Australia)\b/i;
const POSTCODES: readonly { pattern: RegExp; country: string }[] = [
  { pattern: /\b([A-Z]{1,2}\d[A-Z\d]?\s*\d[A-Z]{2})\b/i, country: "United Kingdom" },
  { pattern: /\b([A-Z]\d[A-Z]\s?\d[A-Z]\d)\b/i, country: "Canada" },
  { pattern: /\b(\d{4}\s?[A-Z]{2})\b/, country: "Netherlands" },
  { pattern: /\b(\d{5}(?:-\d{4})?)\b/, country: "" },
  { pattern: /\b(\d{4})\b/, country: "" },
];
const US_STATE =
  /\b(AL|AK|AZ|AR|CA|CO|CT|DE|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY|NC|ND|OH|OK|OR|PA|RI|SC|SD|TN|TX|UT|VT|VA|WA|WV|WI|WY|DC)\b/;

/** `City: Millbrook` is `Millbrook`. */
const LABEL =
  /\b(?:address(?: line)? ?[12]?|street(?: address)?|line ?[12]|city|town|state|province|zip(?: ?code)?|post(?:al)? ?code|country)\s*[:=]\s*/gi;
const LONGEST = 8_000;

/** @param country of the customer, where the text names none. */
export function parseAddress(text: string, country: string): AddressValue | undefined {
  const flat = text
    .replace(/\s*\n\s*(?:[-*•]\s*)?/g, ", ")
    .replace(LABEL, " ")
    .slice(0, LONGEST);
  const street = STREET.exec(flat) ?? STREET_FIRST.exec(flat);
  if (!street) return undefined;
  const line1 = tidy(street[1]!);
  // Nobody's address goes on for ever; what stands behind it is about something else.
  let rest = flat.slice(street.index + street[0].length).slice(0, 160);
  const named = COUNTRY.exec(rest)?.[1];
  if (named) rest = rest.replace(COUNTRY, " ");
  const unit = UNIT.exec(rest);
  const line2 = unit ? tidy(unit[1]!) : undefined;
  if (unit) rest = `${rest.slice(0, unit.index)} ${rest.slice(unit.index + unit[0].length)}`;
  const code = POSTCODES.map(({ pattern, country: where }) => ({ m: pattern.exec(rest), where })).find(
    (p) => p.m,
  );
  if (!code?.m) return undefined;
  const postcode = code.m[1]!.toUpperCase();
  const before = rest.slice(0, code.m.index);
  const after = rest.slice(code.m.index + code.m[0].length);
  const state = US_STATE.exec(before)?.[1] ?? US_STATE.exec(after)?.[1];
  // The town stands between street and postcode, or after the postcode where that comes first.
  const city = town(state ? before.replace(US_STATE, " ") : before) ?? town(after);
  if (!city) return undefined;
  return {
    line1,
    ...(line2 ? { line2 } : {}),
    city,
    ...(state ? { state } : {}),
    postcode,
    country: named ?? (code.where || (state ? "USA" : country)),
  };
}

function tidy(text: string): string {
  return text
    .replace(/\s+/g, " ")
    .replace(/[\s,.]+$/, "")
    .trim();
}

const NOT_A_TOWN =
  /\b(?:zip|zipcode|postcode|postal|code|please|thanks|thank|and|my|is|the|instead|with|in)\b/gi;

function town(text: string): string | undefined {
  const parts = text
    .split(/[,.;!?()]+/)
    .map((p) => p.replace(NOT_A_TOWN, " ").replace(/\s+/g, " ").trim())
    .filter((p) => /^[\p{L}][\p{L} '’-]{1,39}$/u.test(p));
  return parts[0];
}

/**
 * The known address that a text means: by street, town, state or postcode, or “my default address” for the first. A text
 * that does not speak of an address means none: a postcode alone may be there to prove who somebody is.
 * @param except the present address, which nobody wants instead of itself
 */
export function knownAddress(
  places: readonly unknown[],
  text: string,
  except?: unknown,
): AddressValue | undefined {
  if (!/\b(?:address|ship|shipped|send|deliver|delivered|home|place|house|office|there)\b/i.test(text))
    return undefined;
  const present = isAddress(except) ? key(except) : undefined;
  const addresses = places.filter(isAddress).filter((a) => key(a) !== present);
  const plain = (v: string): string =>
    ` ${v
      .toLowerCase()
      .replace(/[^\p{L}\p{N}]+/gu, " ")
      .trim()} `;
  const all = plain(text);
  // “change it to my New York address”, “send it to the Elm Street one”
  const wanted = [
    ...text.matchAll(
      /\b(?:to|use|using)\s+(?:my|our|the)\s+([\p{L}\p{N} ]{2,40}?)\s+(?:address|one|place|home)\b/giu,
    ),
  ];
  for (const part of [...wanted.map((m) => plain(`${m[1]} address`)), all]) {
    const hits = addresses.filter((a) => names(a, part));
    const different = new Map(hits.map((a) => [key(a), a]));
    if (different.size === 1) return [...different.values()][0];
  }
  return DEFAULT_ADDRESS.test(text) ? addresses[0] : undefined;
}

const DEFAULT_ADDRESS =
  /\b(?:default|profile|account|usual|home)\s+address\b|\baddress\b[^.]{0,30}\b(?:on file|(?:in|on) my (?:account|profile))\b/i;
const key = (a: AddressValue): string => JSON.stringify([a.line1, a.line2 ?? "", a.postcode]);

/** @param text in lower case, words between single blanks */
function names(a: AddressValue, text: string): boolean {
  const has = (v: string): boolean =>
    v.length > 1 &&
    text.includes(
      ` ${v
        .toLowerCase()
        .replace(/[^\p{L}\p{N}]+/gu, " ")
        .trim()} `,
    );
  const words = a.city.split(/\s+/);
  const initials = words.length > 1 ? words.map((w) => w[0]).join("") : "";
  return (
    has(a.line1) ||
    has(a.postcode) ||
    has(a.city) ||
    (text.includes(" address ") && (has(initials) || has(`${initials}c`)))
  );
}

function isAddress(v: unknown): v is AddressValue {
  return (
    typeof v === "object" &&
    v !== null &&
    typeof (v as AddressValue).line1 === "string" &&
    typeof (v as AddressValue).city === "string"
  );
}
