/** The state of a conversation: JSON throughout, and small, because it is snapshotted after every turn. */

import type { Policy } from "../orchestrator/policy.ts";
import type { Citation, PlaybookEvent, SlotType, Understanding } from "../playbooks/protocol.ts";
import type { Agent } from "./agentic.ts";
import type { Decision } from "./decide.ts";
import type { PlaybookVersions } from "./options.ts";

/** States of the machine; `deciding` is passed through within one fold. */
export const PHASES = [
  "listening",
  "understanding",
  "verifying",
  "playbook",
  "answering",
  "agentic",
  "waitingForHuman",
  "withHuman",
  "satisfaction",
  "closed",
] as const;
export type Phase = (typeof PHASES)[number];

export type Outcome = "resolved" | "handed_off" | "abandoned";

/** What waits for its turn. */
export type Item =
  | {
      readonly kind: "message";
      readonly messageId: string;
      readonly text: string;
      readonly at: number;
      /** Of several that were for a person, who has handed back without a word to them, those before: all are in the history. */
      readonly also?: readonly string[];
    }
  /** Something happened to a playbook that is not at its turn: a task ended, a person decided. */
  | { readonly kind: "event"; readonly child: string; readonly event: PlaybookEvent; readonly at: number }
  /** What a person wants done after handing back. */
  | {
      readonly kind: "instruction";
      readonly text: string;
      readonly at: number;
      /** Messages of the customer that the person has said nothing to. */
      readonly also?: readonly string[];
    }
  /** Something that the customer should know. */
  | { readonly kind: "notice"; readonly text: string; readonly at: number };

/** The turn under way. */
export interface Turn {
  n: number;
  kind: Item["kind"];
  /** The message that its reply answers. */
  messageId?: string;
  /** Further ones that it answers. */
  also?: readonly string[];
  /** Something was said already. */
  replied: boolean;
  text: string;
  at: number;
  understanding?: Understanding;
  /** It was decided what to do about it; once more after the customer has become known. */
  decided?: boolean;
  /** The customer was greeted in this turn: what is remembered has its place behind so many of the things said. */
  greeted?: number;
  /** What is done once the question on the side has been looked up. */
  next?: Decision;
  question?: string;
  /** Attempts at understanding. */
  attempt: number;
  said: string[];
  quickReplies?: string[];
  citations?: Citation[];
}

export type PlainAsk =
  | "understand"
  | "verify"
  | "identify"
  | "recall"
  | "facts"
  | "aside"
  | "search"
  | "answer"
  | "digest"
  | "propose"
  | "check"
  | "skill";

/** An ask whose answer is awaited. Other answers are late and dropped. */
export type OpenAsk =
  | { readonly name: string; readonly kind: PlainAsk }
  | { readonly name: string; readonly kind: "call"; readonly child: string; readonly call: string }
  | { readonly name: string; readonly kind: "ground"; readonly text: string; readonly citations: Citation[] }
  | { readonly name: string; readonly kind: "gist"; readonly text: string };

/** A playbook that runs or is parked. */
export interface Run {
  child: string;
  name: string;
  src: string;
  label: string;
  /** The open question of the playbook. */
  expects?: { slots: SlotType[]; what: "ask" | "choose" | "confirm" | "approval" };
  /** Its wording, to come back to. */
  prompt?: string;
  quickReplies?: string[];
  /** It waits for the customer to be verified. */
  verifying?: boolean;
  /** Tasks that it waits for. */
  tasks: string[];
  /** It was set aside for a moment and goes on by itself. */
  interrupted?: boolean;
}

export interface PendingTask {
  id: string;
  child: string;
  /** Name that the playbook gave it. */
  name: string;
  label: string;
}

export interface PendingApproval {
  id: string;
  taskId: string;
  what: string;
  amount?: number;
  currency?: string;
}

export interface Evidence {
  emails: string[];
  postcodes: string[];
  orders: string[];
  names: string[];
}

export interface RememberedFact {
  id: string;
  type: string;
  text: string;
  value?: unknown;
  conversation?: string;
  at?: number;
}

export interface HistoryTurn {
  role: "customer" | "desk" | "human";
  text: string;
  at: number;
  /** Of a customer's message. */
  messageId?: string;
  /** Of the latest customer turns only. */
  understanding?: Understanding;
}

export interface Handoff {
  id: string;
  reason: string;
  state: "queued" | "accepted";
  agent?: string;
  /** The customer was told that it takes longer. */
  late?: boolean;
  /** Where he wants to be called back. */
  callback?: boolean;
  /** What the customer has written since the person's last word. */
  unheard?: { messageId: string; text: string; at: number }[];
}

export interface Conversation {
  id: string;
  phase: Phase;
  channel: string;
  locale?: string;
  /** The desk had no model when it began, so none is asked. */
  withoutModel?: boolean;
  /** The model that is asked; that of the desk where there is none. */
  model?: string;
  /** Rules of escalation that are otherwise than the desk's. */
  escalation?: Partial<Policy>;
  customer: {
    claimedId?: string;
    vouched: boolean;
    verified: boolean;
    id?: string;
    /** Keyed hash of the id: memory goes by it. */
    key?: string;
    name?: string;
    firstName?: string;
    email?: string;
    how?: string;
    greeted?: boolean;
    vip?: boolean;
  };
  evidence: Evidence;
  verification: {
    awaiting: boolean;
    /** Details that fitted nobody. */
    failures: number;
    /** Answers that brought nothing new. */
    idle: number;
    /** What would be enough, as the records said last. */
    ways?: string[][];
    /** What was already tried, so that the same is not asked of the records again. */
    tried?: string;
    /** The latest attempt had something that the one before had not. */
    fresh?: boolean;
    /** What the customer wrote since, for the playbook's slots. */
    said: { text: string; understanding: Understanding | null }[];
    identified?: boolean;
  };
  facts: RememberedFact[];
  turn: number;
  now?: Turn;
  waiting: Item[];
  /** Further requests of one message. */
  requests: { intent: string; text: string; turn: number }[];
  /** Lasting wishes that were stated before anybody knew who states them. */
  stated: { type: string; text: string }[];
  open: OpenAsk[];
  passages: { id: string; articleId: string; title: string; text: string; quotable: boolean }[];
  run?: Run;
  parked: Run[];
  /** What playbooks asked for in this fold. */
  inbox: PlaybookMessage[];
  tasks: PendingTask[];
  approvals: PendingApproval[];
  done: { name: string; result: string }[];
  /** Versions of playbooks when it began, those above the first. */
  playbooks?: PlaybookVersions;
  counts: { asks: number; runs: number; tasks: number; handoffs: number; outcomes: number };
  unsure: number;
  angry: number;
  /** Intents that were offered in a question back. */
  clarify?: { intent: string; label: string }[];
  /** The conversation goes to a person as soon as it has been tried who the customer is. */
  handAfter?: {
    reason: string;
    /** Nothing that was said names an order, so the latest ones are looked at. */
    latest?: boolean;
  };
  /** How often a question on the side found no answer. */
  unanswered?: number;
  /** The customer was told that nothing has been done, since his yes was missing. */
  leftOpen?: boolean;
  /** The customer was asked whether to go on with what was set aside. */
  offering?: boolean;
  /** The customer was asked whether there is anything else. */
  more?: boolean;
  handoff?: Handoff;
  fromHuman?: { summary: string; instruction: string };
  nudged: boolean;
  satisfaction: { asked: boolean; score?: number };
  outcome?: Outcome;
  history: HistoryTurn[];
  /** Turns that memory has not been given yet. */
  unkept?: UnkeptTurn[];
  /** The model leads. Absent: playbooks do. */
  agent?: Agent;
}

export interface UnkeptTurn {
  readonly turn: number;
  readonly at: number;
  readonly messageId?: string;
  readonly text: string;
  readonly reply: string;
}

/** A `PlaybookCommand` as it arrives at the parent. */
export type PlaybookMessage = { readonly type: string } & { readonly [key: string]: any };

export interface ConversationContext {
  d: Conversation;
}

export function newConversation(id: string): Conversation {
  return {
    id,
    phase: "listening",
    channel: "chat",
    customer: { vouched: false, verified: false },
    evidence: { emails: [], postcodes: [], orders: [], names: [] },
    verification: { awaiting: false, failures: 0, idle: 0, said: [] },
    facts: [],
    turn: 0,
    waiting: [],
    requests: [],
    stated: [],
    open: [],
    passages: [],
    parked: [],
    inbox: [],
    tasks: [],
    approvals: [],
    done: [],
    counts: { asks: 0, runs: 0, tasks: 0, handoffs: 0, outcomes: 0 },
    unsure: 0,
    angry: 0,
    nudged: false,
    satisfaction: { asked: false },
    history: [],
  };
}
