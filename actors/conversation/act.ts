/** Carries out what was decided about a message, and what follows when a playbook ends. */

import { asideOf, sayAside, searchAside } from "./aside.ts";
import { type Decision, decide } from "./decide.ts";
import { compact, cut } from "./history.ts";
import { handOff } from "./human.ts";
import { search } from "./knowledge.ts";
import { factsText, remember, statedFact } from "./memory.ts";
import { close } from "./outcome.ts";
import { isFarewell, signal } from "./phrases.ts";
import { deliver, drop, resume, sayPrompt, start, turnEvent } from "./playbooks.ts";
import { endTurn } from "./reply.ts";
import type { Step } from "./step.ts";
import * as verification from "./verification.ts";
import type { Wanted } from "./wanted.ts";
import { say } from "./wording.ts";

function decisionOf(s: Step): Decision {
  const turn = s.c.now!;
  return decide({
    c: s.c,
    text: turn.text,
    u: turn.understanding!,
    evidence: verification.untried(s),
    options: s.options,
    policy: s.policy,
    playbooks: s.playbooks,
  });
}

/** Whether a playbook is what the message of the turn comes to. */
export function startsPlaybook(s: Step): boolean {
  return s.c.now?.understanding !== undefined && decisionOf(s).do === "start";
}

/** Decides what to do with the message of the turn, and does it. */
export function decideTurn(s: Step): void {
  const turn = s.c.now!;
  const u = turn.understanding!;
  const { c } = s;
  const decision = decisionOf(s);
  const again = turn.decided === true;
  turn.decided = true;
  if (signal(u, "angry") && !again) {
    s.c.angry += 1;
    if (decision.do !== "handoff") s.say(say.apologise);
  }
  if (turn.kind === "message" && !again) stated(s, turn.text);
  if (s.c.verification.awaiting && decision.do !== "refuse") {
    s.c.verification.said = [
      ...s.c.verification.said,
      { text: cut(turn.text, 1_000), understanding: compact(u) },
    ].slice(-4);
  }
  const question = !again && ASIDE.has(decision.do) ? asideOf(turn.text) : undefined;
  if (question && c.run?.expects?.what !== "approval") {
    turn.next = decision;
    turn.question = question;
    searchAside(s, question);
  } else act(s, decision);
}

/** What is done with a message although it holds a question as well. */
const ASIDE = new Set<Decision["do"]>(["turn", "start", "verify", "leaveOpen", "pending"]);

/** The question on the side has been looked up; now what the message was about. */
export function asideAnswered(s: Step, ok: boolean): void {
  const turn = s.c.now;
  if (!turn?.next) return;
  const { next } = turn;
  turn.next = undefined;
  sayAside(s, ok);
  act(s, next);
}

/** Keeps what the customer wants kept, as soon as it is known whose wish it is. */
export function stated(s: Step, text: string): void {
  const fact = statedFact(text);
  if (fact) s.c.stated = [...s.c.stated, fact].slice(-3);
  if (s.c.customer.key) {
    for (const wish of s.c.stated) remember(s, wish.type, wish.text, wish.text);
    s.c.stated = [];
  }
}

function act(s: Step, decision: Decision): void {
  const { c } = s;
  c.clarify = undefined;
  c.offering = undefined;
  c.more = undefined;
  switch (decision.do) {
    case "prompt":
      s.say(decision.why === "empty" ? say.empty : say.emoji);
      detourDone(s);
      return;
    case "refuse":
      s.say(say.refuse);
      detourDone(s);
      return;
    case "handoff":
      if (decision.verify) {
        c.handAfter = { reason: decision.reason };
        verification.verify(s);
        return;
      }
      handOff(s, {
        reason: decision.reason,
        sentence: decision.topic?.sentence,
        topic: decision.topic,
      });
      return;
    case "close":
      close(s);
      return;
    case "greet":
      s.say(say.greeting(c.customer.greeted ? undefined : c.customer.firstName));
      endTurn(s);
      return;
    case "introduce":
      s.say(say.introduction);
      detourDone(s);
      return;
    case "more":
      s.say(say.go);
      c.more = true;
      endTurn(s);
      return;
    case "resume":
      resume(s);
      return;
    case "forget":
      for (const run of c.parked.filter((parked) => parked.tasks.length === 0)) s.stop(run.child);
      c.parked = c.parked.filter((parked) => parked.tasks.length > 0);
      if (isFarewell(c.now!.understanding!, c.now!.text)) {
        close(s);
        return;
      }
      s.say(say.left);
      anythingElse(s);
      return;
    case "turn":
      putOff(s, decision.also);
      deliver(s, c.run!, turnEvent(s, c.now!.text, decision.as));
      return;
    case "leaveOpen":
      leaveOpen(s);
      return;
    case "pending":
      s.say(say.pending);
      endTurn(s);
      return;
    case "stop":
      drop(s);
      s.say(say.left);
      afterRun(s);
      return;
    case "verify":
      if (decision.drop) drop(s);
      putOff(s, decision.also);
      verification.verify(s);
      return;
    case "recallAll":
      s.say(factsText(c.facts));
      endTurn(s);
      return;
    case "start": {
      if (decision.drop) drop(s);
      const [first, ...rest] = decision.wanted;
      c.unsure = 0;
      c.requests = c.requests.filter((request) => request.intent !== first!.intent);
      putOff(s, rest, true);
      start(s, first!.entry, first!.text);
      return;
    }
    case "answer":
      if (statedFact(c.now!.text) && !c.run) {
        s.say(say.noted);
        c.more = true;
        endTurn(s);
        return;
      }
      search(s);
      return;
  }
}

/** Further requests that are kept for later. */
const KEPT = 4;

/** Keeps requests for when the present one is done, each once. */
function putOff(s: Step, wanted: readonly Wanted[] = [], first = false): void {
  const { c } = s;
  const known = new Set([c.run?.name, ...c.parked.map((run) => run.name)]);
  const requests = wanted
    .filter(({ entry }) => !known.has(entry.name) || first)
    .map(({ intent, text }) => ({ intent, text: cut(text, 1_000), turn: c.turn }));
  const others = c.requests.filter((old) => !requests.some((request) => request.intent === old.intent));
  c.requests = (first ? [...requests, ...others] : [...others, ...requests]).slice(0, KEPT);
}

/** Thanks for what has not been done: said kindly, once; the second time the customer is believed to want no more. */
function leaveOpen(s: Step): void {
  const { c } = s;
  if (c.leftOpen) {
    drop(s);
    close(s);
    return;
  }
  c.leftOpen = true;
  const label = c.run!.label;
  s.say(c.run!.expects?.what === "confirm" ? say.notYet(label) : say.notFinished(label), {
    quickReplies: c.run!.quickReplies ?? [],
  });
  endTurn(s);
}

/** After something on the way: the open question again. */
export function detourDone(s: Step): void {
  sayPrompt(s);
  endTurn(s);
}

/** A playbook has ended: the next request, what was set aside, or whether there is anything else. */
export function afterRun(s: Step): void {
  const { c } = s;
  c.unsure = 0;
  const [request, ...rest] = c.requests;
  if (request) {
    c.requests = rest;
    const entry = s.playbooks.forIntent(request.intent);
    if (entry) {
      s.say(say.next);
      start(s, entry, request.text, request.turn === c.turn);
      return;
    }
  }
  const top = c.parked.at(-1);
  if (top?.interrupted) {
    resume(s);
    return;
  }
  if (top && (top.expects || top.verifying) && top.expects?.what !== "approval") {
    c.offering = true;
    s.say(say.offerBack(top.label), { quickReplies: say.offerReplies });
    endTurn(s);
    return;
  }
  anythingElse(s);
}

function anythingElse(s: Step): void {
  s.c.more = true;
  if (!s.c.now?.said.at(-1)?.trimEnd().endsWith("?")) s.say(say.more);
  endTurn(s);
}
