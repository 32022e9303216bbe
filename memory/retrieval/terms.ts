/** Terms of a text for lexical search: words in lower case, without diacritics, stop words left out, stemmed. */
import { LRUCache } from "lru-cache";
import { stem } from "./stemmer.ts";

const WORD = /[\p{L}\p{N}]+(?:['’][\p{L}]+)*/gu;
const MARKS = /\p{M}+/gu;

/** Words that say how a sentence is built, not what it is about. */
const STOP_WORDS = new Set(
  (
    "a about after again all also am an and any are as at be because been before being but by can could did do does " +
    "doing for from had has have having he her here hers him his how i if in into is it its just let me more most my " +
    "no nor not now of off on once only or other our out over own please same she should so some such than that the " +
    "their them then there these they this those through to too under until up very was we were what when where which " +
    "while who whom why will with would you your im ive id ill youre theres thats whats dont doesnt didnt cant isnt " +
    "wasnt arent wont"
  ).split(" "),
);

/** Forms of one word that suffixes do not show, among them those that every support desk hears. */
const IRREGULAR = new Map(
  Object.entries({
    deliver: "delivery deliveries",
    pay: "paid payment payments",
    ship: "shipment shipments",
    send: "sent",
    buy: "bought",
    break: "broke broken",
    lose: "lost loss",
    choose: "chose chosen choice choices",
    get: "got gotten",
    begin: "began begun",
    forget: "forgot forgotten",
    keep: "kept",
    give: "gave given",
    take: "took taken",
    tell: "told",
    write: "wrote written",
    withdraw: "withdrew withdrawn withdrawal withdrawals",
    complain: "complaint complaints",
    refuse: "refusal",
    person: "people",
    child: "children",
  }).flatMap(([base, forms]) => forms.split(" ").map((form) => [form, base] as const)),
);

/** The same few thousand words come again and again. */
const stems = new LRUCache<string, string>({ max: 20_000 });

/** Terms in order of appearance, repeated ones repeated. A text of stop words only keeps them. */
export function terms(text: string): string[] {
  const all = wordsOf(text);
  const content = all.filter((word) => !STOP_WORDS.has(word));
  return (content.length > 0 ? content : all).map(stemmed);
}

function wordsOf(text: string): string[] {
  const folded = text.toLowerCase().normalize("NFKD").replace(MARKS, "");
  return (folded.match(WORD) ?? []).map((word) => word.replace(/['’]s$/, "").replace(/['’]/g, ""));
}

function stemmed(word: string): string {
  const known = stems.get(word);
  if (known !== undefined) return known;
  const fresh = stem(IRREGULAR.get(word) ?? word);
  stems.set(word, fresh);
  return fresh;
}
