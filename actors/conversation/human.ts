/** Passing the conversation to a person, and taking it back. One writer at a time. */
import type { Json } from "../../runtime/json.ts";
import { priorityOf, type Topic } from "../orchestrator/policy.ts";
import { addToHistory, cut } from "./history.ts";
import { keepTurns, rememberTurn } from "./memory.ts";
import { publishOutcome } from "./outcome.ts";
import { dropAll } from "./playbooks.ts";
import { ensureTurn, flush } from "./reply.ts";
import type { Step } from "./step.ts";
import { say } from "./wording.ts";

export interface HandoffRequest {
  readonly reason: string;
  readonly sentence?: string;
  readonly summary?: string;
  readonly topic?: Topic;
}

/** Messages of the customer that are kept for when a person hands back without a word to them. */
const UNHEARD = 4;

/** Turns that the person sees at a glance; the whole transcript is in the log. */
const GLANCE = 4;

/** Passes the conversation on: one message to the customer, one entry in the queue. */
export function handOff(s: Step, request: HandoffRequest): void {
  const { c } = s;
  c.counts.handoffs += 1;
  const id = `${c.id}-h${c.counts.handoffs}`;
  const summary = request.summary || summaryOf(s);
  dropAll(s);
  c.handAfter = undefined;
  c.leftOpen = undefined;
  c.open = [];
  c.handoff = { id, reason: request.reason, state: "queued" };
  // What waits for its turn is in the transcript that the person reads.
  const noted: string[] = [];
  const messages = c.waiting.filter((item) => item.kind === "message");
  for (const item of messages) {
    addToHistory(s, "customer", item.text, item.messageId);
    noted.push(item.messageId);
  }
  c.waiting = [];
  ensureTurn(s);
  s.say(request.sentence || say.handoff[request.reason] || say.handoff.playbook!);
  flush(s, noted);
  if (c.now) rememberTurn(s, c.now);
  keepTurns(s);
  c.now = undefined;
  const priority = priorityOf(s.policy, {
    reason: request.reason,
    customerId: c.customer.id,
    topic: request.topic,
  });
  const customer: Record<string, Json> = { verified: c.customer.verified };
  if (c.customer.name) customer.name = c.customer.name;
  if (c.customer.key) customer.key = c.customer.key;
  s.tell("handoff", id, "handoff.open", {
    kind: "conversation",
    conversation: c.id,
    reason: request.reason,
    priority,
    summary: cut(summary, 1_500),
    customer,
    latest: c.history.slice(-GLANCE).map((turn) => ({ role: turn.role, text: cut(turn.text, 500) })),
  });
  s.channel("handoff", { id, state: "queued", reason: request.reason }, {});
  s.channel("status", { state: "waiting_for_human" });
  publishOutcome(s, "handed_off");
  s.go("waitingForHuman");
}

function summaryOf(s: Step): string {
  const { c } = s;
  const parts: string[] = [];
  if (c.fromHuman?.summary) parts.push(`Note of the person before: ${c.fromHuman.summary}`);
  if (c.run) parts.push(`Was busy with: ${c.run.label}.`);
  if (c.parked.length > 0) parts.push(`Set aside: ${c.parked.map((run) => run.label).join(", ")}.`);
  if (c.done.length > 0)
    parts.push(`Done before: ${c.done.map((d) => `${d.name} (${d.result})`).join(", ")}.`);
  parts.push(c.customer.verified ? "The customer is verified." : "The customer is not verified.");
  const last = c.history.filter((turn) => turn.role === "customer").at(-1);
  if (last) parts.push(`Last message: ${cut(last.text, 400)}`);
  return parts.join(" ");
}

/** The event belongs to the hand-off that is under way. */
export function current(s: Step): boolean {
  return s.c.handoff !== undefined && s.event.data?.handoffId === s.c.handoff.id;
}

export function accepted(s: Step): void {
  const { handoff } = s.c;
  if (!current(s) || !handoff) return;
  handoff.state = "accepted";
  handoff.agent = String(s.event.data.agent ?? "");
  s.channel("handoff", { id: handoff.id, state: "accepted", reason: handoff.reason, agent: handoff.agent });
  s.channel("status", { state: "with_human" });
  s.go("withHuman");
}

/** A person writes to the customer. */
export function humanMessage(s: Step): void {
  if (!current(s)) return;
  const text = String(s.event.data.text ?? "");
  if (text.trim() === "") return;
  const author = String(s.event.data.agent ?? s.c.handoff?.agent ?? "");
  s.channel("reply", { text, role: "human", author, turn: s.c.turn });
  addToHistory(s, "human", text);
  s.c.handoff!.unheard = undefined;
}

const EMAIL = /[^\s@<>(),;:"]+@[^\s@<>(),;:"]+\.[a-z]{2,}/i;

/** The customer writes while nobody has accepted yet. */
export function messageWhileWaiting(s: Step): void {
  const text = String(s.event.data.text ?? "");
  const { handoff } = s.c;
  addToHistory(s, "customer", text);
  s.c.turn += 1;
  const email = handoff?.late ? EMAIL.exec(text)?.[0].replace(/[.,]+$/, "") : undefined;
  let answer = say.waiting[s.c.turn % say.waiting.length]!;
  if (handoff && email && !handoff.callback) {
    handoff.callback = true;
    s.tell("handoff", handoff.id, "handoff.callback", { email });
    answer = say.callback(email);
  }
  s.channel("reply", { text: answer, role: "desk", turn: s.c.turn }, { answers: [s.event.id] });
  addToHistory(s, "desk", answer);
}

/** The customer writes to the person. The machine keeps quiet, and keeps in mind what the person has said nothing to yet. */
export function messageWhileHuman(s: Step): void {
  s.c.turn += 1;
  const text = String(s.event.data.text ?? "");
  addToHistory(s, "customer", text);
  const { handoff } = s.c;
  if (handoff)
    handoff.unheard = [...(handoff.unheard ?? []), { messageId: s.event.id, text, at: s.at }].slice(-UNHEARD);
}

/** Nobody accepted in time. Said once. */
export function late(s: Step): void {
  const { handoff } = s.c;
  if (!current(s) || !handoff || handoff.late) return;
  handoff.late = true;
  s.channel("reply", { text: say.late, role: "desk", turn: s.c.turn });
  addToHistory(s, "desk", say.late);
  s.channel("handoff", { id: handoff.id, state: "late", reason: handoff.reason });
}

/** A person hands back: the machine goes on with the summary and the instruction. */
export function returned(s: Step): void {
  const { handoff } = s.c;
  if (!current(s) || !handoff) return;
  const summary = String(s.event.data.summary ?? "").trim();
  const instruction = String(s.event.data.instruction ?? "").trim();
  // Written for the machine and for whoever takes over next, not for the customer.
  s.c.fromHuman = { summary: cut(summary, 500), instruction: cut(instruction, 500) };
  s.c.handoff = undefined;
  s.c.unsure = 0;
  s.c.angry = 0;
  s.c.verification.failures = 0;
  s.c.verification.idle = 0;
  s.c.nudged = false;
  s.channel("handoff", { id: handoff.id, state: "returned", reason: handoff.reason });
  s.channel("status", { state: "open" });
  s.go("listening");
  const unheard = handoff.unheard ?? [];
  const ids = unheard.map(({ messageId }) => messageId);
  if (instruction) {
    s.c.waiting.push({
      kind: "instruction",
      text: instruction,
      at: s.at,
      ...(ids.length > 0 ? { also: ids } : {}),
    });
    return;
  }
  s.c.waiting.push({ kind: "notice", text: say.back, at: s.at });
  // Nobody is left in silence. All of it at once: a yes among it was to the person, and not to what the machine would ask next.
  const last = unheard.at(-1);
  if (last) {
    const text = unheard.map((message) => message.text).join("\n");
    s.c.waiting.push({ kind: "message", ...last, text, also: ids.slice(0, -1) });
  }
}

/** Something that the person should see: a task ended, an approval came. */
export function note(s: Step, text: string): void {
  const { handoff } = s.c;
  if (handoff) s.tell("handoff", handoff.id, "handoff.note", { text });
}
