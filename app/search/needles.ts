/** A term in the forms in which it can lie in files. */

export interface Needle {
  /** `text`, `base64`, … */
  readonly form: string;
  readonly bytes: Buffer;
}

/** Shorter ones are in everything: of a term in base64, what its neighbours have no part in. */
const LEAST_BYTES = 6;
const BASE64_BITS = 6;

/**
 * The term as text (UTF-8 in both ways to write accents, UTF-16, Latin-1), escaped in JSON once and twice, in a URL, in hex and in
 * base64 wherever in a longer text it stood.
 */
export function needlesOf(term: string): Needle[] {
  const found = new Map<string, Needle>();
  const add = (form: string, bytes: Buffer): void => {
    const key = bytes.toString("latin1");
    if (bytes.length > 0 && !found.has(key)) found.set(key, { form, bytes });
  };
  const isLatin = [...term].every((letter) => letter.charCodeAt(0) <= 0xff && letter.length === 1);
  for (const text of new Set([term, term.normalize("NFC"), term.normalize("NFD")])) {
    add("text", Buffer.from(text));
    add("UTF-16", Buffer.from(text, "utf16le"));
    if (isLatin) add("Latin-1", Buffer.from(text, "latin1"));
    const json = JSON.stringify(text).slice(1, -1);
    add("JSON", Buffer.from(json));
    add("JSON", Buffer.from(escaped(json, (code) => code)));
    add("JSON", Buffer.from(escaped(json, (code) => code.toUpperCase())));
    add("JSON in JSON", Buffer.from(JSON.stringify(json).slice(1, -1)));
    add("URL", Buffer.from(encodeURIComponent(text)));
    for (const bytes of [Buffer.from(text), Buffer.from(text, "utf16le")]) {
      const hex = bytes.toString("hex");
      for (const each of [hex, hex.toUpperCase()])
        if (each.length >= LEAST_BYTES) add("hex", Buffer.from(each));
      for (const each of inBase64(bytes)) {
        if (each.length < LEAST_BYTES) continue;
        add("base64", Buffer.from(each));
        add("base64", Buffer.from(each.replaceAll("+", "-").replaceAll("/", "_")));
      }
    }
  }
  return [...found.values()];
}

/** Everything that is not ASCII as `\u…`. */
function escaped(json: string, digits: (code: string) => string): string {
  return json.replace(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${digits(unit.charCodeAt(0).toString(16).padStart(4, "0"))}`,
  );
}

/** What of it stands in the base64 of any text that it is part of: it may begin at each of three places of a group. */
function inBase64(bytes: Buffer): string[] {
  return [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString("base64");
    const from = Math.ceil((before * 8) / BASE64_BITS);
    const to = Math.floor(((before + bytes.length) * 8) / BASE64_BITS);
    return text.slice(from, to);
  });
}

/** Times that each form was found. */
export type Counts = Readonly<Record<string, number>>;

/** Looks for needles in bytes that come in pieces. */
export class Finder {
  readonly #needles: readonly Needle[];
  readonly #longest: number;
  readonly #counts: Record<string, number> = {};
  #tail: Buffer = Buffer.alloc(0);

  constructor(needles: readonly Needle[]) {
    this.#needles = needles;
    this.#longest = Math.max(...needles.map(({ bytes }) => bytes.length));
  }

  push(piece: Uint8Array): void {
    const { length: known } = this.#tail;
    const all = Buffer.concat([this.#tail, piece]);
    for (const { form, bytes } of this.#needles) {
      // What lies in the tail as a whole has been counted.
      let at = Math.max(0, known - bytes.length + 1);
      for (at = all.indexOf(bytes, at); at >= 0; at = all.indexOf(bytes, at + bytes.length))
        this.#counts[form] = (this.#counts[form] ?? 0) + 1;
    }
    this.#tail = Buffer.from(all.subarray(Math.max(0, all.length - this.#longest + 1)));
  }

  /** What comes next does not belong to what came. */
  cut(): void {
    this.#tail = Buffer.alloc(0);
  }

  get counts(): Counts {
    return this.#counts;
  }

  get total(): number {
    return Object.values(this.#counts).reduce((sum, count) => sum + count, 0);
  }
}
