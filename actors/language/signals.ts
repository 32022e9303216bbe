/**
 * Signals in a message that no intent should have to win against: a wish for a person, anger, thanks, good-bye, and text
 * that talks to the machine. Rules, not learnt: each must be explainable to whoever asks why the desk did what it did.
 */
import { plain, type Span, sentences } from "./text.ts";
import type { Signals } from "./types.ts";

const L = "(?<![\\p{L}\\p{N}])";
const R = "(?![\\p{L}\\p{N}])";

const PERSON =
  "(?:(?:a |an |the |your |another |some |any |one of your |to )?(?:real |live |actual |human |different |senior |customer |service |support |care |sales |human being |team |floor |shift |physical |proper )*(?:person|human|humans|human being|people|agents?|representatives?|reps?|operator|advisor|adviser|colleague|supervisor|manager|specialist|someone|somebody|staff(?: member)?|member of (?:staff|your team|the team)|customer service|team member|employee))";

/** Asks for a person outright. */
const ASKS_PERSON = [
  `${L}(?:talk|speak|chat|talking|speaking|chatting|connected|connect me|connect us|put me through|put me on|patch me|pass me|get me|give me|transfer me|transfer us|transferred|transfer this|transfer the|hand me|hand this|switch me|refer me|escalate (?:this|it|me)|escalated|forward me|forward this|route me|bring in|get|call|reach|contact)(?: (?:over|on|through|directly|now|please|right away|immediately|again))?(?: (?:to|with|over to|through to|for|me))? ${PERSON}${R}`,
  `${L}(?:need|want|prefer|demand|require|request|like|get|i'll take|have)(?: (?:to have|to get|to see|to reach|to contact))? (?:a |an |the |some |your |another )?(?:real |live |actual |human |different |senior |customer |service |support )*(?:person|human|human being|human help|human support|human assistance|agent|representative|rep|operator|supervisor|manager)${R}`,
  `^[\\s"'(]*(?:please )?(?:a )?(?:real |live |actual |human |customer |service |support )*(?:human|person|agent|representative|rep|operator|supervisor|manager)(?: please| now| pls)?[\\s.!]*$`,
  `${L}(?:is there|are there|can i have|could i have|may i have|can someone|could someone|can somebody|could somebody|have someone|have somebody|let someone|ask someone)(?: (?:anyone|anybody|someone|somebody))? ?(?:${PERSON}|call me|ring me|phone me|contact me|reach out|get back to me|(?:i can|to) (?:talk|speak))${R}`,
  `${L}(?:transfer|escalate)(?: (?:me|this|it|us|my case))?(?: please| now)?[.!]*$`,
  `${L}(?:(?:someone|somebody|a person|person|human|agent) (?:real|human|in charge)|call me back|human (?:please|now|agent|support|being please))${R}`,
  `${L}(?:mit (?:einem |einer )?(?:menschen|mitarbeiter(?:in)?|person|kundenberater|berater|jemandem)|(?:einen|echten) (?:menschen|mitarbeiter|berater))${R}`,
  `${L}(?:parler|discuter|échanger|demander|transférer) (?:à|avec) (?:un |une |quelqu'un|des )?(?:humain|personne|conseiller|conseillère|agent|vrai)?`,
  `${L}(?:hablar|comunicar\\p{L}*|pas[ae]\\p{L}*) con (?:una? )?(?:persona|humano|agente|alguien|asesor|operador)`,
  `${L}(?:iemand|een (?:mens|medewerker|persoon)) (?:spreken|aan de lijn)|met een (?:mens|medewerker|persoon) (?:spreken|praten)`,
].map((source) => new RegExp(source, "iu"));

/** Such a sentence mentions a person without asking for one now. */
const DECLINES_PERSON = new RegExp(
  `${L}(?:(?:do not|don't|dont|didn't|did not|no need to|not|never|rather not|without|instead of|rather than|before you|avoid|wouldn't|won't|no)(?: \\p{L}+'?\\p{L}*){0,6} (?:talk|speak|speaking|talking|chat|transfer\\p{L}*|escalat\\p{L}*|connect\\p{L}*|human|person|agent|representative|anyone|someone)|(?:no|not) (?:a )?(?:human|person|agent|representative)s?)${R}`,
  "iu",
);
const IN_PASSING = new RegExp(
  `${L}(?:(?:i )?(?:already |just |previously |have |had |last \\p{L}+ )*(?:spoke|talked|chatted|was transferred|were transferred|was connected|had spoken)|(?:the|your|a|an|one|last|previous|another) (?:\\p{L}+ )?(?:agent|representative|rep|person|human|colleague|manager|supervisor) (?:i (?:spoke|talked)|said|told|promised|was|had|did|assured|hung|never|would|could not)|(?:are|am|is) (?:you|i|this|it)(?: really| actually| talking to| speaking (?:to|with)| chatting with)? (?:a |an )?(?:real |live |actual )?(?:human|person|bot|robot|machine|agent)|delivery (?:person|agent|man)|(?:person|someone|somebody) (?:else )?(?:stole|took|signed|used|opened|left|delivered|ordered))`,
  "iu",
);
/** "If you cannot, transfer me": a wish for later. */
const CONDITIONAL = new RegExp(
  `${L}(?:if (?:(?:you|we|they)(?! (?:can|could|would|will|may|might) (?:please |just |kindly )?(?:transfer|connect|put|get|let|escalate|have))|that|this|it|not|there|the|none|neither)(?:'s|'re)?${R}|(?:or|otherwise|unless|in case)${R})`,
  "iu",
);

const THANKS = new RegExp(
  `${L}(?:thanks|thank you|thank u|thankyou|thx|tnx|ty|cheers|much appreciated|appreciate (?:it|that|your|the)|grateful|danke|dankeschön|vielen dank|merci|gracias|bedankt|dank (?:je|u))${R}`,
  "iu",
);
const GOODBYE = new RegExp(
  `${L}(?:good ?bye|bye(?: bye)?|see (?:you|ya)(?: later)?|have a (?:good|great|nice|lovely|wonderful) (?:day|one|evening|weekend|night|afternoon|rest)|take care|talk (?:to you )?later|so long|farewell|cya|that(?:'s| is| was| will be|'ll be) (?:all|it|everything)(?: (?:i need(?:ed)?|for (?:now|today)|thanks?|thank you|from me))|nothing else(?: needed| thanks| thank you|\\.|$)|i(?:'m| am) (?:all set|done here)|auf wiedersehen|tschüss|tschüß|ciao|au revoir|à bientôt|adiós|adios|hasta luego|tot ziens|doei)${R}`,
  "iu",
);
const GREETING = new RegExp(
  `^[\\s"'(]*(?:hi+|hello+|hey+|hiya|howdy|yo|greetings|good (?:morning|afternoon|evening|day)|morning|evening|dear (?:sir|madam|team|support|customer)|hallo|guten (?:tag|morgen|abend)|moin|servus|bonjour|bonsoir|salut|coucou|hola|buenos días|buenos dias|buenas (?:tardes|noches)|buenas|goedemorgen|goedemiddag|goedenavond|goedendag)${R}`,
  "iu",
);
const STOP =
  /^[\s"'(]*(?:(?:ok|okay|please|no|wait|actually|oh|sorry)[,. ]+){0,2}(?:stop(?: it| that| this| please| now| here)?|never ?mind(?: that| then| it)?|forget (?:it|that|about it|this)|leave it(?: be)?|drop it|scrap that|quit|exit|abort|cancel(?: this| that)?(?: request| process)?|i changed my mind|i(?:'ve| have) changed my mind|start over|let's start over|abbrechen|vergiss es|vergessen sie es|stopp|halt|laissez tomber|oubliez|olvídalo|olvidalo|déjalo|laat maar|stoppen)(?: please| thanks| thank you| then| danke| bitte)?[\s.!,]*$/iu;

const ANGER = new RegExp(
  `${L}(?:angry|furious|livid|outraged|fuming|pissed(?: off)?|enraged|infuriat\\p{L}*|fed up|sick (?:of|and tired)|had enough|unacceptable|outrageous|ridiculous|disgrac\\p{L}*|disgust\\p{L}*|pathetic|appalling|atrocious|scam(?:mers?|med)?|rip-?off|fraud(?:sters?|ulent)?|thie(?:f|ves)|liars?|lying|incompetent|useless|worthless|garbage|bullshit|bs|crap(?:py)?|damn|goddamn|f+u+c+k\\p{L}*|shit\\p{L}*|wtf|idiots?|stupid|morons?|joke of a|what a joke|this is a joke|worst (?:\\p{L}+ ){0,2}(?:ever|service|company|experience|shop|store|support)|terrible (?:service|experience|company|support)|horrible (?:service|experience|company|support)|awful (?:service|experience|company|support)|never (?:order|buy|shop)\\p{L}* (?:from you|here|with you|anything)|(?:my|our) lawyer|sue you|legal action|take you to court|report you|better business bureau|trading standards|waste of (?:time|money)|wasted? my time|how (?:dare|many times|hard can|difficult)|for the (?:third|fourth|fifth|tenth|last|hundredth|\\d+th) time|again and again|do your job|wütend|sauer|unverschämt|frechheit|inakzeptabel|betrug|betrüger|scheiße|scheisse|inacceptable|scandaleux|arnaque|voleurs|merde|furieux|furieuse|inaceptable|vergüenza|estafa|ladrones|mierda|furioso|furiosa|belachelijk|schandalig|oplichters|woedend)${R}`,
  "iu",
);
const NOT_ANGRY = new RegExp(`${L}(?:not|n't|never|isn't|wasn't|no) (?:\\p{L}+ ){0,2}$`, "iu");
const SHOUTED = /[!?]{3,}/;

/** Instructions to the machine behind the desk. */
const INJECTION = [
  `${L}(?:ignore|disregard|forget|override|bypass|skip|neglect|do not follow|don't follow|stop following|pay no attention to)(?! (?:my|our|this|that) )(?: \\p{L}+){0,3} (?:(?:previous|prior|above|earlier|preceding|existing|original|initial|system|safety|all|any|your|the|these|those|my last|former)[\\s,]+(?:and \\p{L}+ )?){1,4}(?:instructions?|prompts?|rules?|guidelines?|directions?|commands?|programming|training|constraints?|restrictions?|polic(?:y|ies)|context|messages?|text|filters?|guardrails?)${R}`,
  `${L}(?:forget|ignore|disregard) (?:everything|anything|all)(?: that)?(?: (?:you (?:were|have been|know|'ve been)|above|before|said|told|i said|written))`,
  `${L}(?:system|hidden|initial|secret|internal|original|developer|pre) ?-?prompts?${R}`,
  `${L}(?:reveal|show|print|repeat|output|display|tell me|give me|leak|dump|share|expose|disclose|recite|what (?:are|is|were))(?: \\p{L}+){0,4} (?:your|the|its) (?:\\p{L}+ ){0,2}(?:instructions|prompt|guidelines you|programming|system message|configuration|source code|rules you|initial message|training data|api key|secret key|credentials)${R}`,
  `${L}you (?:are|will be) (?:now|no longer|henceforth|from now on)(?: on)?[, ]+(?!able|welcome|going|connected|talking|speaking|ready|verified|out|being|at|in)(?:\\p{L}|a |an |the )`,
  `${L}(?:from now on|henceforth|for the rest of this (?:chat|conversation))[, ]+(?:you (?:are|will|must|should|act|respond|answer|have|can)|act|respond|answer|always|only)`,
  `${L}(?:act|behave|respond|answer|pretend|roleplay|role-play|role play|pose|simulate|imagine)(?: \\p{L}+){0,3} (?:as|like|to be|that you are|you're|you are) (?:if you (?:are|were|have)|an? (?:unrestricted|unfiltered|uncensored|evil|amoral|jailbroken|different|\\p{L}+ (?:ai|model|bot|assistant))|dan|my (?:grand\\p{L}+|deceased)|(?:the )?(?:system|administrator|admin|developer|root))`,
  `${L}(?:jail ?break(?:ed|ing)?|dan mode|do anything now|developer mode|debug mode|god mode|sudo mode|admin(?:istrator)? mode|maintenance mode|unrestricted mode|no restrictions|without (?:any )?(?:restrictions|filters|limitations|censorship)|uncensored|unfiltered|stay in character|break character|never break character)${R}`,
  `${L}(?:new|updated|following|real|actual|special) (?:system )?(?:instructions?|directives?|orders?) ?(?::|are:|from (?:the )?(?:system|developer|admin|openai|management))`,
  `(?:^|\\n)\\s*(?:#{1,6}\\s*)?(?:system|assistant|developer|\\[system\\]|<system>|\\[inst\\]|### ?(?:instruction|system|response))\\s*(?::|>|\\]|\\n)`,
  `<\\|?(?:im_start|im_end|system|endoftext|begin_of_text|start_header_id|eot_id)\\|?>|\\[/?INST\\]|<</?SYS>>|\\{\\{[^}]{0,80}(?:system|prompt|secret|env)[^}]{0,80}\\}\\}`,
  `${L}(?:as|you(?:'re| are)) (?:an? )?(?:ai|large) (?:language )?model[, ]+(?:you (?:must|should|can|will|have to|are required)|please|ignore)`,
  `${L}(?:i am|i'm|this is|speaking as) (?:your|the) (?:developer|creator|programmer|administrator|admin|system administrator|engineer|owner of this (?:bot|system)|openai)${R}`,
  `${L}(?:grant|give) (?:me|yourself) (?:full |admin |root |unlimited |administrator ){1,3}(?:access|rights|privileges|permissions?)`,
  `${L}(?:execute|run|call|invoke|eval) (?:the |this |a )?(?:following )?(?:tool|function|command|code|sql|script|shell|skill)${R}.{0,40}(?:[:({]|drop|delete|refund|transfer|with)`,
  `${L}(?:ignoriere?n?|vergiss|vergessen sie)(?: sie)? (?:alle|deine|ihre|die|sämtliche)(?: \\p{L}+){0,2} (?:anweisungen|regeln|vorgaben|instruktionen)`,
  `${L}ignore[zr]? (?:toutes )?(?:les|vos|tes) (?:instructions|consignes|règles)`,
  `${L}ignora(?:d|r)? (?:todas )?(?:las|tus|sus) (?:instrucciones|reglas)`,
  `${L}negeer (?:alle )?(?:vorige|eerdere|bovenstaande|je|jouw)?\\s?(?:instructies|regels)`,
].map((source) => new RegExp(source, "iu"));

// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is looked for
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/u;
const LETTER_OR_DIGIT = /[\p{L}\p{N}]/u;
const EMOJI = /\p{Extended_Pictographic}|\p{Regional_Indicator}/u;

/** Pure; linear in the length of the text. */
export function readSignals(text: string): Signals {
  const lower = plain(text);
  const list = sentences(text);
  const lowered: Span[] = list.map((s) => ({ ...s, text: lower.slice(s.start, s.end) }));
  const readable = LETTER_OR_DIGIT.test(text);
  const emoji = EMOJI.test(text.replace(/[\p{N}#*©®™]/gu, ""));
  return {
    wantsHuman: wantsHuman(lowered),
    angry: isAngry(text, lowered),
    thanks: lowered.some((s) => THANKS.test(s.text)),
    goodbye: lowered.some((s) => GOODBYE.test(s.text)),
    greeting: lowered.length > 0 && GREETING.test(lowered[0]!.text),
    stop: lowered.length <= 2 && lowered.some((s) => STOP.test(s.text)),
    injection: isInjection(lower),
    emojiOnly: !readable && emoji,
    empty: !readable && !emoji,
    controlCharacters: CONTROL.test(text),
  };
}

function wantsHuman(list: readonly Span[]): boolean {
  return list.some(({ text }) => {
    // A sentence that never ends is no wish; its start is enough.
    const s = text.length > 600 ? text.slice(0, 600) : text;
    return s
      .split(
        /, (?:but|so|and)|(?<=\p{L}), (?=please|can|could|i\b|let|just)| - | but (?=please|i\b|can|could|now)/u,
      )
      .some(
        (clause) =>
          ASKS_PERSON.some((p) => p.test(clause)) &&
          !DECLINES_PERSON.test(clause) &&
          !IN_PASSING.test(clause) &&
          !CONDITIONAL.test(clauseBefore(s, clause)),
      );
  });
}

/** The sentence up to and with the wish: a condition stands before it, "or" right before it. */
function clauseBefore(sentence: string, clause: string): string {
  const at = sentence.indexOf(clause);
  return sentence.slice(0, at) + clause.slice(0, 40);
}

function isAngry(text: string, list: readonly Span[]): boolean {
  for (const { text: s } of list) {
    const m = ANGER.exec(s);
    if (m && !NOT_ANGRY.test(s.slice(Math.max(0, m.index - 30), m.index))) return true;
  }
  const letters = text.match(/\p{L}/gu);
  if (!letters || letters.length < 15) return SHOUTED.test(text) && /why|where|what|how|hello/i.test(text);
  const capitals = text.match(/\p{Lu}/gu)?.length ?? 0;
  return capitals / letters.length > 0.7 && letters.length >= 20 && /!/.test(text);
}

/** Injection hides in line breaks, doubled blanks and zero-width characters; those are taken out first. */
function isInjection(lower: string): boolean {
  const shown = lower.replace(/[\u200b-\u200f\u2060\ufeff\u00ad]/g, "");
  const flat = shown.replace(/[ \t]+/g, " ");
  return (
    INJECTION.some((p) => p.test(flat)) ||
    INJECTION.slice(0, 4).some((p) => p.test(flat.replace(/\s+/g, " ")))
  );
}
