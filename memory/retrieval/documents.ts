/**
 * Which texts of a document are encoded: its title, each passage under its title and nearest heading, and the questions
 * that it is known to answer.
 */
import { type Passage, passagesOf } from "./chunk.ts";

export interface EncodedParts {
  readonly passages: readonly Passage[];
  /** Texts to encode, in the order of the document's vectors. */
  readonly texts: readonly string[];
  /** Passage of each text; undefined for the title and for questions. */
  readonly passageOf: readonly (number | undefined)[];
}

export function partsOf(
  title: string | undefined,
  markdown: string,
  questions: readonly string[] = [],
): EncodedParts {
  const passages = passagesOf(markdown);
  const texts = passages.map(({ headings, text }) =>
    [title, headings.at(-1), text].filter((part, i, all) => part && all.indexOf(part) === i).join(". "),
  );
  const passageOf: (number | undefined)[] = passages.map((_, i) => i);
  if (title) {
    texts.unshift(title);
    passageOf.unshift(undefined);
  }
  texts.push(...questions);
  passageOf.push(...questions.map(() => undefined));
  return { passages, texts, passageOf };
}
