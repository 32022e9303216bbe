/** Terms of a text for lexical search: words in lower case, without diacritics, stop words left out, stemmed. */
import { stem } from "./stemmer.ts";

/** What a word may lie in; most are a word as they are. */
const RUN = /[a-z0-9'\u0080-\uffff]+/g;
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

/** Terms by run, `""` where it says nothing: the same few thousand come again and again. */
const known = new Map<string, string>();
const MOST_KNOWN = 50_000;

/** Terms in order of appearance, repeated ones repeated. A text of stop words only keeps them. */
export function terms(text: string): string[] {
  const runs = text.toLowerCase().match(RUN) ?? [];
  const content: string[] = [];
  for (const run of runs) {
    const term = known.get(run);
    if (term === undefined) content.push(...learnt(run));
    else if (term !== "") content.push(term);
  }
  return content.length > 0 ? content : runs.flatMap(wordsOf).map(stemmed);
}

function learnt(run: string): string[] {
  const content = wordsOf(run).filter((word) => !STOP_WORDS.has(word));
  const found = content.map(stemmed);
  if (found.length <= 1) {
    if (known.size >= MOST_KNOWN) known.clear();
    // Copies: what is cut out of a text would keep all of it in memory.
    known.set(copied(run), copied(found[0] ?? ""));
  }
  return found;
}

function wordsOf(run: string): string[] {
  const folded = run.normalize("NFKD").replace(MARKS, "");
  return (folded.match(WORD) ?? []).map((word) => word.replace(/['’]s$/, "").replace(/['’]/g, ""));
}

function stemmed(word: string): string {
  return stem(IRREGULAR.get(word) ?? word);
}

function copied(text: string): string {
  return Buffer.from(text).toString();
}
