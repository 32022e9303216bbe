/** The latest turns, cut short: what later decisions lean on. The whole transcript is in the log. */
import type { Understanding } from "../playbooks/protocol.ts";
import { saidInThread } from "./agent-thread.ts";
import type { HistoryTurn } from "./context.ts";
import type { Step } from "./step.ts";

/** Customer turns whose understanding is kept for the slots of playbooks that start later. */
const UNDERSTOOD = 4;

/** Values of one message that are kept. */
const ENTITIES = 30;

export function cut(text: string, chars: number): string {
  if (text.length <= chars) return text;
  const end = text.charCodeAt(chars - 1) >= 0xd800 && text.charCodeAt(chars - 1) < 0xdc00 ? chars - 1 : chars;
  return text.slice(0, end);
}

/** The part of an understanding that playbooks use. */
export function compact(u: Understanding): Understanding {
  return { intent: u.intent, entities: u.entities.slice(0, ENTITIES), yesNo: u.yesNo, topics: u.topics };
}

export function addToHistory(s: Step, role: HistoryTurn["role"], text: string, messageId?: string): void {
  const turn: HistoryTurn = { role, text: cut(text, s.options.historyChars), at: s.at };
  if (messageId) turn.messageId = messageId;
  const history = [...s.c.history, turn].slice(-s.options.history);
  let kept = 0;
  for (let i = history.length - 1; i >= 0; i--) {
    if (history[i]!.understanding && ++kept > UNDERSTOOD)
      history[i] = { ...history[i]!, understanding: undefined };
  }
  s.c.history = history;
  saidInThread(s, role, text);
}

/** What the customer wrote, newest last, as one text of limited length. */
export function customerWords(s: Step, chars = 4_000): string {
  const texts = s.c.history.filter((turn) => turn.role === "customer").map((turn) => turn.text);
  const joined = texts.join("\n");
  return joined.length <= chars ? joined : joined.slice(-chars);
}

/**
 * Earlier customer messages for the slots of a playbook, oldest first.
 * @param present whether the present one belongs to them: the playbook starts on something that was said before it
 */
export function earlier(s: Step, present = false): { text: string; understanding: Understanding | null }[] {
  const said = s.c.history.filter((turn) => turn.role === "customer");
  return (present ? said : said.slice(0, -1))
    .slice(-UNDERSTOOD)
    .map((turn) => ({ text: turn.text, understanding: turn.understanding ?? null }));
}
