/** What the model of an agentic conversation has to know of it, message by message. Kept in the state, and told once. */
import type { Json, JsonObject } from "../../runtime/json.ts";
import type { Step } from "./step.ts";

export interface ThreadMessage {
  role: "system" | "user" | "assistant" | "tool";
  content: string;
  /** Of the assistant's: what it wanted done. */
  toolCalls?: { name: string; arguments: JsonObject }[];
  /** Of a result: whose. */
  toolName?: string;
}

/** Adds a message; what does not fit any more is let go from the front, half of it at once: then the model is told anew. */
export function addToThread(s: Step, message: ThreadMessage): void {
  const { agent } = s.c;
  if (!agent) return;
  agent.thread.push(message);
  const { threadChars } = agent.limits;
  let chars = agent.thread.reduce((sum, each) => sum + lengthOf(each), 0);
  if (chars <= threadChars) return;
  let gone = 0;
  while (gone < agent.thread.length - 1 && (chars > threadChars / 2 || agent.thread[gone]!.role === "tool"))
    chars -= lengthOf(agent.thread[gone++]!);
  agent.thread = agent.thread.slice(gone);
  agent.dropped += gone;
  agent.told = agent.dropped;
}

const SPEAKERS = { customer: "user", desk: "assistant", human: "assistant" } as const;

export function saidInThread(s: Step, role: keyof typeof SPEAKERS, text: string): void {
  addToThread(s, { role: SPEAKERS[role], content: role === "human" ? `(a colleague) ${text}` : text });
}

/** The calls of a proposal: beside what it said, where it said anything. */
export function calledInThread(
  s: Step,
  hasSpoken: boolean,
  toolCalls: NonNullable<ThreadMessage["toolCalls"]>,
): void {
  const last = s.c.agent?.thread.at(-1);
  if (hasSpoken && last?.role === "assistant" && !last.toolCalls) last.toolCalls = toolCalls;
  else addToThread(s, { role: "assistant", content: "", toolCalls });
}

/** What the model was not told yet, and the place of its first message among all. */
export function untold(s: Step): { from: number; messages: Json } {
  const { thread, dropped, told } = s.c.agent!;
  return { from: told, messages: thread.slice(told - dropped) as unknown as Json };
}

function lengthOf({ content, toolCalls }: ThreadMessage): number {
  return content.length + (toolCalls ? JSON.stringify(toolCalls).length : 0);
}
