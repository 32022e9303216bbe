/** What follows what: a turn from understanding to its end, across verification, playbooks and answers. */
import type { Understanding } from "../playbooks/protocol.ts";
import { type Decision, decide, isFarewell, signal } from "./decide.ts";
import { compact, cut } from "./history.ts";
import { handOff } from "./human.ts";
import { type Answered, clarify, grounded, modelAnswered, search, searched } from "./knowledge.ts";
import { factsText, recalled, remember, statedFact } from "./memory.ts";
import { close } from "./outcome.ts";
import { deliver, drop, obey, resume, sayPrompt, start, turnEvent, verifiedEvent } from "./playbooks.ts";
import { endTurn, understand } from "./reply.ts";
import type { Step } from "./step.ts";
import * as verification from "./verification.ts";
import { say } from "./wording.ts";

/** Takes the answer to whatever was asked; late answers are dropped. */
export function answered(s: Step): void {
  const got = s.answered();
  if (!got) return;
  const { ask, ok } = got;
  if (ask.kind === "understand") understood(s, ok);
  else if (ask.kind === "identify") identified(s, ok);
  else if (ask.kind === "verify") verified(s, ok);
  else if (ask.kind === "recall") {
    recalled(s, ok);
    afterVerified(s);
  } else if (ask.kind === "search") answeredBy(s, searched(s, ok));
  else if (ask.kind === "answer") answeredBy(s, modelAnswered(s, ok));
  else if (ask.kind === "ground") answeredBy(s, grounded(s, ok, ask.text, ask.citations));
  else if (ask.kind === "call") called(s, ask.child, ask.call, ok);
}

function understood(s: Step, ok: boolean): void {
  const turn = s.c.now;
  if (!turn) return;
  if (!ok) {
    if (turn.attempt < 2) {
      s.say(say.slow);
      understand(s);
    } else handOff(s, { reason: "error", sentence: say.handoff.error });
    return;
  }
  const { masked: _masked, ...understanding } = s.event.data as Understanding;
  turn.understanding = understanding;
  const last = s.c.history.at(-1);
  if (turn.kind === "message" && last?.role === "customer") last.understanding = compact(understanding);
  verification.collect(s, understanding);
  if (verification.canIdentify(s)) verification.identify(s);
  else decideTurn(s);
}

function decideTurn(s: Step): void {
  const turn = s.c.now!;
  const u = turn.understanding!;
  const decision = decide({
    c: s.c,
    text: turn.text,
    u,
    evidence: verification.untried(s),
    options: s.options,
    policy: s.settings.policy,
    playbooks: s.settings.playbooks,
  });
  if (signal(u, "angry")) {
    s.c.angry += 1;
    if (decision.do !== "handoff") s.say(say.apologise);
  }
  if (turn.kind === "message") stated(s, turn.text);
  if (s.c.verification.awaiting && decision.do !== "refuse") {
    s.c.verification.said = [
      ...s.c.verification.said,
      { text: cut(turn.text, 1_000), understanding: compact(u) },
    ].slice(-4);
  }
  act(s, decision);
}

/** Keeps what the customer wants kept, as soon as it is known whose wish it is. */
function stated(s: Step, text: string): void {
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
    case "more":
      s.say(say.go);
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
      deliver(s, c.run!, turnEvent(s, c.now!.text));
      return;
    case "stop":
      drop(s);
      s.say(say.left);
      afterRun(s);
      return;
    case "verify":
      verification.verify(s);
      return;
    case "nothingNew":
      if (verification.nothingNew(s) === "handoff") handOff(s, { reason: "unverified" });
      return;
    case "recallAll":
      s.say(factsText(c.facts));
      endTurn(s);
      return;
    case "start": {
      if (decision.drop) drop(s);
      const [first, ...rest] = decision.wanted;
      c.unsure = 0;
      c.requests = [
        ...rest.map((wanted) => ({ intent: wanted.entry.name, text: cut(wanted.text, 1_000), turn: c.turn })),
        ...c.requests,
      ].slice(0, 4);
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

/** After something on the way: the open question again. */
function detourDone(s: Step): void {
  sayPrompt(s);
  endTurn(s);
}

function answeredBy(s: Step, result: Answered): void {
  const { c } = s;
  if (result === "waiting") return;
  if (result === "answered") {
    c.unsure = 0;
    if (!c.run?.expects && !c.verification.awaiting) c.more = true;
    detourDone(s);
    return;
  }
  if (c.verification.awaiting) {
    act(s, { do: "nothingNew" });
    return;
  }
  if (c.run?.expects) {
    deliver(s, c.run, turnEvent(s, c.now!.text));
    return;
  }
  c.unsure += 1;
  if (c.unsure >= s.settings.policy.unsureMessages) {
    handOff(s, { reason: "unsure" });
    return;
  }
  clarify(s);
}

function called(s: Step, child: string, name: string, ok: boolean): void {
  const { run } = s.c;
  if (run?.child !== child) return;
  const at = s.at;
  const value = s.event.data;
  deliver(
    s,
    run,
    ok ? { type: "call.done", name, value, at } : { type: "call.failed", name, error: value, at },
  );
}

/** Everything that the playbook wanted in this fold is there. */
export function settled(s: Step): void {
  if (s.c.phase !== "playbook" || !s.c.now) {
    s.c.inbox = [];
    return;
  }
  const wants = obey(s);
  const { run } = s.c;
  if (!run) {
    endTurn(s);
    return;
  }
  if (wants.handoff) {
    handOff(s, wants.handoff);
    return;
  }
  if (wants.done) {
    s.c.done = [...s.c.done, { name: run.name, result: wants.done }].slice(-8);
    drop(s);
    afterRun(s);
    return;
  }
  if (wants.refused) return;
  if (wants.verify || run.verifying) {
    needVerified(s);
    return;
  }
  if (s.c.open.some((open) => open.kind === "call" && open.child === run.child)) return;
  if (run.tasks.length > 0 && !run.expects) return;
  endTurn(s);
}

function needVerified(s: Step): void {
  const run = s.c.run!;
  run.verifying = true;
  run.expects = undefined;
  if (s.c.customer.verified) afterVerified(s);
  else if (verification.canIdentify(s)) verification.identify(s);
  else verification.verify(s);
}

function identified(s: Step, ok: boolean): void {
  if (ok && s.event.data) {
    verification.accept(s, { ...s.event.data, customerId: s.c.customer.claimedId }, "channel");
    whenRecalled(s);
    return;
  }
  if (s.c.run?.verifying) verification.verify(s);
  else decideTurn(s);
}

function verified(s: Step, ok: boolean): void {
  if (!ok) {
    handOff(s, { reason: "records_down" });
    return;
  }
  const result = verification.verificationAnswered(s);
  if (result === "handoff") handOff(s, { reason: "unverified" });
  else if (result === "verified") whenRecalled(s);
}

/** Memory is waited for where there is one to ask. */
function whenRecalled(s: Step): void {
  if (s.c.open.some((open) => open.kind === "recall")) s.go("verifying");
  else afterVerified(s);
}

function afterVerified(s: Step): void {
  verification.welcome(s);
  stated(s, "");
  const { run } = s.c;
  if (run?.verifying) {
    run.verifying = undefined;
    deliver(s, run, verifiedEvent(s));
  } else decideTurn(s);
}

/** A playbook has ended: the next request, what was set aside, or whether there is anything else. */
function afterRun(s: Step): void {
  const { c } = s;
  c.unsure = 0;
  const [request, ...rest] = c.requests;
  if (request) {
    c.requests = rest;
    const entry = s.settings.playbooks.forIntent(request.intent);
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

/** A task takes longer than a customer should wait without a word. */
export function patience(s: Step): void {
  if (!s.c.run || s.c.run.tasks.length === 0) return;
  s.say(say.stillWorking);
  endTurn(s);
}
