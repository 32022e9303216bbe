/** What a turn says, and how it ends: with one reply. */
import type { Json } from "../../runtime/json.ts";
import { addToHistory } from "./history.ts";
import { rememberTurn } from "./memory.ts";
import type { Step } from "./step.ts";
import { say } from "./wording.ts";

export const VERIFYING_SLOTS = ["email", "postcode", "order_number", "name"] as const;

function expecting(s: Step): string[] {
  const { verification, run, offering, clarify, more } = s.c;
  const slots = new Set<string>(verification.awaiting ? VERIFYING_SLOTS : []);
  for (const type of run?.expects?.slots ?? []) slots.add(type);
  if (offering || clarify || more || run?.expects?.what === "confirm") slots.add("yes_no");
  return [...slots];
}

/** Asks what the message of the turn means. */
export function understand(s: Step): void {
  const turn = s.c.now!;
  turn.attempt += 1;
  const input: Record<string, Json> = { text: turn.text, conversation: s.c.id, now: turn.at };
  const expected = expecting(s);
  if (expected.length > 0) input.expecting = expected;
  if (s.c.locale) input.locale = s.c.locale;
  s.ask({ kind: "understand" }, "language", "understand", input, s.options.understandMs);
  s.go("understanding");
}

/**
 * Says what was collected; at most one reply a turn, unless something takes long.
 * @param also messages that the reply answers besides that of the turn
 */
export function flush(s: Step, also: readonly string[] = []): void {
  const turn = s.c.now;
  if (!turn || turn.said.length === 0) return;
  const text = turn.said.join("\n\n");
  const data: Record<string, Json> = { text, role: "desk", turn: turn.n };
  if (turn.quickReplies?.length) data.quickReplies = turn.quickReplies;
  if (turn.citations?.length) data.citations = turn.citations as unknown as Json;
  // A second reply of one turn answers nothing new.
  const own = turn.replied ? [] : [...(turn.also ?? []), ...(turn.messageId ? [turn.messageId] : [])];
  const ids = [...own, ...also];
  s.channel("reply", data, ids.length > 0 ? { answers: ids } : {});
  addToHistory(s, "desk", text);
  turn.replied = true;
  turn.said = [];
  turn.quickReplies = undefined;
  turn.citations = undefined;
}

/** A turn to speak in, also when the customer has not written. */
export function ensureTurn(s: Step): void {
  s.c.now ??= { n: s.c.turn, kind: "notice", text: "", at: s.at, attempt: 0, said: [], replied: false };
}

/** Ends the turn with its reply. What waits is taken up by `queue.ts`. */
export function endTurn(s: Step): void {
  const turn = s.c.now;
  if (turn) {
    // A customer is never left in silence, whatever a playbook forgot.
    if (turn.said.length === 0 && !turn.replied && turn.kind !== "event") s.say(say.nothingToSay);
    flush(s);
    rememberTurn(s, turn);
  }
  s.c.now = undefined;
  s.c.passages = [];
  s.go("listening");
}
