/** Words and sentences of a message, with their places. Everything here is linear in the length of the text. */

export interface Span {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const WORD = /[\p{L}\p{N}]+(?:['’][\p{L}]+)*/gu;

/** Words with their places; letters and digits, an apostrophe inside of a word belongs to it. */
export function words(text: string): Span[] {
  const found: Span[] = [];
  for (const m of text.matchAll(WORD)) {
    found.push({ text: m[0], start: m.index, end: m.index + m[0].length });
  }
  return found;
}

const MARKS = /\p{M}+/gu;
// biome-ignore lint/suspicious/noControlCharactersInRegex: plain ASCII is the fast path
const ASCII = /^[\x00-\x7f]*$/;

/** Lower case, without diacritics, with straight quotes. Lengths may change: not for spans. */
export function fold(text: string): string {
  const lower = text.toLowerCase();
  if (ASCII.test(lower)) return lower;
  return lower.replace(/[’‘ʼ]/g, "'").replace(/ß/g, "ss").normalize("NFKD").replace(MARKS, "");
}

/**
 * Same length as the text, so places stay valid: lower case where that keeps the length, curly quotes straight, odd blanks
 * and dashes plain. For matching patterns whose spans are needed.
 */
export function plain(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase();
  let out = "";
  for (const ch of text) {
    const low = ch.toLowerCase();
    const same = low.length === ch.length ? low : ch;
    if (same === "’" || same === "‘" || same === "ʼ") out += "'";
    else if (same === "–" || same === "—" || same === "‑" || same === "−") out += "-";
    else if (same === "\u00a0" || same === "\u202f" || same === "\u2009") out += " ";
    else out += same;
  }
  return out;
}

/** Abbreviations after which a full stop ends no sentence. */
const ABBREVIATIONS = new Set(
  "mr mrs ms dr prof st ave no nr approx vs etc inc ltd jr sr e.g i.e z.b bzw ca mme mlle sra sto".split(" "),
);

const BULLET = /^[ \t]*(?:[-*•–—·]|\(?\d{1,2}[.)]|\(?[a-z][.)])[ \t]+/i;

/** Sentences, lines and list entries, trimmed, none empty. */
export function sentences(text: string): Span[] {
  const found: Span[] = [];
  const add = (from: number, to: number): void => {
    let start = from;
    let end = to;
    while (start < end && isBlank(text.charCodeAt(start))) start++;
    while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
    const bullet = BULLET.exec(text.slice(start, Math.min(end, start + 8)));
    if (bullet) start += bullet[0].length;
    if (start < end) found.push({ text: text.slice(start, end), start, end });
  };
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const ch = text.charCodeAt(i);
    if (ch === 10 || ch === 13) {
      add(from, i);
      from = i + 1;
    } else if (ch === 59 /* ; */ || ch === 0x3002 || ch === 0x2028) {
      add(from, i);
      from = i + 1;
    } else if (ch === 46 || ch === 33 || ch === 63 /* . ! ? */) {
      let j = i;
      while (j + 1 < text.length && ".!?".includes(text[j + 1]!)) j++;
      while (j + 1 < text.length && "\"')”’".includes(text[j + 1]!)) j++;
      const next = text.charCodeAt(j + 1);
      const last = j + 1 >= text.length;
      if ((last || isBlank(next)) && !(ch === 46 && i === j && abbreviationBefore(text, i, from))) {
        add(from, j + 1);
        from = j + 1;
      }
      i = j;
    }
  }
  add(from, text.length);
  return found;
}

function abbreviationBefore(text: string, dot: number, from: number): boolean {
  let start = dot;
  while (start > from && dot - start < 6 && !isBlank(text.charCodeAt(start - 1))) start--;
  const word = text.slice(start, dot).toLowerCase();
  // "1." at the start of a line is a list number; initials are one letter.
  return ABBREVIATIONS.has(word) || (/^\d{1,2}$/.test(word) && text.slice(from, start).trim() === "");
}

function isBlank(code: number): boolean {
  return (
    code === 32 ||
    (code >= 9 && code <= 13) ||
    code === 0xa0 ||
    code === 0x202f ||
    code === 0x2009 ||
    code === 0x3000 ||
    code === 0x200b ||
    code === 0xfeff
  );
}

const STOP_WORDS: ReadonlySet<string> = new Set(
  (
    "a about above after again all also although always am an and any anybody anyone anything are aren't as at be because been " +
    "before being below both but by can can't cannot could couldn't did didn't do does doesn't doing don't done down during each " +
    "either else ever every few for from further get gets getting give go going gonna got had hadn't has hasn't have haven't " +
    "having he her here hers him his how i i'd i'll i'm i've if in into is isn't it it's its itself just know let let's like " +
    "make many may maybe me might mine more most much must my myself need needs no nor not now of off on once one only or other " +
    "our ours out over own per perhaps please really same see she should shouldn't since so some somebody someone something " +
    "still such sure take tell than thank thanks that that's the their them then there there's these they thing things think " +
    "this those though through to too try two under until up upon us use very want wants was wasn't we well were weren't what " +
    "what's when where where's which while who whom whose why will with won't would wouldn't yes yet you your yours " +
    "hi hello hey dear ok okay help " +
    // German, French, Spanish, Dutch: the commonest
    "ich du er sie es wir ihr der die das den dem ein eine einen einem einer und oder aber nicht kein keine mit von zu im in am " +
    "auf fur ist sind war habe hat haben bitte mein meine meinen meiner wie was wo wann warum kann konnen mochte noch auch wenn " +
    "je tu il elle nous vous ils elles le la les un une des du de et ou mais ne pas avec pour dans sur est sont ai avez mon ma " +
    "mes votre vos que qui comment bonjour merci svp " +
    "yo el ella los las una unos y o pero no con por para en es son mi mis su que como donde cuando puedo quiero hola gracias " +
    "ik jij hij wij zij het een en of maar niet geen met van voor op mijn uw dat dit wat hoe waar kan wil graag"
  ).split(" "),
);

export function isStopWord(folded: string): boolean {
  return STOP_WORDS.has(folded);
}

/** Content words in lower case, in order, without repetition. Numbers of one or two digits are left out. */
export function contentWords(text: string, limit = 40): string[] {
  const seen = new Set<string>();
  for (const word of words(text)) {
    const folded = fold(word.text);
    if (folded.length < 2 || STOP_WORDS.has(folded) || /^\d{1,2}$/.test(folded)) continue;
    seen.add(folded);
    if (seen.size >= limit) break;
  }
  return [...seen];
}
