/**
 * What to do with a message that was understood: a pure function of the state and the understanding. Carrying it out is
 * `act.ts`'s.
 */
import { type Policy, type Topic, topicOf } from "../orchestrator/policy.ts";
import type { Understanding } from "../playbooks/protocol.ts";
import type { Conversation } from "./context.ts";
import { asksForMemory } from "./memory.ts";
import type { DialogOptions, PlaybookCatalog, PlaybookEntry } from "./options.ts";

export interface Wanted {
  readonly entry: PlaybookEntry;
  readonly text: string;
}

export type Decision =
  | { readonly do: "prompt"; readonly why: "empty" | "emoji" }
  | { readonly do: "refuse" }
  | { readonly do: "handoff"; readonly reason: string; readonly topic?: Topic }
  | { readonly do: "close" }
  | { readonly do: "greet" }
  | { readonly do: "more" }
  | { readonly do: "resume" }
  /** What was set aside is let go. */
  | { readonly do: "forget" }
  | { readonly do: "turn" }
  | { readonly do: "stop" }
  | { readonly do: "verify" }
  /** Starts the first, keeps the rest for later. `drop`: what ran is not wanted any more. */
  | { readonly do: "start"; readonly wanted: readonly Wanted[]; readonly drop: boolean }
  | { readonly do: "recallAll" }
  /** A free question: knowledge, then a model, then asking back. */
  | { readonly do: "answer" };

export interface DecideInput {
  readonly c: Conversation;
  readonly text: string;
  readonly u: Understanding;
  /** The message brought something that could verify and was not tried. */
  readonly evidence: boolean;
  readonly options: DialogOptions;
  readonly policy: Policy;
  readonly playbooks: PlaybookCatalog;
}

/** Characters of a message that is no more than a yes, a no or a greeting. */
const SHORT = 80;

export function signal(u: Understanding, name: string): boolean {
  return Boolean((u.signals as Record<string, unknown> | undefined)?.[name]);
}

export function decide(input: DecideInput): Decision {
  const { c, text, u, policy } = input;
  if (signal(u, "empty") || text.trim() === "") return { do: "prompt", why: "empty" };
  if (signal(u, "emojiOnly")) return { do: "prompt", why: "emoji" };
  const topic = topicOf(policy, text);
  if (topic) return { do: "handoff", reason: topic.name, topic };
  if (signal(u, "injection")) return { do: "refuse" };
  if (signal(u, "wantsHuman")) return { do: "handoff", reason: "asked" };
  if (signal(u, "angry") && c.angry + 1 >= policy.angryMessages) return { do: "handoff", reason: "angry" };
  return questions(input) ?? running(input) ?? fresh(input);
}

/** The conversation's own open questions. */
function questions(input: DecideInput): Decision | undefined {
  const { c, text, u } = input;
  const wanted = wantedOf(input, input.options.confident);
  const choice = c.clarify && chosen(c.clarify, text, u.yesNo);
  if (choice) {
    const entry = input.playbooks.forIntent(choice.intent);
    // The request is in the message before, so both are handed on.
    if (entry)
      return { do: "start", wanted: [{ entry, text: `${lastRequest(c)}\n${text}`.trim() }], drop: false };
  }
  if (c.clarify && u.yesNo === "no" && wanted.length === 0) return { do: "more" };
  if (c.offering && wanted.length === 0) {
    if (u.yesNo === "yes") return { do: "resume" };
    if (u.yesNo === "no" || signal(u, "stop") || signal(u, "goodbye")) return { do: "forget" };
  }
  if (c.more && wanted.length === 0 && text.length <= SHORT) {
    if (u.yesNo === "no") return { do: "close" };
    if (u.yesNo === "yes") return { do: "more" };
  }
  return undefined;
}

/** The running playbook, or the verification that it waits for. */
function running(input: DecideInput): Decision | undefined {
  const { c, u, text, options } = input;
  const run = c.run;
  if (!run) return undefined;
  const open = c.verification.awaiting || run.expects !== undefined;
  if (!open) return undefined;
  const others = wantedOf(input, options.switching).filter((wanted) => wanted.entry.name !== run.name);
  if (signal(u, "stop") && !(run.expects?.what === "confirm" && u.yesNo === "no")) {
    return others.length > 0 ? { do: "start", wanted: others, drop: true } : { do: "stop" };
  }
  if (c.verification.awaiting) {
    if (input.evidence) return { do: "verify" };
    if (others.length > 0) return { do: "start", wanted: others, drop: false };
    // The records look at every word, so a message may verify although nothing in it was recognised.
    return isQuestion(text) && !u.yesNo ? { do: "answer" } : { do: "verify" };
  }
  if (run.expects?.what === "approval") return approvalPending(input, others);
  if (fits(run.expects?.slots ?? [], u)) return { do: "turn" };
  if (others.length > 0) return { do: "start", wanted: others, drop: false };
  if (signal(u, "goodbye") && isFarewell(u, text)) return { do: "close" };
  // A question on the way is answered, and the playbook's own question is said again.
  const free = run.expects?.slots.length === 0;
  if (isQuestion(text) && !free && !wantsAny(input)) return { do: "answer" };
  return { do: "turn" };
}

/** While a person decides on an approval, the customer may talk about anything. */
function approvalPending(input: DecideInput, others: readonly Wanted[]): Decision | undefined {
  const { c, u, text } = input;
  if (others.length > 0) return { do: "start", wanted: others, drop: false };
  if (isFarewell(u, text) || signal(u, "greeting") || isQuestion(text)) {
    const same = wantedOf(input, input.options.confident).some((wanted) => wanted.entry.name === c.run!.name);
    return same ? { do: "turn" } : undefined;
  }
  return { do: "turn" };
}

/** Nothing is open. */
function fresh(input: DecideInput): Decision {
  const { c, u, text } = input;
  if (asksForMemory(text) && c.customer.verified) return { do: "recallAll" };
  const record = u.entities.some((entity) => entity.type === "order_number" || entity.type === "email");
  const wanted = wantedOf(input, record ? input.options.confidentWithRecord : input.options.confident);
  if (wanted.length > 0) return { do: "start", wanted, drop: false };
  if (isFarewell(u, text)) return { do: "close" };
  if (signal(u, "greeting") && text.length <= SHORT && !isQuestion(text)) return { do: "greet" };
  return { do: "answer" };
}

/** Requests of the message that a playbook serves, in their order, each playbook once. */
function wantedOf(input: DecideInput, confidence: number): Wanted[] {
  const { u, text, playbooks } = input;
  const requests = (u.requests ?? []).filter((request) => request.confidence >= confidence);
  if (requests.length === 0 && u.intent && u.intent.confidence >= confidence) {
    requests.push({ intent: u.intent.name, confidence: u.intent.confidence, text });
  }
  const found: Wanted[] = [];
  for (const request of requests) {
    const entry = playbooks.forIntent(request.intent);
    if (entry && !found.some((wanted) => wanted.entry.name === entry.name))
      found.push({ entry, text: request.text });
  }
  // One request is the whole message, with what stands around it.
  return found.length === 1 ? [{ entry: found[0]!.entry, text }] : found;
}

const wantsAny = (input: DecideInput): boolean => wantedOf(input, input.options.confident).length > 0;

/** Whether a message holds what a playbook waits for. */
export function fits(slots: readonly string[], u: Understanding): boolean {
  if (slots.includes("yes_no") && u.yesNo) return true;
  return u.entities.some((entity) => slots.includes(entity.type) && entity.type !== "yes_no");
}

const QUESTION =
  /^(?:what|when|where|which|who|why|how|do|does|can|could|is|are|may|will|would|should)\b[^.!]*\?|\?\s*$/i;

export function isQuestion(text: string): boolean {
  return text.length <= 400 && QUESTION.test(text.trim());
}

/** Thanks or a goodbye and nothing else. */
export function isFarewell(u: Understanding, text: string): boolean {
  const said = signal(u, "goodbye") || signal(u, "thanks");
  return said && u.entities.length === 0 && text.length <= 120 && !isQuestion(text);
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

function lastRequest(c: Conversation): string {
  const turns = c.history.filter((turn) => turn.role === "customer");
  return turns.at(-2)?.text ?? "";
}
