/** Articles, facts and questions of the bench: from a seed, and varied enough that their vectors lie as those of real ones do. */
import { Random } from "../rehydration/random/random.ts";
import {
  CARRIERS,
  CAUSES,
  FACT_KINDS,
  PEOPLE,
  PLACES,
  PRODUCTS,
  QUALITIES,
  SUBJECTS,
  TIMES,
} from "./words.ts";

export interface BenchArticle {
  readonly title: string;
  /** Markdown; each section is one passage. */
  readonly text: string;
}

export interface BenchFact {
  readonly type: string;
  readonly text: string;
}

/** Sentences of articles. What stands in braces is drawn. */
const SENTENCES = (
  "To {do} with a {quality} {product}, have {thing} at hand before you write to us.|" +
  "If {cause}, {person} decides {time}, and {person} tells you in writing.|" +
  "In {place} this is done by {person}; everywhere else {carrier} sees to it.|" +
  "A {product} is left out of this rule, unless {cause}.|" +
  "Up to {n} pieces of the {product} go in one box; more than that comes by {carrier} {time}.|" +
  "We charge {n} euros where {cause}, and nothing where {thing} was with it from the start.|" +
  "Please do not open the {product} before {person} has looked at it, because {cause} more often than one thinks.|" +
  "Whoever wants to {do} {time} needs {thing} and an identity card.|" +
  "{Thing} is valid for {n} days; after that ask {person} for another one.|" +
  "When {cause} and {cause}, both are noted under the same number.|" +
  "Customers from {place} may {do} at the counter, {time} only.|" +
  "For a {quality} {product} allow {n} days longer, as {carrier} calls in {place} first.|" +
  "It is enough to say that {cause}: nobody has to send in a {product} for that.|" +
  "{Person} keeps {thing} for {n} months and then destroys it.|" +
  "The {product} and the {product} count as one order when they were paid together {time}.|" +
  "Should {person} not answer {time}, write to the branch in {place} and mention {thing}.|" +
  "An exception holds for the {quality} {product} that was sold in {place} {time}.|" +
  "Before you {do}, photograph the {product} from {n} sides, above all where {cause}.|" +
  "{Carrier} brings the {product} to the door, not up the stairs; {person} can arrange more for {n} euros.|" +
  "We have learnt that {cause} when a {product} is stored next to a {product}, so keep them apart."
).split("|");

const QUESTIONS = (
  "how do I {do}, it is a {quality} {product} and {cause}|can I {do} {time}|what does it cost when {cause}|" +
  "I live in {place}, who brings the {product}|{cause}, what now|do I need {thing} for the {product}|" +
  "is it true that {person} keeps {thing}|my {product} from {place}: {cause}|how long is {thing} valid|" +
  "does {carrier} come {time}|may two people {do} with one {product}|where is {person} in {place}"
).split("|");

const SENTENCES_A_PASSAGE = [3, 4] as const;

/** @param passages sections of each article */
export function article(seed: string, n: number, passages: number): BenchArticle {
  const random = new Random(`${seed} article ${n}`);
  const subject = random.pick(SUBJECTS);
  const product = random.pick(PRODUCTS);
  const title = `${subject[0]}: ${random.pick(QUALITIES)} ${product}`;
  const text = Array.from({ length: passages }, () => {
    const sentences = Array.from({ length: random.between(...SENTENCES_A_PASSAGE) }, () =>
      filled(random.pick(SENTENCES), random, subject, product),
    );
    return `## ${filled("When {cause} in {place}", random)}\n\n${sentences.join(" ")}`;
  }).join("\n\n");
  return { title, text };
}

export function fact(seed: string, n: number): BenchFact {
  const random = new Random(`${seed} fact ${n}`);
  const [type, texts] = random.pick(FACT_KINDS);
  return { type, text: filled(random.pick(texts), random) };
}

export function question(seed: string, n: number): string {
  const random = new Random(`${seed} question ${n}`);
  return filled(random.pick(QUESTIONS), random);
}

/** Half of the time a product is the one that all is about. */
function filled(text: string, random: Random, subject = random.pick(SUBJECTS), product?: string): string {
  const [, doing, thing] = subject;
  const drawn: Record<string, () => string> = {
    do: () => doing,
    thing: () => (random.chance(0.5) ? thing : random.pick(SUBJECTS)[2]),
    product: () => (product !== undefined && random.chance(0.5) ? product : random.pick(PRODUCTS)),
    quality: () => random.pick(QUALITIES),
    place: () => random.pick(PLACES),
    carrier: () => random.pick(CARRIERS),
    person: () => random.pick(PEOPLE),
    time: () => random.pick(TIMES),
    cause: () => random.pick(CAUSES),
    n: () => String(random.between(2, 90)),
  };
  return text.replace(/\{(\w+)\}/g, (_, name: string) => {
    const word = drawn[name.toLowerCase()]!();
    return name === name.toLowerCase() ? word : word[0]!.toUpperCase() + word.slice(1);
  });
}
