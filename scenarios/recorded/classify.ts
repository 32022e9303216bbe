/** What became of a recorded customer, judged from the texts of both sides. */

const PERSON =
  "(?:human|(?:real |actual |live )?person|people|(?:human |live |support |service )?(?:agent|rep|representative)|colleague|supervisor|manager|somebody|someone|operator|staff member)";
/** Somebody asks for a person, or to be passed on. */
const ASKS = [
  new RegExp(
    `\\b(?:transfer|connect|escalate|pass|put|forward|hand)\\b[^.?!\\n]{0,40}\\b(?:to|with|through to|over to|on to)\\b[^.?!\\n]{0,25}\\b${PERSON}\\b`,
    "i",
  ),
  new RegExp(`\\b(?:speak|talk|chat)\\b[^.?!\\n]{0,20}\\b(?:to|with)\\b[^.?!\\n]{0,20}\\b${PERSON}\\b`, "i"),
  /\b(?:get|give|want|need|find)\b[^.?!\n]{0,15}\b(?:human|(?:real|actual|live) person|supervisor|manager|representative|human rep|live agent|human agent)\b/i,
  /\b(?:please )?(?:transfer me|escalate (?:this|me|my case|it)|connect me|put me through)\b/i,
];
const NOT =
  /\b(?:don['’]t|do not|no need to|not|hold off on|without|instead of|rather than|before|avoid)\b[^.?!\n]{0,20}$/i;

/** Whether the customer asks for a person in it. */
export function asksForPerson(text: string): boolean {
  return ASKS.some((pattern) => {
    const match = pattern.exec(text);
    return match !== null && !NOT.test(text.slice(Math.max(0, match.index - 40), match.index));
  });
}

const REPHRASE = [
  /\b(?:not sure (?:that |if |whether )?I (?:understood|understand)|(?:did|do)(?:n['’]t| not) (?:quite )?(?:understand|catch|get) (?:that|you|what)|could(?:n['’]t| not) understand)\b/i,
  /\b(?:rephrase|say (?:that|it) (?:again|differently|in other words)|in a few words what)\b/i,
  /\bcan(?:'t|’t|not) tell what you need\b/i,
];
const WHAT_CAN_I_DO = /\bwhat can I do for you\b|\bhow (?:can|may) I help\b/i;
const MERE_GREETING = /^\W*(?:hi|hello|hey|good (?:morning|afternoon|evening))\b[^a-z]*(?:there)?\W*$/i;

/** Whether a reply asks to say it again instead of dealing with it. */
export function asksToRephrase(reply: string, message: string): boolean {
  if (REPHRASE.some((pattern) => pattern.test(reply))) return true;
  return WHAT_CAN_I_DO.test(reply) && reply.length < 160 && !MERE_GREETING.test(message);
}

/** Whether a reply asks something back. */
export const asksBack = (reply: string): boolean => /\?\s*(?:$|[“”"')\]]|\n)/.test(reply.trim());
