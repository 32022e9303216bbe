/**
 * Questions that come along with something else: “Yes, go ahead. Are there any fees?” They are answered in a sentence
 * from an article, or honestly not, and what the message was about goes on.
 */
import { plain, sentences } from "../language/text.ts";
import { aboutRun, excerpt } from "./knowledge.ts";
import type { Step } from "./step.ts";
import { say } from "./wording.ts";

/** Characters of an article that are quoted on the side. */
const QUOTE = 300;
/** Questions of one message that are looked up together. */
const QUESTIONS = 2;
/** How often the customer is told that there is no answer. */
const UNANSWERED = 2;

/** Asks how things are done, what they cost or how long they take; not what the desk does or needs just now. */
const ASKS =
  /^(?:[\s"'(*•_>-]|\d+[.)]|and |also |so |but |quick question:? |plus |just wondering,? |could you (?:also )?(?:tell me|let me know|confirm)(?: if| whether)? |can you (?:also )?(?:tell me|let me know|confirm)(?: if| whether)? |please (?:also )?(?:tell me|let me know|confirm)(?: if| whether)? |roughly )*(?:how (?:long|soon|quickly|fast|many days)|what(?:'s| is| are| will be)?(?: your| the| my)?(?: typical| estimated| exact| usual)? (?:return (?:window|policy|period|deadline)|refund (?:window|policy|timeline|timing)|timeline|timeframe|deadline|window|fees?|cost of|shipping (?:cost|fee)s?|restocking|warranty|policy|delivery (?:time|date|estimate)|eta)|when (?:will|would|can|should|do|does)|(?:are|is|will) there (?:be )?(?:any |a )?(?:\p{L}+ ){0,3}?(?:fees?|costs?|charges?|deductions?|deadline|limit|warranty)|(?:is|are) (?:the )?(?:return |prepaid )?(?:shipping|labels?|returns?)\b|do i (?:have to|need to|get|pay)|who pays|which (?:carrier|e-?mail|address)|does (?:it|that|the|a) \p{L}+ (?:need|have|take|cost|include)|will (?:i|the|my|it|this|that) )/iu;
/** About the desk's own doing: the playbooks answer that. */
const OWN =
  /\b(?:my account|look (?:it|me|that) up|verify|what (?:do|else do|info|information|details?) (?:you|from me))\b/iu;

/** The questions on the side of a message, as one text to look up; undefined when there are none. */
export function asideOf(text: string): string | undefined {
  const found = sentences(text.slice(0, 4_000)).filter(
    ({ text: s }) => /\?\s*$/.test(s) && s.length <= 240 && ASKS.test(plain(s)) && !OWN.test(plain(s)),
  );
  if (found.length === 0) return undefined;
  return found
    .slice(0, QUESTIONS)
    .map((s) => s.text.replace(/^[\s\-*•–—]+/, ""))
    .join(" ");
}

export function searchAside(s: Step, question: string): void {
  s.ask({ kind: "aside" }, "knowledge", "search", { text: aboutRun(s, question), k: 1 }, s.options.searchMs);
  s.go("answering");
}

/** Says what an article holds, or once or twice that nothing does. A search that failed is passed over. */
export function sayAside(s: Step, ok: boolean): void {
  if (!ok) return;
  const best = s.event.data?.best;
  if (best && Number(best.confidence) >= s.options.quote) {
    s.say(say.quote(excerpt(String(best.text ?? ""), QUOTE), String(best.title ?? "")), {
      citations: [{ id: String(best.articleId ?? best.id), title: String(best.title ?? "") }],
    });
    return;
  }
  const told = s.c.unanswered ?? 0;
  if (told >= UNANSWERED) return;
  s.c.unanswered = told + 1;
  s.say(say.noAnswer(s.c.now?.question ?? ""));
}
