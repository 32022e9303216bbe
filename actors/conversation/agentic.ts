/**
 * The agentic turn: the model proposes what is said and done, the conversation checks it and has it carried out, reads by the data
 * agents and writes by tasks, and the results go back to the model, until it has said something and wants nothing more. All of it
 * is on the record, so that a crash in the middle goes on where it was. A model that does not answer leaves the turn to the playbooks.
 */
import { derivedId } from "../../runtime/ids.ts";
import type { Json, JsonObject } from "../../runtime/json.ts";
import { topicOf } from "../orchestrator/policy.ts";
import type { PlaybookEvent } from "../playbooks/protocol.ts";
import { addToThread, calledInThread, type ThreadMessage, untold } from "./agent-thread.ts";
import { customerWords, cut } from "./history.ts";
import { handOff } from "./human.ts";
import { personal } from "./knowledge.ts";
import { beginTask, bind, splitSkill } from "./playbooks.ts";
import { AGENT_LIMITS, type AgentLimits, checkProposal, type ProposedCall } from "./proposal.ts";
import { endTurn, ensureTurn, flush, understand } from "./reply.ts";
import type { Step } from "./step.ts";
import { accept, acceptedByRecords, canIdentify, identify } from "./verification.ts";

/** Passages of articles that one question is answered with. */
const PASSAGES = 4;
/** Tasks of the model belong to no playbook. */
export const AGENT = "agent";

export interface Agent {
  /** Skills that the model may ask for. */
  readonly skills: readonly string[];
  readonly limits: AgentLimits;
  thread: ThreadMessage[];
  /** Messages that were let go before the first of the thread. */
  dropped: number;
  /** Messages, of all, that the model was told. */
  told: number;
  /** Proposals of this turn. */
  steps: number;
  /** Calls of the latest proposal that have no result yet; the first is under way. */
  calls: AgentCall[];
  /** What is proposed, while it is looked at whether what it says is held by anything. */
  pending?: { readonly text: string; readonly calls: readonly AgentCall[] };
}

interface AgentCall extends ProposedCall {
  /** Idempotency key: that of the proposal and of its place in it. */
  readonly key: string;
  /** Task that carries it out. */
  task?: string;
}

/** What `conversation.open` says of it. */
interface AgentOpening {
  readonly skills?: readonly string[];
  readonly limits?: Partial<AgentLimits>;
  /** The model speaks first. */
  readonly greets?: boolean;
}

export function openAgent(s: Step, { skills = [], limits, greets }: AgentOpening): void {
  s.c.agent = {
    skills: skills.map(String),
    limits: { ...AGENT_LIMITS, ...limits },
    thread: [],
    dropped: 0,
    told: 0,
    steps: 0,
    calls: [],
  };
  if (!greets) return;
  ensureTurn(s);
  propose(s);
}

/** A turn of the customer, or of a person who handed back. */
export function agentTurn(s: Step): void {
  const { c } = s;
  const turn = c.now!;
  if (turn.kind === "instruction") addToThread(s, { role: "system", content: `(a colleague) ${turn.text}` });
  c.agent!.steps = 0;
  const topic = topicOf(s.policy, turn.text);
  if (topic) handOff(s, { reason: topic.name, topic });
  else if (canIdentify(s)) identify(s);
  else propose(s);
}

/** The channel has said who it is, or nobody could. */
export function agentIdentified(s: Step, ok: boolean): void {
  const { claimedId } = s.c.customer;
  if (ok && s.event.data) accept(s, { ...s.event.data, customerId: claimedId }, "channel");
  propose(s);
}

/** What memory knows of the customer. */
export function agentRemembers(s: Step): void {
  if (s.c.facts.length === 0) return;
  const known = s.c.facts.map(({ text }) => `- ${text}`).join("\n");
  addToThread(s, { role: "system", content: `Known from earlier conversations:\n${known}` });
}

function propose(s: Step): void {
  const agent = s.c.agent!;
  const turn = s.c.now!;
  if (agent.steps >= agent.limits.steps || s.at - turn.at > agent.limits.turnMs) {
    handOff(s, { reason: "agent_limit" });
    return;
  }
  agent.steps += 1;
  const { from, messages } = untold(s);
  const input: Record<string, Json> = {
    conversation: s.c.id,
    from,
    messages,
    skills: [...agent.skills],
    known: personal(s),
  };
  if (from === agent.dropped) input.whole = true;
  agent.told = agent.dropped + agent.thread.length;
  s.askModel({ kind: "propose" }, "propose", input, agent.limits.proposeMs);
  s.go("agentic");
}

export function proposed(s: Step, ok: boolean): void {
  const { agent, now } = s.c;
  if (!agent || !now) return;
  if (!ok && s.event.data?.code === "conflict" && agent.told > agent.dropped) {
    // It has lost what it was told, or another node's agent answers now.
    agent.told = agent.dropped;
    propose(s);
    return;
  }
  const proposal = ok
    ? checkProposal(s.event.data, { ...agent, known: s.settings.skills })
    : String(s.event.data?.message);
  if (typeof proposal === "string") {
    withoutModel(s);
    return;
  }
  const calls = proposal.calls.map((call, n) => ({ ...call, key: derivedId(s.event.id, n) }));
  const pending = { text: proposal.text, calls };
  if (proposal.text === "" || !agent.limits.grounded) accepted(s, pending);
  else {
    agent.pending = pending;
    const evidence = agent.thread.filter(({ role }) => role === "tool" || role === "system");
    const input = { text: proposal.text, evidence: evidence.map(({ content }) => content) };
    s.ask({ kind: "check" }, "language", "ground", input, s.options.groundMs);
    s.go("agentic");
  }
}

/** What is not held by anything that the model was told is neither said nor is what came with it done: it may try again. */
export function agentGrounded(s: Step, ok: boolean): void {
  const { agent, now } = s.c;
  if (!agent?.pending || !now) return;
  const { pending } = agent;
  agent.pending = undefined;
  if (!ok) withoutModel(s);
  else if (s.event.data?.ok === true) accepted(s, pending);
  else {
    const unheld: { text?: unknown }[] = Array.isArray(s.event.data?.unsupported)
      ? s.event.data.unsupported
      : [];
    const named = unheld.map(({ text }) => `“${cut(String(text ?? ""), 200)}”`).join(", ");
    addToThread(s, { role: "system", content: `This was not said, since no tool answered it: ${named}` });
    propose(s);
  }
}

/** Says it, and does what it asks for. */
function accepted(s: Step, { text, calls }: NonNullable<Agent["pending"]>): void {
  if (text) {
    s.c.now!.said.push(text);
    flush(s);
  }
  if (calls.length === 0) {
    endTurn(s);
    return;
  }
  calledInThread(
    s,
    text !== "",
    calls.map(({ name, arguments: given }) => ({ name, arguments: given })),
  );
  s.c.agent!.calls = [...calls];
  next(s);
}

/** The turn goes the way it goes on a desk without a model. */
function withoutModel(s: Step): void {
  const { kind, replied } = s.c.now!;
  if (kind !== "notice" && !replied) understand(s);
  else if (kind !== "notice") handOff(s, { reason: "error" });
  else endTurn(s);
}

/** Carries out the call whose turn it is; when there is none left, the model says how it goes on. */
function next(s: Step): void {
  const agent = s.c.agent!;
  const [call] = agent.calls;
  if (!call) {
    propose(s);
    return;
  }
  if (call.refused) result(s, { error: call.refused as unknown as Json });
  else if (call.name === "desk.handoff") {
    agent.calls = [];
    handOff(s, { reason: "playbook", summary: String(call.arguments.summary) });
  } else if (call.name === "desk.verify") verify(s, call);
  else if (call.name === "desk.knowledge") {
    const text = String(call.arguments.question);
    askFor(s, call, "knowledge", "search", { text, k: PASSAGES }, s.options.searchMs);
  } else carryOut(s, call);
}

function carryOut(s: Step, call: AgentCall): void {
  const { name } = call;
  const skill = s.settings.skills.get(name);
  const takes = skill?.inputs?.required.includes("customerId");
  const input = bind(s, name, takes ? { ...call.arguments, customerId: "" } : call.arguments);
  if (!input) {
    result(s, {
      error: { code: "forbidden", message: "the customer has to be verified first: desk.verify" },
    });
  } else if (skill?.effect === "read") {
    const { service, operation } = splitSkill(name);
    askFor(s, call, service, operation, input, s.options.callMs);
  } else {
    const label = name.replaceAll(/[._]/g, " ");
    call.task = beginTask(s, { child: AGENT, label, steps: [{ skill: name, input, key: call.key }] });
    s.go("agentic");
  }
}

function askFor(
  s: Step,
  { key }: AgentCall,
  service: string,
  operation: string,
  input: JsonObject,
  timeoutMs: number,
): void {
  s.ask({ kind: "skill" }, service, operation, input, timeoutMs, key);
  s.go("agentic");
}

/** Only what the customer wrote himself says who he is. */
function verify(s: Step, call: AgentCall): void {
  const { arguments: given } = call;
  const text = customerWords(s);
  const words = text.toLowerCase();
  const said = (name: string): string[] => {
    const value = typeof given[name] === "string" ? given[name] : "";
    return value !== "" && words.includes(value.toLowerCase()) ? [value] : [];
  };
  const input = {
    emails: said("email").map((email) => email.toLowerCase()),
    postcodes: said("postcode"),
    orders: said("order"),
    names: said("name"),
    text,
  };
  askFor(s, call, "crm", "verify", input, s.options.verifyMs);
}

/** The answer of the agent that was asked for the call at hand. */
export function skillAnswered(s: Step, ok: boolean): void {
  const call = s.c.agent?.calls[0];
  if (!call || !s.c.now) return;
  const { data } = s.event;
  if (call.name === "desk.verify" && ok) {
    result(s, {
      verified: acceptedByRecords(s, data ?? {}),
      ...(data?.missing ? { missing: data.missing } : {}),
    });
  } else if (call.name === "desk.knowledge" && ok) {
    const passages: any[] = Array.isArray(data?.passages) ? data.passages : [];
    result(s, { passages: passages.map(({ title, text }) => ({ title: title ?? "", text: text ?? "" })) });
  } else result(s, ok ? ((data ?? {}) as JsonObject) : { error: errorOf(data) });
}

/** News of a task that the model had begun. @param otherwise what the customer is told when nobody waits for it any more */
export function agentNews(s: Step, event: PlaybookEvent, otherwise: string): void {
  const { c } = s;
  const call = c.agent?.calls[0];
  const isAwaited = c.phase === "agentic" && "name" in event && call?.task === event.name;
  if (!isAwaited) {
    if (event.type !== "approval") c.waiting.push({ kind: "notice", text: otherwise, at: s.at });
  } else if (event.type === "approval") {
    if (event.state === "pending") result(s, { state: "waiting for a person's approval" });
  } else if (event.type === "task.done") result(s, (event.result ?? {}) as JsonObject);
  else if (event.type === "task.failed") result(s, { error: errorOf(event.error) });
}

/** Tells the model what came of the call at hand, and goes on with the next. */
function result(s: Step, value: JsonObject): void {
  const agent = s.c.agent!;
  const [call, ...others] = agent.calls;
  agent.calls = others;
  // Whether anything was said of the record's place and age is nothing that a model has to read.
  const { provenance: _, steps: __, ...shown } = value;
  addToThread(s, {
    role: "tool",
    toolName: call!.name,
    content: cut(JSON.stringify(shown), agent.limits.resultChars),
  });
  next(s);
}

function errorOf(data: any): Json {
  return { code: String(data?.code ?? "failed"), message: String(data?.message ?? "") };
}
