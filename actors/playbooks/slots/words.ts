/** Words of messages, as slots are matched by them. English endings only; numbers and codes stay as they are. */

const STOP = new Set(
  (
    "a an the my your our their his her its this that these those it they i you we he she me us them and or but with " +
    "without of for to from in on at by is are was were be been am do does did have has had want wanted would like " +
    "please can could will should need get got just one ones item items order orders product thing things some any all " +
    "not no yes also so if then than as about into out up down over new old other another same instead ordered bought"
  ).split(" "),
);

/** `Mechanical Keyboards,` → `mechanical`, `keyboard`. */
export function words(text: string): string[] {
  return (
    text
      .toLowerCase()
      .normalize("NFKC")
      .match(/[\p{L}\p{N}]+(?:[.'’][\p{L}\p{N}]+)*/gu) ?? []
  ).map(singular);
}

export function contentWords(text: string): string[] {
  return words(text).filter((w) => !STOP.has(w));
}

function singular(word: string): string {
  const w = word.replace(/['’]s?$/, "");
  if (w.length > 4 && w.endsWith("ies")) return `${w.slice(0, -3)}y`;
  if (w.length > 4 && /(?:ch|sh|x|ss)es$/.test(w)) return w.slice(0, -2);
  if (w.length > 3 && w.endsWith("s") && !w.endsWith("ss")) return w.slice(0, -1);
  return w;
}

const EXCEPT =
  /\b(?:every ?thing|every item|all|most|the (?:whole|entire)|the rest)\b[^.!?;\n]{0,80}?\b(?:except(?: for)?|excluding|apart from|aside from|other than|besides|but(?: not)?|without|minus)\s+([^.!?;\n]{2,120})/gi;
const LEFT =
  /\bleav(?:e|ing)\s+([^.!?;\n]{2,80}?)\s+(?:as (?:is|it is|they are)|alone|unchanged|the way)\b/gi;
const KEPT = /\bkeep(?:ing)?\s+(?!the same\b|in mind\b|me\b|an eye\b)([^.!?;\n]{2,120})/gi;
/** What follows is no longer about what is kept. */
const KEPT_ENDS =
  /,?\s+(?:and|but)\s+(?:please\s+)?(?:return|exchange|cancel|refund|send|swap|change|i|then)\b|,\s+with\b|\s[–—-]\s|—/i;
const parts = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map((m) => m[1]!.split(KEPT_ENDS)[0]!);

/** What a text leaves out of all: “everything except the tablet”. */
export function exceptedParts(text: string): string[] {
  return parts(text, EXCEPT);
}

/** What a text says that stays: “keep the lamp”. */
export function keptParts(text: string): string[] {
  return [...parts(text, KEPT), ...parts(text, LEFT)];
}

const EVERYTHING =
  /\b(?:return|exchang|swap|cancel|upgrad|send back|chang|replac|refund|switch|modif)\p{L}*\s+(?:back\s+)?(?:every ?thing|every (?:single )?item|all (?:of )?(?:the |my )?items)\b(?!\s+(?:else|that))/iu;
/** “Upgrade everything in it”: all, although some things are named besides. */
export function wantsEverything(text: string): boolean {
  return EVERYTHING.test(text);
}

/** A text without the marks that people leave out or put in: `T-Shirt` and `t shirt` are both `tshirt`. */
export function squash(text: string): string {
  return words(text).join("");
}

/** Sentences and clauses, in order. */
export function clauses(text: string): string[] {
  return text
    .split(
      /(?<=[.!?;])\s+|\n+|,\s*(?=(?:but|then|also)\b|and\s+(?:also|then|please|i|i['’]\p{L}+|we|you|can|could|would|will|what|how|when|is|are|let|send|cancel|return|exchange|change|refund|swap|replace|switch|modify|update|keep|leave|tell|make|give|use|do|don['’]t)\b)|\s+(?=(?:and also|but also|also,?|and then|and I|but I)\s)/iu,
    )
    .map((c) => c.trim())
    .filter((c) => c !== "");
}

/** The clauses that hold one of the cues, or the whole text when none does. */
export function focus(text: string, cues: readonly string[]): string {
  if (cues.length === 0) return text;
  const wanted = cues.map((c) => ` ${words(c).join(" ")}`);
  const kept = clauses(text).filter((c) => {
    const own = ` ${words(c).join(" ")}`;
    return wanted.some((w) => own.includes(w));
  });
  return kept.length ? kept.join("\n") : text;
}

const ORDINALS: Readonly<Record<string, number>> = {
  first: 0,
  "1st": 0,
  second: 1,
  "2nd": 1,
  third: 2,
  "3rd": 2,
  fourth: 3,
  "4th": 3,
  fifth: 4,
  "5th": 4,
};

/** “the second one”, “option 2”, “3” → its index; undefined when nothing of the kind is said. */
export function ordinal(text: string, length: number): number | undefined {
  const lower = text.toLowerCase();
  const bare = /^\W*(?:(?:option|number|no\.?|nr\.?|the)\s*)?([1-9])\W*$/.exec(lower);
  if (bare && Number(bare[1]) <= length) return Number(bare[1]) - 1;
  const option = /\b(?:option|number)\s+([1-9])\b/.exec(lower);
  if (option && Number(option[1]) <= length) return Number(option[1]) - 1;
  for (const w of lower.match(/[a-z0-9]+/g) ?? []) {
    const index = ORDINALS[w];
    if (index !== undefined && index < length) return index;
  }
  if (/\b(?:the )?(?:last|bottom) (?:one|option)\b/.test(lower)) return length - 1;
  return undefined;
}

const ALL =
  /\b(?:all (?:of (?:them|it|these|those|the items)|(?:the |my )?items|three|four|five)|everything|both (?:of (?:them|these|those)|items|orders)|(?:cancel|return|exchange|replace|refund|send back|want|take) (?:them )?(?:both|all)|the (?:whole|entire|full|complete) (?:order|thing|lot)|each of them)\b|^\W*(?:yes,? )?(?:all|both)(?: please)?\W*$/i;

export function wantsAll(text: string): boolean {
  return ALL.test(text);
}

/** “Both” counts what was named before; it does not say what. */
export function wantsBoth(text: string): boolean {
  return /\bboth\b/i.test(text) && !ALL.test(text.replace(/\bboth\b/gi, " "));
}

const ALL_ORDERS =
  /\b(?:all|any|every|each|both)(?: of)?(?: my| the| our)?(?: other)?(?: (pending|open|active|unshipped|delivered|recent|current))*\s+orders?\b(?! number)/i;

/** “All my pending orders”: every one with that status; without one, all that the playbook is likely about. */
export function allOrders(text: string): { readonly statuses?: readonly string[] } | undefined {
  const found = ALL_ORDERS.exec(text);
  if (!found) return undefined;
  const word = found[1]?.toLowerCase();
  if (word === "delivered") return { statuses: ["delivered"] };
  return word === "pending" ? { statuses: ["pending"] } : {};
}

const LATEST = /\b(?:(?:most recent|latest|newest|last)\b)/i;
export function wantsLatest(text: string): boolean {
  return LATEST.test(text);
}

const OTHER =
  /\b(?:(?:the|my|an|that|is) other (?:one|order)|other order|different (?:one|order)|another order|wrong (?:one|order|number)|not (?:that|this) (?:one|order))\b/i;
/** “no, the other one”. */
export function wantsOther(text: string): boolean {
  return OTHER.test(text);
}

const VERB = /\b(?:exchang\w*|swap\w*|switch\w*|chang\w*|replac\w*|trad\w*)\b/i;

/** “the robotic vacuum for a canister one” → “the robotic vacuum”: what somebody has, without what is wanted for it. */
export function withoutWish(text: string): string {
  return clauses(text)
    .map((clause) => {
      const verb = VERB.exec(clause);
      if (!verb) return clause;
      const from = verb.index + verb[0].length;
      const cut = /\b(?:for|to|into|with)\b/i.exec(clause.slice(from));
      return cut ? clause.slice(0, from + cut.index) : clause;
    })
    .join("\n");
}
