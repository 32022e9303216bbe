/**
 * What stays of a conversation that has ended: a summary by rules at once; and where there is a model, its own, once evidence holds
 * all that it says, with the wishes that it has found in the customer's words. Nobody waits for any of it.
 */
import type { Json } from "../../runtime/json.ts";
import type { Conversation } from "./context.ts";
import { cut } from "./history.ts";
import { personal } from "./knowledge.ts";
import { PERSONAL, remember } from "./memory.ts";
import type { Step } from "./step.ts";

/** Of the message that it began with. */
const ASKED_CHARS = 200;
const SUMMARY_CHARS = 1_000;

export function digest(s: Step): void {
  const { c, options } = s;
  if (!c.history.some(({ role }) => role === "customer")) return;
  keep(s, summaryOf(c), "rules");
  if (c.withoutModel || options.digestMs <= 0) return;
  const input: Record<string, Json> = {
    turns: c.history.map(({ role, text }) => ({ role, text })),
    known: personal(s),
    budgetMs: options.digestMs,
  };
  s.askModel({ kind: "digest" }, "digest", input, options.digestMs + 500);
}

/** What the model made of it. */
export function digested(s: Step, ok: boolean): void {
  if (!ok) return;
  const { summary, facts } = s.event.data ?? {};
  for (const fact of Array.isArray(facts) ? facts : []) propose(s, String(fact.type), String(fact.text));
  if (typeof summary !== "string" || summary === "") return;
  const evidence = s.c.history.map(({ text }) => text);
  s.ask(
    { kind: "gist", text: cut(summary, SUMMARY_CHARS) },
    "language",
    "ground",
    { text: summary, evidence },
    s.options.groundMs,
  );
}

/** Its summary takes the place of the other one when evidence holds it. */
export function summedUp(s: Step, ok: boolean, text: string): void {
  if (ok && s.event.data?.ok === true) keep(s, text, "model");
}

/** A fact that is proposed has to be what the customer has said, like one that a rule finds. */
function propose(s: Step, type: string, text: string): void {
  if (!PERSONAL.has(type)) return;
  const said = s.c.history.findLast((turn) => turn.role === "customer" && plain(turn.text).includes(text));
  if (!said) return;
  const { messageId, at } = said;
  remember(s, type, text, text, { messageId, at, confidence: s.options.proposedConfidence });
}

const plain = (text: string): string => text.replace(/\s+/g, " ");

function keep(s: Step, text: string, by: "rules" | "model"): void {
  const { id, customer, outcome = "resolved" } = s.c;
  const input: Record<string, Json> = { conversation: id, text, outcome, by };
  if (customer.key) input.customer = customer.key;
  s.askAside("summary", "memory", "summarise", input, s.options.keepMs);
}

function summaryOf({ history, done, counts, satisfaction, outcome, customer }: Conversation): string {
  const first = history.find(({ role }) => role === "customer")!;
  const parts = [`Asked: ${cut(plain(first.text).trim(), ASKED_CHARS)}`];
  if (done.length > 0)
    parts.push(`Done: ${done.map((d) => `${spoken(d.name)} (${spoken(d.result)})`).join(", ")}.`);
  if (!customer.verified) parts.push("The customer was not verified.");
  if (counts.handoffs > 0) parts.push("It was handed to a person.");
  if (satisfaction.score !== undefined) parts.push(`Satisfaction: ${satisfaction.score} of 5.`);
  if (outcome) parts.push(`Ended as ${spoken(outcome)}.`);
  return parts.join("\n");
}

const spoken = (word: string): string => word.replace(/[-_]/g, " ");
