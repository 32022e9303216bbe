/**
 * Replaces what names a person in a recording by something of the same shape, the same value by the same everywhere: letters by
 * letters, digits by digits, so that what the desk said of it is still true and every place in a text is where it was. The way back
 * is lost with the key, which is made for one recording and kept nowhere.
 */
import { createHmac, randomBytes } from "node:crypto";
import type { StoredRecord } from "../../runtime/envelope.ts";
import type { Json, JsonObject } from "../../runtime/json.ts";
import type { Recording } from "./recording.ts";

export interface RedactOptions {
  /** Unless given a new one. */
  readonly key?: Uint8Array;
}

/** Members of records whose values name somebody. */
const NAMES = new Set(["firstName", "lastName", "first", "last", "fullName", "author", "agent"]);
const PERSONAL = new Set([
  ...NAMES,
  "email",
  "emails",
  "phone",
  "line1",
  "line2",
  "city",
  "postcode",
  "postcodes",
  "customerId",
  "claimedId",
  "orderId",
  "orders",
  "iban",
  "vip",
]);
/** Found in any text. */
const PATTERNS = [
  /[\p{L}\p{N}._%+-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+/gu,
  // Numbers of cards, accounts, telephones: seven digits and more, grouped as people do.
  /(?<![\p{L}\p{N}])\+?\d(?:[ ()./-]{0,2}\d){6,18}(?![\p{L}\p{N}])/gu,
  /(?<![\p{L}\p{N}])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?(?![\p{L}\p{N}])/gu,
  /(?<![\p{L}\p{N}])[A-Z]\d{6,9}(?![\p{L}\p{N}])/gu,
];
/** Ids that the desk made, and times: they name nobody, and look like numbers that do. */
const MADE = /([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|\d{4}-\d{2}-\d{2}(?:T[\d:.]+Z?)?)/;
/** What makes a line an address, and names nobody's. */
const STREETS = new Set(
  "alley apartment apt avenue ave boulevard blvd close circle cir court crescent ct dr drive flat floor garden gardens grove heights highway hill hwy lane ln mews parkway pkwy pl place plaza quay rd road row square st street suite terrace trail unit walk way".split(
    " ",
  ),
);
const WORD = /\p{L}+|\p{N}+/gu;
const LEAST = 3;
const VOWELS = "aeiou";
const CONSONANTS = "bcdfghjklmnpqrstvwxz";

/** @returns the recording without what names people, marked as such */
export function redact(recording: Recording, { key = randomBytes(32) }: RedactOptions = {}): Recording {
  const { values, names } = personalIn(recording.records);
  const pseudonym = pseudonyms(key);
  const whole = matching(values, "giu");
  const single = matching(
    new Set([...names].flatMap((name) => (name.match(/\p{L}+/gu) ?? []).flatMap(written))),
    "gu",
  );
  const replaced = (text: string): string => {
    const once = whole ? text.replace(whole, pseudonym) : text;
    return single ? once.replace(single, pseudonym) : once;
  };
  const around = (text: string): string =>
    text
      .split(MADE)
      .map((part, i) => (i % 2 === 0 ? replaced(part) : part))
      .join("");
  const deep = (value: Json): Json => {
    if (typeof value === "string") return around(value);
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map(deep);
    return Object.fromEntries(
      Object.entries(value as JsonObject).map(([name, member]) => [name, deep(member)]),
    );
  };
  /** Of the customers whom the rules name, those of whom the recording tells. */
  const settings = (): JsonObject => {
    const { policy, ...others } = recording.header.settings as { policy?: { vip?: string[] } & JsonObject };
    if (!policy?.vip) return recording.header.settings;
    const vip = policy.vip.filter((id) => values.has(id)).map(around);
    return { ...others, policy: { ...policy, vip } };
  };
  return {
    ...recording,
    header: { ...recording.header, settings: settings(), redacted: true },
    records: recording.records.map((record) => ({
      ...record,
      clear: deep(record.clear) as JsonObject,
      data: deep(record.data) as JsonObject,
    })),
  };
}

/** What of a recording names somebody, and which of it are names. */
export function personalIn(records: readonly StoredRecord[]): { values: Set<string>; names: Set<string> } {
  const values = new Set<string>();
  const names = new Set<string>();
  const add = (text: string, isName: boolean): void => {
    const value = text.trim();
    if (value.length < LEAST || MADE.test(value)) return;
    values.add(value);
    if (isName) names.add(value);
  };
  const look = (value: Json, member: string, isCustomer: boolean): void => {
    if (typeof value === "string") {
      if (PERSONAL.has(member)) add(value, NAMES.has(member));
      else if (member === "name" && isCustomer) add(value, true);
      for (const part of value.split(MADE).filter((_, i) => i % 2 === 0))
        for (const pattern of PATTERNS) for (const [found] of part.matchAll(pattern)) add(found, false);
    } else if (Array.isArray(value)) for (const each of value) look(each, member, isCustomer);
    else if (typeof value === "object" && value !== null) {
      // What has an address of its own is a person; products and playbooks have names as well.
      const person = "email" in value || "firstName" in value || member === "customer";
      for (const [name, each] of Object.entries(value as JsonObject)) look(each, name, person);
    }
  };
  for (const { clear, data } of records) {
    look(clear, "clear", false);
    look(data, "data", false);
  }
  return { values, names };
}

/** As a word is written in a sentence and in a headline. In small letters it may be any word. */
function written(word: string): string[] {
  if (word.length < LEAST) return [];
  return [`${word[0]!.toUpperCase()}${word.slice(1).toLowerCase()}`, word.toUpperCase()];
}

function matching(values: ReadonlySet<string>, flags: string): RegExp | undefined {
  if (values.size === 0) return undefined;
  const longestFirst = [...values].sort((a, b) => b.length - a.length || (a < b ? -1 : 1));
  const escaped = longestFirst.map((value) => value.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"));
  return new RegExp(`(?<![\\p{L}\\p{N}])(?:${escaped.join("|")})(?![\\p{L}\\p{N}])`, flags);
}

/** Another value of the same shape, the same for the same words whatever is between them and however they are written. */
function pseudonyms(key: Uint8Array): (value: string) => string {
  const known = new Map<string, string>();
  const other = (word: string): string => {
    // The letter before a number says what kind of number it is.
    if (word.length < 2) return word;
    const plain = word.toLowerCase();
    if (STREETS.has(plain)) return word;
    let letters = known.get(plain);
    if (letters === undefined) {
      letters = anotherWord(key, plain);
      known.set(plain, letters);
    }
    return [...word]
      .map((c, i) => (c === c.toLowerCase() ? letters![i]! : letters![i]!.toUpperCase()))
      .join("");
  };
  return (value) => value.replace(WORD, other);
}

function anotherWord(key: Uint8Array, word: string): string {
  for (let attempt = 0; ; attempt++) {
    const bytes = createHmac("sha256", key).update(`${attempt} ${word}`).digest();
    const made = [...word]
      .map((c, i) => {
        const byte = bytes[i % bytes.length]! ^ (i < bytes.length ? 0 : i & 0xff);
        // A number does not begin with a nought, unless it did.
        if (/\p{N}/u.test(c)) return String(i === 0 && c !== "0" ? 1 + (byte % 9) : byte % 10);
        const alphabet = VOWELS.includes(c) ? VOWELS : CONSONANTS;
        return alphabet[byte % alphabet.length]!;
      })
      .join("");
    if (made !== word) return made;
  }
}
