/** Words of names and messages, compared the way people write them: plurals, joined or parted, a letter wrong. */
import { fold, words } from "../../language/text.ts";

/** Singular of an English word, roughly; the same on both sides is what counts. */
export function stem(word: string): string {
  if (word.length <= 3) return word;
  if (word.endsWith("ves")) return `${word.slice(0, -3)}f`;
  if (word.endsWith("ies") && word.length > 4) return `${word.slice(0, -3)}y`;
  if (/(?:s|x|z|ch|sh)es$/.test(word)) return word.slice(0, -2);
  if (word.endsWith("s") && !/(?:ss|us|is)$/.test(word)) return word.slice(0, -1);
  return word;
}

/** Whether one insertion, deletion, substitution or swap of neighbours makes the one word the other. */
export function oneEditApart(a: string, b: string): boolean {
  if (a === b) return true;
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  if (long.length - short.length > 1) return false;
  let i = 0;
  while (i < short.length && short[i] === long[i]) i++;
  if (short.length < long.length) return short.slice(i) === long.slice(i + 1);
  if (short.slice(i + 1) === long.slice(i + 1)) return true;
  return short[i] === long[i + 1] && short[i + 1] === long[i] && short.slice(i + 2) === long.slice(i + 2);
}

/** Shortest word in which a typo is forgiven. */
const TYPO_LENGTH = 5;

/** The words of a message, ready to be asked for words and for neighbours written as one. */
export class Text {
  /** Folded words in order; hyphenated ones are parted. */
  readonly tokens: readonly string[];
  readonly #stems = new Set<string>();
  readonly #long: string[] = [];

  constructor(text: string) {
    this.tokens = tokensOf(text);
    this.tokens.forEach((token, i) => {
      this.#stems.add(stem(token));
      const next = this.tokens[i + 1];
      // "book shelf", "t-shirts": neighbours also count as one word.
      if (next !== undefined) this.#stems.add(stem(token + next));
    });
    for (const s of this.#stems) if (s.length >= TYPO_LENGTH) this.#long.push(s);
  }

  /** Whether the word occurs, in singular or plural, or with one letter wrong after the first. */
  has(word: string): boolean {
    const wanted = stem(word);
    if (this.#stems.has(wanted)) return true;
    if (wanted.length < TYPO_LENGTH || /\d/.test(wanted)) return false;
    return this.#long.some((s) => s[0] === wanted[0] && oneEditApart(s, wanted));
  }

  /** Whether the word occurs exactly as it is (folded). */
  hasExactly(word: string): boolean {
    return this.tokens.includes(word);
  }

  /** Positions at which these words stand one after the other; compares stems of words without digits. */
  positionsOf(wanted: readonly string[]): number[] {
    const positions: number[] = [];
    for (let i = 0; i + wanted.length <= this.tokens.length; i++) {
      if (wanted.every((w, k) => this.tokens[i + k] === w || stem(this.tokens[i + k]!) === stem(w)))
        positions.push(i);
    }
    return positions;
  }
}

/** Folded words; apostrophes vanish (`o'brien` is `obrien`), numbers are parted from nothing (`13-inch` is `13`, `inch`). */
export function tokensOf(text: string): string[] {
  return words(text).map((w) => fold(w.text).replaceAll("'", ""));
}
