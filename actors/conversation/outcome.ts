/** How a conversation ends: exactly one outcome, and the question for satisfaction once. */
import type { JsonObject } from "../../runtime/json.ts";
import type { Outcome } from "./context.ts";
import { digest } from "./digest.ts";
import { keepTurns } from "./memory.ts";
import { dropAll } from "./playbooks.ts";
import { endTurn, flush } from "./reply.ts";
import type { Step } from "./step.ts";
import { say } from "./wording.ts";

/** Publishes the outcome unless there is one: what went to a person stays handed off, whoever ends it. */
export function publishOutcome(s: Step, outcome: Outcome): void {
  if (s.c.outcome) return;
  s.c.outcome = outcome;
  s.c.counts.outcomes += 1;
  s.channel("outcome", { outcome }, {});
  const { key } = s.c.customer;
  if (key) {
    s.emit({
      type: "bw.tell",
      to: { kind: "customer", key, id: key },
      event: "customer.outcome",
      data: {},
      clear: { conversation: s.c.id, outcome },
    });
  }
}

/** The customer says that it is done. */
export function close(s: Step): void {
  s.c.more = undefined;
  dropAll(s);
  const ask = s.options.askSatisfaction && !s.c.satisfaction.asked;
  s.say(ask ? say.satisfaction : say.bye, ask ? { quickReplies: say.satisfactionReplies } : {});
  endTurn(s);
  keepTurns(s);
  publishOutcome(s, "resolved");
  if (ask) {
    s.c.satisfaction.asked = true;
    s.go("satisfaction");
  } else shut(s);
}

/** Nobody writes any more. */
export function silence(s: Step): void {
  const { c } = s;
  keepTurns(s);
  if (c.turn === 0) {
    end(s, "abandoned");
    return;
  }
  if (c.nudged) {
    end(s, openMatter(s) ? "abandoned" : "resolved");
    return;
  }
  // It is the customer who waits: for a task, or for somebody's approval.
  if (c.tasks.length > 0) {
    s.go("listening");
    return;
  }
  c.nudged = true;
  const text = openMatter(s) ? say.nudge : say.nudgeDone;
  s.channel("reply", { text, role: "desk", turn: c.turn });
  s.go("listening");
}

/** Whether the customer was asked something that he has not answered, or never got what he came for. */
function openMatter(s: Step): boolean {
  const { c } = s;
  const run = c.run?.expects !== undefined && c.run.expects.what !== "approval";
  return run || c.verification.awaiting || c.clarify !== undefined || c.parked.length > 0 || !c.more;
}

/** Ends the conversation without a word. */
export function end(s: Step, outcome: Outcome): void {
  publishOutcome(s, outcome);
  shut(s);
}

export function shut(s: Step): void {
  keepTurns(s);
  dropAll(s);
  s.c.open = [];
  s.c.handoff = undefined;
  digest(s);
  s.channel("status", { state: "closed" });
  s.go("closed");
}

/** The number that a customer gives as his satisfaction. */
export function scoreOf(text: string): number | undefined {
  const found = /^\W*([1-5])(?:\s*(?:\/|out of|of)\s*5)?(?:\s*stars?)?\W*$/i.exec(text.trim());
  return found ? Number(found[1]) : undefined;
}

/** Takes a score, once. */
export function scored(s: Step, score: number, messageId?: string): void {
  if (!Number.isInteger(score) || score < 1 || score > 5 || s.c.satisfaction.score !== undefined) return;
  s.c.satisfaction.score = score;
  s.c.turn += 1;
  const clear: JsonObject = messageId ? { answers: [messageId] } : {};
  s.channel("reply", { text: say.scored(score), role: "desk", turn: s.c.turn }, clear);
  shut(s);
}

/** A message after the end opens the conversation again; its end is told anew. */
export function reopen(s: Step): void {
  s.c.outcome = undefined;
  s.c.more = undefined;
  s.c.nudged = false;
  s.channel("status", { state: "open" });
  s.go("listening");
}

/** A person has ended the conversation. */
export function closedByHuman(s: Step): void {
  if (!s.c.handoff || s.event.data?.handoffId !== s.c.handoff.id) return;
  s.channel("handoff", { id: s.c.handoff.id, state: "closed", reason: s.c.handoff.reason });
  s.c.handoff = undefined;
  publishOutcome(s, "handed_off");
  if (s.c.satisfaction.asked) {
    shut(s);
    return;
  }
  s.c.satisfaction.asked = true;
  s.channel("reply", {
    text: say.satisfaction.replace("You're welcome! ", ""),
    role: "desk",
    turn: s.c.turn,
    quickReplies: say.satisfactionReplies,
  });
  s.channel("status", { state: "open" });
  s.go("satisfaction");
}

/** Closed from outside. */
export function closeNow(s: Step): void {
  if (s.c.phase === "closed") return;
  flush(s);
  s.c.now = undefined;
  s.c.waiting = [];
  const { handoff } = s.c;
  if (handoff) s.tell("handoff", handoff.id, "handoff.withdraw", {});
  end(s, openMatter(s) ? "abandoned" : "resolved");
}
