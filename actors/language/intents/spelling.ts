/**
 * Slips of the hand put right: two letters swapped, one missing, one too many. A wrong letter is left alone, since it turns one
 * real word into another too easily ("changed", "charged"); the three others mostly mend, or find the stem of a word.
 */
import { fold, isStopWord } from "../text.ts";

const WORD = /\p{L}+/gu;
const LETTERS = "abcdefghijklmnopqrstuvwxyz";
/** Shorter words are left alone: too many others are near. */
const SWAP_FROM = 4;
const OTHER_FROM = 5;
/** Words of a text that are looked at; a hostile text shall not cost more. */
const LIMIT = 200;

export class Speller {
  readonly #rank: ReadonlyMap<string, number>;

  /** @param known words in lower case, the commonest first. */
  constructor(known: readonly string[]) {
    this.#rank = new Map(known.filter((w) => /^[a-z]{4,}$/.test(w)).map((w, i) => [w, i]));
  }

  correct(text: string): string {
    let seen = 0;
    return text.replace(WORD, (word, at: number) => {
      // Names are written with a capital; at the start of a sentence everything is.
      if (++seen > LIMIT || word.length < SWAP_FROM || (at > 0 && /^\p{Lu}/u.test(word))) return word;
      const folded = fold(word);
      if (!/^[a-z]+$/.test(folded) || this.#rank.has(folded) || isStopWord(folded)) return word;
      return this.#nearest(folded) ?? word;
    });
  }

  #nearest(word: string): string | undefined {
    let best: string | undefined;
    const consider = (candidate: string): void => {
      const rank = this.#rank.get(candidate);
      if (rank !== undefined && (best === undefined || rank < this.#rank.get(best)!)) best = candidate;
    };
    for (let i = 0; i + 1 < word.length; i++) {
      consider(word.slice(0, i) + word[i + 1] + word[i] + word.slice(i + 2));
    }
    if (best !== undefined || word.length < OTHER_FROM) return best;
    for (let i = 1; i <= word.length; i++) {
      consider(word.slice(0, i) + word.slice(i + 1));
      for (const letter of LETTERS) consider(word.slice(0, i) + letter + word.slice(i));
    }
    return best;
  }
}
