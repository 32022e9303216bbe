/** Which of a few options with labels and words a text names. */
import { contentWords, ordinal, words } from "./words.ts";

export interface OptionLike {
  readonly value: unknown;
  readonly label: string;
  readonly words: readonly string[];
}

/** “No discount” does not choose the discount. */
function denied(said: string, own: string): boolean {
  const before = said.slice(0, said.indexOf(` ${own} `) + 1);
  return /\b(?:no|not|without|skip|don't want|don t want|do not want|don't need|do not need)(?: (?:the|a|an|any|your|that))? $/.test(
    before,
  );
}

/** The options that a text names. With `shown`, “the second one” counts too. */
export function pickOptions(options: readonly OptionLike[], text: string, shown: boolean): OptionLike[] {
  const said = ` ${words(text).join(" ")} `;
  const hits = options
    .map((o) => ({
      o,
      best: Math.max(
        0,
        ...[o.label, ...o.words].map((w) => {
          const own = words(w).join(" ");
          return own !== "" && said.includes(` ${own} `) && !denied(said, own) ? own.length : 0;
        }),
      ),
    }))
    .filter((h) => h.best > 0);
  if (hits.length) {
    const best = Math.max(...hits.map((h) => h.best));
    // The longest reading wins: “pro plus” is not “pro”.
    const winners = hits.filter((h) => h.best === best);
    return winners.length === 1 ? [winners[0]!.o] : hits.map((h) => h.o);
  }
  if (!shown) return [];
  const index = ordinal(text, options.length);
  if (index !== undefined) return [options[index]!];
  const content = new Set(contentWords(text));
  const loose = options.filter((o) => contentWords(o.label).some((w) => content.has(w)));
  return loose;
}
