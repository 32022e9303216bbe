/** What is known about the customer from earlier conversations, and what is kept of this one. */
import type { Json, JsonObject } from "../../runtime/json.ts";
import type { RememberedFact, Turn } from "./context.ts";
import { cut } from "./history.ts";
import type { Step } from "./step.ts";
import { day, say } from "./wording.ts";

/** Turns that memory is given together. */
const TURNS_AT_ONCE = 4;
/** Facts that are kept in the state. */
const FACTS = 5;
/** Types whose facts are worth a word when they touch what the customer talks about. */
export const PERSONAL: ReadonlySet<string> = new Set(["preference", "instruction", "note"]);

export function recall(s: Step): void {
  const key = s.c.customer.key;
  if (!key) return;
  const input: Record<string, Json> = { customer: key, k: FACTS };
  if (s.c.now?.text) input.text = cut(s.c.now.text, 500);
  s.ask({ kind: "recall" }, "memory", "recall", input, s.options.memoryMs);
}

/** Takes the answer of `memory.recall`; a memory that does not answer is simply not used. */
export function recalled(s: Step, ok: boolean): void {
  if (!ok || !Array.isArray(s.event.data?.facts)) return;
  s.c.facts = s.event.data.facts.slice(0, FACTS).map(
    (fact: any): RememberedFact => ({
      id: String(fact.id),
      type: String(fact.type),
      text: cut(String(fact.text ?? ""), 300),
      value: fact.value,
      conversation: fact.source?.conversation,
      at: fact.source?.at ?? fact.recordedAt,
    }),
  );
}

/** Says, right after the greeting, a remembered fact that bears on what the customer says now, and where it comes from. */
export function mentionFact(s: Step): void {
  const place = s.c.now?.greeted;
  if (place === undefined) return;
  s.c.now!.greeted = undefined;
  const topics = new Set(s.c.now?.understanding?.topics ?? []);
  const fact = s.c.facts.find(
    (candidate) => PERSONAL.has(candidate.type) && words(candidate.text).some((word) => topics.has(word)),
  );
  if (fact?.at === undefined || fact.conversation === s.c.id) return;
  // Whoever was answered meanwhile hears it with the next thing that is said.
  s.c.now!.said.splice(Math.min(place, s.c.now!.said.length), 0, say.remembered(fact.text, day(fact.at)));
}

const words = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]{4,}/gu) ?? [];

/** Keeps a fact about the customer; silently nothing while nobody knows who he is. */
export function remember(
  s: Step,
  type: string,
  value: Json,
  text: string,
  source: { readonly messageId?: string; readonly at?: number; readonly confidence?: number } = {},
): boolean {
  const key = s.c.customer.key;
  if (!key) return false;
  const { messageId = s.c.now?.messageId, at = s.at, confidence } = source;
  const input: Record<string, Json> = { customer: key, conversation: s.c.id, type, value, text, at };
  if (confidence !== undefined) input.confidence = confidence;
  if (messageId) input.messageId = messageId;
  s.askAside("remember", "memory", "remember", input, s.options.keepMs);
  return true;
}

/** Notes the turn for memory, which gets several at once: nobody waits for it, and each ask costs as much as a reply. */
export function rememberTurn(s: Step, turn: Turn): void {
  if (turn.kind !== "message") return;
  const reply = s.c.history.at(-1);
  const unkept = [
    ...(s.c.unkept ?? []),
    {
      turn: turn.n,
      at: turn.at,
      ...(turn.messageId ? { messageId: turn.messageId } : {}),
      text: cut(turn.text, s.options.historyChars),
      reply: reply?.role === "desk" ? reply.text : "",
    },
  ];
  s.c.unkept = unkept;
  if (unkept.length >= TURNS_AT_ONCE) keepTurns(s);
}

/** Gives memory what it has not got: also whenever a conversation comes to rest. */
export function keepTurns(s: Step): void {
  const { unkept = [], customer, id } = s.c;
  if (unkept.length === 0) return;
  s.c.unkept = [];
  const input = { conversation: id, turns: unkept, ...(customer.key ? { customer: customer.key } : {}) };
  s.askAside("remembered", "memory", "turns", input as unknown as JsonObject, s.options.keepMs);
}

const STATED: readonly { readonly type: string; readonly pattern: RegExp }[] = [
  {
    type: "preference",
    pattern:
      /\bI(?:'d| would)? (?:always |really )?prefer (?!to (?:cancel|return|exchange|keep|talk|speak))[^.!?\n]{3,140}/i,
  },
  { type: "instruction", pattern: /\bplease (?:always|never) [^.!?\n]{3,140}/i },
  { type: "note", pattern: /\b(?:please )?(?:remember|note down|keep in mind) that [^.!?\n]{3,140}/i },
];

/** A lasting wish that a customer states in so many words. */
export function statedFact(text: string): { type: string; text: string } | undefined {
  if (text.length > 2_000) return undefined;
  for (const { type, pattern } of STATED) {
    const found = pattern.exec(text);
    if (found) return { type, text: found[0].trim() };
  }
  return undefined;
}

const ASKS_MEMORY =
  /\b(?:what do you (?:know|remember) about me|do you remember (?:me|what i)|what have you (?:stored|noted) about me)\b/i;

export function asksForMemory(text: string): boolean {
  return ASKS_MEMORY.test(text);
}

/** What was noted, each with its day. */
export function factsText(facts: readonly RememberedFact[]): string {
  if (facts.length === 0) return say.nothingRemembered;
  return say.rememberedList(
    facts.map((fact) => (fact.at === undefined ? `- ${fact.text}` : `- ${fact.text} (${day(fact.at)})`)),
  );
}
