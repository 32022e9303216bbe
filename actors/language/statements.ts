/**
 * Sentences of a model that state something without a number, a date or a state in it ("Your parcel has left our
 * warehouse"): they have to be made of what the evidence is made of. Pure.
 */
import { terms } from "../../memory/retrieval/terms.ts";
import { plain, type Span, sentences } from "./text.ts";
import type { Fact } from "./types.ts";

/** Share of a sentence's content words that one text of the evidence has to hold. */
const HELD = 0.5;
/** A fact that the evidence holds speaks for its sentence like so many words. */
const FACT = 2;
/** Fewer words that nobody holds are a turn of phrase. */
const UNHELD = 2;

/** Politeness states nothing. */
const POLITE = new Set(
  terms(
    "sorry thank thanks happy glad help hope feel free welcome question questions ask patience understand understanding apologise " +
      "apologize apologies inconvenience anything else know let contact look looking forward great wonderful good day hear reply answer",
  ),
);
const SHIPMENT = "orders?|parcels?|packages?|deliver(?:y|ies)|shipments?|replacements?|items?|driver|courier";
/** What has come of this customer's order: a record may say so, an article about orders may not. */
const SPECIFIC = new RegExp(
  `(?<![\\p{L}])(?:(?:your|the|this|that|both|all) (?:\\p{L}+ ){0,2}(?:${SHIPMENT})(?: [\\p{L}\\p{N}#]+){0,2}?|it|they) (?:is|are|has|have|had|was|were|will|should|left|arrives?|comes?)(?![\\p{L}])`,
  "iu",
);
const DONE =
  /(?<![\p{L}])(?:i|we)(?:'ve| have| had| just| already)(?: (?:just|already|now|also|since))* (?!to |a |an |no |the |any |many |some |several )\p{L}+/iu;
/** Said of what may be, not of what is. */
const GENERAL =
  /(?<![\p{L}])(?:if|when|once|after|before|until|unless|whenever|as soon as|as long as)(?![\p{L}])/iu;

/**
 * Sentences that no text of the evidence holds.
 * @param facts of the text: each is checked for itself and counts as a held word here
 */
export function unheldStatements(
  text: string,
  facts: readonly Fact[],
  evidence: readonly { readonly text: string; readonly record: boolean }[],
): Fact[] {
  const known = evidence.map((e) => ({ record: e.record, words: new Set(terms(e.text)) }));
  const found: Fact[] = [];
  for (const sentence of sentences(text)) {
    if (sentence.text.endsWith("?")) continue;
    const within = facts.filter((f) => f.start >= sentence.start && f.start < sentence.end);
    const words = contentOf(sentence, within);
    if (words.length === 0) continue;
    const specific = isSpecific(sentence.text);
    const scope = specific ? known.filter((k) => k.record) : known;
    const held = Math.max(0, ...scope.map((k) => words.filter((word) => k.words.has(word)).length));
    const share = (held + FACT * within.length) / (words.length + FACT * within.length);
    const unheld = words.length - held;
    if (share >= HELD || (unheld < UNHELD && !(specific && held === 0))) continue;
    const { start, end } = sentence;
    found.push({ kind: "statement", value: words.join(" "), text: sentence.text, start, end });
  }
  return found;
}

function isSpecific(sentence: string): boolean {
  const low = plain(sentence);
  const at = SPECIFIC.exec(low)?.index ?? DONE.exec(low)?.index;
  return at !== undefined && !GENERAL.test(low.slice(0, at));
}

/** Words of a sentence without its facts and its politeness. */
function contentOf(sentence: Span, facts: readonly Fact[]): string[] {
  let rest = "";
  let from = sentence.start;
  const take = (to: number): void => {
    rest += ` ${sentence.text.slice(from - sentence.start, Math.max(from, to) - sentence.start)}`;
  };
  for (const fact of facts) {
    take(fact.start);
    from = Math.max(from, fact.end);
  }
  take(sentence.end);
  // Stop words alone state nothing, but `terms` keeps them then.
  const content = terms(`${rest} ${ANCHOR}`);
  return [...new Set(content)].filter((word) => word !== ANCHOR_TERM && !POLITE.has(word));
}

/** No word of any language: with it no text is made of stop words only. */
const ANCHOR = "zzanchorzz";
const [ANCHOR_TERM] = terms(ANCHOR);
