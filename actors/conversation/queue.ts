/** What waits for its turn: messages, news of tasks and approvals. In order of arrival, one at a time, none lost. */
import type { Json } from "../../runtime/json.ts";
import { priorityOf } from "../orchestrator/policy.ts";
import type { PlaybookEvent } from "../playbooks/protocol.ts";
import { AGENT, agentNews, agentTurn } from "./agentic.ts";
import type { Item } from "./context.ts";
import { addToHistory } from "./history.ts";
import { note } from "./human.ts";
import { reopen, scored, scoreOf } from "./outcome.ts";
import { deliver, park } from "./playbooks.ts";
import { endTurn, understand } from "./reply.ts";
import type { Step } from "./step.ts";
import { say } from "./wording.ts";

/** Takes up what waits, as far as it can be dealt with now. Called at the end of every fold. */
export function drain(s: Step): void {
  const { c } = s;
  while (!c.now && c.waiting.length > 0 && IDLE.has(c.phase)) {
    const [item, ...rest] = c.waiting;
    c.waiting = rest;
    begin(s, item!);
  }
}

const IDLE = new Set(["listening", "satisfaction", "closed"]);

function begin(s: Step, item: Item): void {
  const { c } = s;
  const phase = c.phase;
  if (item.kind === "message") {
    const score = phase === "satisfaction" ? scoreOf(item.text) : undefined;
    if (score !== undefined) {
      addToHistory(s, "customer", item.text, item.messageId);
      scored(s, score, item.messageId);
      return;
    }
    if (phase !== "listening") reopen(s);
  }
  c.turn += 1;
  c.nudged = false;
  c.now = { n: c.turn, kind: item.kind, text: "", at: item.at, attempt: 0, said: [], replied: false };
  if (item.kind === "message") {
    c.now.messageId = item.messageId;
    c.now.text = item.text;
    if (item.also) c.now.also = item.also;
    else addToHistory(s, "customer", item.text, item.messageId);
    // A playbook that waits for an answer was begun while the model was away, and is gone on with.
    if (c.agent && !c.run && !c.verification.awaiting) agentTurn(s);
    else understand(s);
  } else if (item.kind === "instruction") {
    c.now.text = item.text;
    if (item.also) c.now.also = item.also;
    if (c.agent) {
      agentTurn(s);
      return;
    }
    s.say(say.back);
    understand(s);
  } else if (item.kind === "notice") {
    s.say(item.text);
    endTurn(s);
    s.go(phase);
  } else beginEvent(s, item.child, item.event);
}

/** Brings the playbook that an event is for to its turn; another one steps aside and goes on afterwards. */
function beginEvent(s: Step, child: string, event: PlaybookEvent): void {
  const { c } = s;
  if (c.run && c.run.child !== child) {
    c.run.interrupted = true;
    park(s);
  }
  const run = c.run ?? c.parked.find((parked) => parked.child === child);
  c.parked = c.parked.filter((parked) => parked.child !== child);
  c.run = run;
  if (run) deliver(s, run, event);
  else endTurn(s);
}

export function message(s: Step): void {
  s.c.waiting.push({
    kind: "message",
    messageId: s.event.id,
    text: String(s.event.data?.text ?? ""),
    at: s.at,
  });
}

/** Gives a playbook its news at once when it is waiting for it, else when its turn comes. */
function news(s: Step, child: string, event: PlaybookEvent, otherwise: string): void {
  const { c } = s;
  if (c.phase === "waitingForHuman" || c.phase === "withHuman") {
    note(s, otherwise);
    return;
  }
  if (child === AGENT) {
    agentNews(s, event, otherwise);
    return;
  }
  if (c.phase === "playbook" && c.now && c.run?.child === child) {
    deliver(s, c.run, event);
    return;
  }
  const alive = [c.run, ...c.parked].some((run) => run?.child === child);
  if (alive) c.waiting.push({ kind: "event", child, event, at: s.at });
  else if (event.type !== "approval") c.waiting.push({ kind: "notice", text: otherwise, at: s.at });
}

export function taskFinished(s: Step): void {
  const { c } = s;
  const { taskId, ok, result, error, compensated } = s.event.data ?? {};
  const task = c.tasks.find((candidate) => candidate.id === taskId);
  if (!task) return;
  c.tasks = c.tasks.filter((candidate) => candidate.id !== taskId);
  for (const run of [c.run, ...c.parked]) if (run) run.tasks = run.tasks.filter((id) => id !== taskId);
  for (const approval of c.approvals.filter((candidate) => candidate.taskId === taskId)) {
    s.tell("handoff", approval.id, "handoff.withdraw", {});
  }
  c.approvals = c.approvals.filter((candidate) => candidate.taskId !== taskId);
  const event: PlaybookEvent = ok
    ? { type: "task.done", name: task.name, result: result ?? null, at: s.at }
    : { type: "task.failed", name: task.name, error: error ?? { code: "failed" }, compensated, at: s.at };
  news(s, task.child, event, ok ? say.settled.done(task.label) : say.settled.failed(task.label));
}

/** An effect whose outcome nobody knew has been looked into. */
export function taskSettled(s: Step): void {
  const { ok, label } = s.event.data ?? {};
  const text = ok ? say.settled.done(String(label)) : say.settled.failed(String(label));
  if (s.c.phase === "waitingForHuman" || s.c.phase === "withHuman") note(s, text);
  else s.c.waiting.push({ kind: "notice", text, at: s.at });
}

/** A task wants a person's approval: an entry in the queue of hand-offs. */
export function approvalWanted(s: Step): void {
  const { c } = s;
  const { taskId, approvalId, what, amount, currency } = s.event.data ?? {};
  const task = c.tasks.find((candidate) => candidate.id === taskId);
  if (!task || c.approvals.some((pending) => pending.id === approvalId)) return;
  const approval: { id: string; taskId: string; what: string; amount?: number; currency?: string } = {
    id: String(approvalId),
    taskId: task.id,
    what: String(what),
  };
  if (typeof amount === "number") approval.amount = amount;
  if (typeof currency === "string") approval.currency = currency;
  c.approvals.push(approval);
  const priority = priorityOf(s.policy, { reason: "approval", customerId: c.customer.id });
  const customer: Record<string, Json> = { verified: c.customer.verified };
  if (c.customer.name) customer.name = c.customer.name;
  s.tell("handoff", approval.id, "handoff.open", {
    kind: "approval",
    conversation: c.id,
    reason: "approval",
    priority,
    summary: task.label,
    customer,
    latest: [],
    approval: { ...approval } as Json,
  });
  s.channel("handoff", { id: approval.id, state: "queued", reason: "approval" });
  news(s, task.child, { type: "approval", name: task.name, state: "pending", at: s.at }, say.approvalNoted);
}

/** A person has decided. */
export function approvalDecided(s: Step): void {
  const { c } = s;
  const { approvalId, agent, note: remark } = s.event.data ?? {};
  const approval = c.approvals.find((candidate) => candidate.id === approvalId);
  if (!approval) return;
  c.approvals = c.approvals.filter((candidate) => candidate.id !== approvalId);
  const approved = s.event.type === "human.approved";
  const decision: Record<string, Json> = { approvalId: approval.id, agent: String(agent ?? "") };
  if (remark) decision.note = String(remark);
  s.tell("task", approval.taskId, approved ? "task.approved" : "task.declined", decision);
  const task = c.tasks.find((candidate) => candidate.id === approval.taskId);
  s.channel("handoff", { id: approval.id, state: approved ? "approved" : "declined", reason: "approval" });
  if (!task) return;
  const event: PlaybookEvent = {
    type: "approval",
    name: task.name,
    state: approved ? "approved" : "declined",
    at: s.at,
  };
  news(
    s,
    task.child,
    remark ? { ...event, note: String(remark) } : event,
    `Approval ${approved ? "given" : "declined"}.`,
  );
}
