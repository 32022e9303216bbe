/** Whether a message says yes or no to what was asked before it. */
import { plain, sentences } from "../text.ts";

const START =
  "^[\\s\"'(*_>-]*(?:(?:oh|ah|um|uh|hm+|well|so|and|thanks|thank you|great|perfect|fine|cool|good|ok|okay|alright|all right|hi|hello)[,.! -]+){0,3}";
const END = "(?![\\p{L}\\p{N}])";

/** At the start of a clause. */
const YES_LEAD = new RegExp(
  `${START}(?:yes+|yeah+|yea|yep|yup|yess+|ya|y|aye|sure|sure thing|of course|certainly|absolutely|definitely|indeed|correct|right|exactly|affirmative|agreed|confirmed|approved|confirm|i confirm|i agree|i approve|i authori[sz]e|go ahead|go for it|do it|do that|please do|please proceed|proceed|please go|please go ahead|please continue|continue|let's do (?:it|that)|let's go|why not|by all means|that(?:'s| is) (?:right|correct|fine|good|ok|okay|great|perfect|it|me|the one)|that works|works for me|sounds (?:good|great|fine|perfect|right)|looks (?:good|great|fine|right|correct)|all good|fine by me|fine with me|i do|i would|i'd like that|i'd love (?:that|to)|i am|please|ja+|jawohl|jep|jo|genau|richtig|klar|gerne|gern|natürlich|in ordnung|einverstanden|stimmt|passt|bitte|oui|ouais|d'accord|bien sûr|tout à fait|exact|exactement|parfait|allez-y|sí|si|claro|por supuesto|vale|de acuerdo|correcto|exacto|adelante|jazeker|zeker|prima|akkoord|klopt|graag|doe maar)${END}`,
  "iu",
);
const NO_LEAD = new RegExp(
  `${START}(?:no+|nope|nah+|naw|n|never|not (?:yet|now|really|at all|quite|today|that one|this one|right|correct)|no (?:thanks|thank you|way|need)|not|negative|don't|do not|please don't|please do not|i don't (?:want|think|need|agree|like)|i do not (?:want|think|need|agree)|i didn't|i did not|i won't|i will not|i wouldn't|i would not|i'd rather not|i would rather not|absolutely not|definitely not|certainly not|of course not|that(?:'s| is)(?: not|n't) (?:right|correct|it|me|what|the)|that(?:'s| is) (?:wrong|incorrect|false)|wrong|incorrect|never ?mind|forget it|cancel that|stop|leave it|nein|nee|nö|niemals|lieber nicht|nicht|falsch|auf keinen fall|non|pas (?:du tout|maintenant|encore)|jamais|incorrecto|para nada|nunca|tampoco|liever niet|niet)${END}`,
  "iu",
);
/** "no" that declines nothing. */
const NO_BUT_FINE =
  /^[\s"'(*_>-]*(?:no (?:problem|worries|prob|rush|issue|issues|hurry|objections?|doubt)|not a problem|kein problem|pas de (?:problème|souci)|sin problema|geen probleem)/iu;
/** "yes" that agrees to nothing, "right" and "please" that lead a request. */
const YES_BUT_NOT =
  /^[\s"'(*_>-]*(?:right (?:now|away|after|before)|sure (?:if|whether|about)|please (?!(?:do|proceed|go|continue|confirm)(?![\p{L}]))\p{L}|bitte \p{L}{3,}|i (?:do|am|would) (?:not|n't|\p{L})|correct (?:the|my|it|this)|continue (?:to|with) (?:have|be)|y (?:\p{L})|si (?:je|vous|on|c'est|le|la|tu)|exact(?:ly)? (?:when|what|how|where)|fine (?:print)|confirm (?:whether|if|that you|when|what|which|how))/iu;
/** An agreement only when nothing but courtesy follows. */
const ALONE =
  /^[\s"'(*_>-]*(?:ok+|okay|k|alright|all right|fine|perfect|great|cool|deal)[\s,.!]*(?:thanks|thank you|please|then|danke|merci|gracias)?[\s.!]*$/iu;
/** Anywhere in a sentence that asks nothing. */
const YES_WITHIN =
  /(?<!not |n't |before you |if you |then )(?<![\p{L}])(?:(?:please|you can|you may|feel free to|kindly) (?:go ahead|proceed|do (?:it|so|that)|process it|submit it|continue)|go ahead (?:and|with)|i (?:hereby )?(?:confirm|authori[sz]e|approve|agree)(?! (?:if|whether))|yes please|sounds good|looks good|looks right|that works|works for me|that's (?:fine|correct|right|perfect)|bitte (?:machen|fortfahren)|einverstanden|allez-y|adelante)(?![\p{L}])/iu;
const NO_WITHIN =
  /(?<![\p{L}])(?:(?:please )?(?:don't|do not) (?:do (?:it|that)|proceed|go ahead|cancel|submit|process|change)|i(?:'d| would) rather not|i (?:changed|have changed|'ve changed) my mind|hold off|on second thought|never ?mind|no thanks|no thank you)(?![\p{L}])/iu;
/** A change of mind: what follows counts. */
const CORRECTION =
  /(?<![\p{L}])(?:wait|actually|hold on|sorry|i mean|scratch that|on second thoughts?|correction|moment|halt|doch)[,.!… -]+(?=.)/giu;

/** `null` when it says neither, or both without a last word. */
export function yesNo(text: string): "yes" | "no" | null {
  if (text.length === 0) return null;
  // The answer is near the beginning or in a sentence of its own; a long message is read as far as its 40th sentence.
  const list = sentences(text.length > 6000 ? text.slice(0, 6000) : text).slice(0, 40);
  if (/^\s*(?:👍|👌|✅|✔️?|💯)/u.test(text)) return "yes";
  if (/^\s*(?:👎|❌|✖️?|🚫)/u.test(text)) return "no";
  let led: "yes" | "no" | null = null;
  let within: "yes" | "no" | null = null;
  for (const [index, sentence] of list.entries()) {
    const whole = plain(sentence.text);
    const question = /\?\s*$/.test(whole);
    let clause = whole;
    let corrected = false;
    for (const m of whole.matchAll(CORRECTION)) {
      const rest = whole.slice(m.index + m[0].length);
      if (polarity(rest)) {
        clause = rest;
        corrected = true;
      }
    }
    const lead = polarity(clause);
    const bare = clause.replace(/[^\p{L}]+/gu, "").length <= 5;
    if (lead && (!question || bare || index === 0 ? leadCounts(clause, question) : false)) {
      if (led === null || corrected) led = lead;
    }
    if (!question && within === null)
      within = NO_WITHIN.test(whole) ? "no" : YES_WITHIN.test(whole) ? "yes" : null;
  }
  return led ?? within;
}

/** A question is an answer only where it starts with a plain yes or no: "Yes, can you also …?". */
function leadCounts(clause: string, question: boolean): boolean {
  return (
    !question ||
    /^[\s"'(*_>-]*(?:yes|yeah|yep|yup|sure|no|nope|nah|ja|nein|oui|non|sí|si|nee)[\s,.!;:—-]/iu.test(clause)
  );
}

function polarity(clause: string): "yes" | "no" | null {
  if (NO_BUT_FINE.test(clause)) {
    const rest = clause.replace(NO_BUT_FINE, "").replace(/^[\s,.!;:-]+/, "");
    return rest ? polarity(rest) : null;
  }
  if (/^[\s"'(*_>-]*(?:yes and no|yes or no|ja und nein|oui et non)/iu.test(clause)) return null;
  if (NO_LEAD.test(clause)) return "no";
  if (ALONE.test(clause)) return "yes";
  if (YES_LEAD.test(clause) && !YES_BUT_NOT.test(clause)) return "yes";
  return null;
}
