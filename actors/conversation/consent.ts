/**
 * What an answer to “Shall I …?” agrees to. A yes that is about something else, or thanks for what was not done yet, must
 * never set anything going. Rules on words, so that each decision can be explained.
 */
import { plain, sentences } from "../language/text.ts";

const DONE =
  "(?:taking care|handling|getting|processing|submitting|setting|sorting|arranging|cancel\\p{L}*|updating|changing|making|moving|completing|finishing|doing|putting|adding|resending|sending|jumping|fixing)";
/** Thanks for something that is taken as done. */
const PRESUMES_DONE = new RegExp(
  `(?<![\\p{L}])(?:thanks|thank you|thank u|thx|appreciate you)(?: (?:so|very|a lot|again|much|you|for|all|just|once more|everyone)){0,4} for (?:\\p{L}+ ){0,2}?${DONE}(?![\\p{L}])`,
  "iu",
);
const CLOSING =
  /(?<![\p{L}])(?:no (?:further|other|more|additional) (?:help|assistance|questions?|changes|requests?)|nothing (?:else|more|further)|don't (?:need|have) any(?:thing)? (?:else|more|other|further)|that(?:'s| is|'ll be| will be| was) (?:all|it|everything)|all set|that(?: should)? covers? (?:everything|what|it|all)|covers everything|no (?:need for )?further|i(?:'m| am) (?:good|done)(?: for now| now)?(?=[.!,]|$))(?![\p{L}])/iu;
const APPRECIATES =
  /(?<![\p{L}])appreciate (?:all )?(?:your|the) (?:help|assistance|patience|support)(?![\p{L}])/iu;
const EXPLICIT =
  /^[\s"'(*_>-]*(?:(?:ok|okay|great|perfect|thanks|thank you)[,.! -]+)?(?:yes|yeah|yep|yup|sure|go ahead|please (?:go ahead|proceed|do)|proceed|confirmed|approved|i (?:confirm|approve|agree|authori[sz]e))(?![\p{L}])/iu;

/**
 * A message that closes the matter from the customer's side: thanks for work done, or “that's all”.
 * @param polite whether thanks for the help are enough
 */
export function isClosing(text: string, polite = true): boolean {
  const said = plain(text);
  const closes = PRESUMES_DONE.test(said) || CLOSING.test(said) || (polite && APPRECIATES.test(said));
  return closes && !saysYes(text);
}

/** Whether a sentence of its own says yes in so many words. */
export function saysYes(text: string): boolean {
  return sentences(plain(text)).some((s) => EXPLICIT.test(s.text));
}

/** A yes that hangs on something. */
const CONDITION =
  /(?<![\p{L}])(?:only if|if (?:yes|so|not|that(?:'s| is) (?:possible|ok|fine)|it(?:'s| is) possible|possible|you can(?:'t| ?not)?)|unless|provided (?:that|you)|on (?:the )?condition|as long as|otherwise (?:keep|leave|don't|do not|cancel))(?![\p{L}])/iu;

/**
 * Whether a yes is plain enough to act on: said in so many words, or in a short message; not one that hangs on a
 * condition, and not one read out of long thanks.
 */
export function isPlainYes(text: string): boolean {
  const said = plain(text);
  const plainly = sentences(said).some((s) => EXPLICIT.test(s.text) && !CONDITION.test(s.text));
  if (CONDITION.test(said) && !plainly) return false;
  return plainly || said.length <= SHORT || !THANKS.test(said);
}
/** Characters of a message in which “great, thanks” is an answer. */
const SHORT = 80;
const THANKS = /(?<![\p{L}])(?:thanks|thank you|thx)(?![\p{L}])/iu;

const KEEP =
  /(?<![\p{L}])(?:(?:keep|leave|let)\b[^.!?;\n]{0,60}?\b(?:as[- ]is|as (?:it|they|that) (?:is|are|was|were|stands?)|the way it is|active|unchanged|untouched|alone|open)|(?:i(?:'ll| will| want to| would like to|'d like to)|let's) keep (?:it|the order|that order|this order|them|my order)(?! in mind))(?![\p{L}])/iu;

const VERBS =
  "cancel\\p{L}*|return(?:ing|s)?|send(?:ing)? (?:it|them|that|anything) back|exchang\\p{L}*|swap\\p{L}*|switch\\p{L}*|chang\\p{L}*|modif\\p{L}*|replac\\p{L}*|refund\\p{L}*|upgrad\\p{L}*|downgrad\\p{L}*|updat\\p{L}*|redirect\\p{L}*|unsubscrib\\p{L}*";
/** “Please don't cancel it after all”, with the rest of its clause. */
const NEGATED = new RegExp(
  `(?<![\\p{L}])(?:(?:there(?:'s| is) )?no (?:need|reason) (?:for (?:me|you) )?to|(?:please |pls )?(?:don't|do not|dont|never)|(?:i |we )?(?:don't|do not|didn't|did not|no longer|won't|will not|wouldn't|would rather not|'d rather not|am not going to|are not going to) ?(?:want|need|wish|plan|intend|going|like)?(?: you)?(?: to)?|hold off on|(?:can't|cannot|can not|couldn't) be|instead of|rather than|not) (?:actually |please |really |just |yet |even )?(?:${VERBS})(?![\\p{L}])[^.!?;,\\n—]*`,
  "giu",
);

/** A text without what the customer says that he does not want done. */
export function withoutNegated(text: string): string {
  return plain(text).replace(NEGATED, " ");
}

const COMMAND = new RegExp(
  `^[\\s"'(]*(?:(?:ok|okay|fine|alright|all right|right|well|then|so|please|just|yes|sure|and)[,.! ]+){0,4}(?:${VERBS}|do|arrange|book|submit|process|end|stop)(?: (?:it|this|that|them|these|those|both|all|the (?:order|return|exchange|subscription|whole order|whole thing)|my (?:order|subscription)))(?: (?:then|please|now|anyway|for me|thanks|thank you|off|back|to that|right away)){0,3}[\\s.!]*$`,
  "iu",
);

/**
 * “Ok, cancel it then” says yes to “Shall I cancel it?”.
 * @param label what was asked about, as a customer reads it
 */
export function commands(text: string, label: string): boolean {
  const said = plain(text);
  if (!COMMAND.test(said)) return false;
  const named = kindsOf(said);
  return named.length === 0 || named.some((kind) => kindsOf(label).includes(kind));
}

/** What a playbook or a sentence does, in kinds of actions. */
const KINDS: Readonly<Record<string, RegExp>> = {
  cancel: /(?<![\p{L}])cancel/iu,
  return:
    /(?<![\p{L}])(?:return(?!s? (?:window|label|instruction|polic|address|email|to me))|send(?:ing)? (?:\p{L}+ ){1,3}back|refund (?:the|my|me)|(?:to )?go back(?! to)|take (?:\p{L}+ ){1,2}back|money back)/iu,
  exchange:
    /(?<![\p{L}])(?:exchang|swap|switch|modif|replac|item change|upgrade|chang(?:e|es|ing) (?!of (?:heart|mind|plan)|my mind|the (?:shipping|delivery)|my (?:address|shipping|delivery)|address))/iu,
  address:
    /(?<![\p{L}])(?:address|ship(?:ped|ping)? (?:it |them )?to|deliver(?:ed)? (?:it |them )?to)(?![\p{L}])/iu,
};

/** Kinds of actions that a text names; none for what is not among them. */
export function kindsOf(text: string): string[] {
  return Object.keys(KINDS).filter((kind) => KINDS[kind]!.test(text));
}

/** Where a text first names one of the kinds; its end when it does not. */
export function placeOf(text: string, kinds: readonly string[]): number {
  const places = kinds.map((kind) => KINDS[kind]!.exec(text)?.index ?? text.length);
  return Math.min(text.length, ...places);
}

/**
 * Whether the customer takes back what is about to be done: “please don't cancel it after all”, “keep it as it is”.
 * @param label what is under way, as a customer reads it: `cancel an order`
 */
export function takesBack(text: string, label: string): boolean {
  const said = plain(text);
  if (KEEP.test(said) && !saysYes(text)) return true;
  const kinds = kindsOf(label);
  const left = withoutNegated(text);
  return [...said.matchAll(NEGATED)].some((m) =>
    kindsOf(m[0]).some((kind) => kinds.includes(kind) && !KINDS[kind]!.test(left)),
  );
}

const ALSO = /,? (?:and|but|plus|then|also)(?= )/iu;

/** Whether the sentences that hold the yes speak of another action than the one that was asked about, and not of that. */
export function agreesToOther(text: string, label: string): boolean {
  const own = kindsOf(label);
  if (own.length === 0) return false;
  const all = sentences(plain(text));
  const yes = all.filter((s) => EXPLICIT.test(s.text));
  // “Yes, go ahead, and also cancel the other one”: what the yes is about stands before the rest.
  const named = kindsOf(yes.map((s) => s.text.split(ALSO)[0]).join(" "));
  if (named.length === 0 || named.some((kind) => own.includes(kind))) return false;
  // “Yes, please do. Also change the address” has its yes in a sentence of its own; a list after it may hold the matter.
  return !kindsOf(withoutNegated(text)).some((kind) => own.includes(kind));
}
