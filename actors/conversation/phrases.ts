/** Small readings of a message: whether it asks, takes leave, picks one of what was offered. */
import type { Understanding } from "../playbooks/protocol.ts";

/** Characters of a message that is no more than a yes, a no or a greeting. */
export const SHORT = 80;

export function signal(u: Understanding, name: string): boolean {
  return Boolean((u.signals as Record<string, unknown> | undefined)?.[name]);
}

/** Whether the customer wonders who is writing to him. */
export function asksForMachine(text: string): boolean {
  return (
    text.length <= SHORT &&
    /\b(?:are you|is this|am i (?:talking|speaking|chatting) (?:to|with)) (?:an? )?(?:real |actual |live )?(?:person|human|bot|robot|machine|ai|chatbot|computer)\b/i.test(
      text,
    )
  );
}

/** “When will I get the label?” asks; “could you send the label?” wishes. */
export function asksOnly(part: string): boolean {
  return /^(?:and |also |but )?(?:what|when|where|which|who|why|how|will|is|are|do|does|did)\b[\s\S]*\?\s*$/i.test(
    part.trim(),
  );
}

const QUESTION =
  /^(?:what|when|where|which|who|why|how|do|does|can|could|is|are|may|will|would|should)\b[^.!]*\?|\?\s*$/i;

export function isQuestion(text: string): boolean {
  return text.length <= 400 && QUESTION.test(text.trim());
}

/** Values that make more of a message than a farewell. */
export const RECORDS = new Set(["order_number", "email", "item_id", "postcode", "phone"]);

/** Thanks or a goodbye and nothing else. */
export function isFarewell(u: Understanding, text: string): boolean {
  const said = signal(u, "goodbye") || signal(u, "thanks");
  return said && !u.entities.some((e) => RECORDS.has(e.type)) && text.length <= 120 && !isQuestion(text);
}

const ORDINALS = [
  /\b(?:first|former|1st)\b|^\W*[1a]\W*$/i,
  /\b(?:second|latter|2nd)\b|^\W*[2b]\W*$/i,
  /\b(?:third|3rd)\b|^\W*[3c]\W*$/i,
];

/** Which of the offered meanings an answer picks. */
export function chosen(
  options: readonly { readonly intent: string; readonly label: string }[],
  text: string,
  yesNo: "yes" | "no" | null,
): { readonly intent: string; readonly label: string } | undefined {
  const said = text.trim().toLowerCase();
  const exact = options.find((option) => said.includes(option.label.toLowerCase()));
  if (exact) return exact;
  if (options.length === 1) return yesNo === "yes" ? options[0] : undefined;
  if (said.length > 40) return undefined;
  const index = ORDINALS.findIndex((ordinal) => ordinal.test(said));
  return index >= 0 ? options[index] : undefined;
}
