/** What follows what: a turn from understanding to its end, across verification, playbooks and answers. */
import type { Understanding } from "../playbooks/protocol.ts";
import { afterRun, asideAnswered, decideTurn, detourDone, startsPlaybook, stated } from "./act.ts";
import { agentGrounded, agentIdentified, agentRemembers, proposed, skillAnswered } from "./agentic.ts";
import { digested, summedUp } from "./digest.ts";
import * as facts from "./facts.ts";
import { compact } from "./history.ts";
import { handOff } from "./human.ts";
import { type Answered, clarify, grounded, modelAnswered, searched } from "./knowledge.ts";
import { mentionFact, recalled } from "./memory.ts";
import { deliver, drop, obey, park, start, turnEvent, verifiedEvent } from "./playbooks.ts";
import { endTurn, understand } from "./reply.ts";
import type { Step } from "./step.ts";
import * as verification from "./verification.ts";
import { plausible, wantedOf } from "./wanted.ts";
import { say } from "./wording.ts";

/** Takes the answer to whatever was asked; late answers are dropped. */
export function answered(s: Step): void {
  const got = s.answered();
  if (!got) return;
  const { ask, ok } = got;
  if (ask.kind === "understand") understood(s, ok);
  else if (ask.kind === "identify") identified(s, ok);
  else if (ask.kind === "verify") verified(s, ok);
  else if (ask.kind === "recall") remembered(s, ok);
  else if (ask.kind === "facts") {
    if (!facts.state(s, ok)) handOff(s, s.c.handAfter ?? { reason: "asked" });
  } else if (ask.kind === "aside") asideAnswered(s, ok);
  else if (ask.kind === "search") answeredBy(s, searched(s, ok));
  else if (ask.kind === "answer") answeredBy(s, modelAnswered(s, ok));
  else if (ask.kind === "ground") answeredBy(s, grounded(s, ok, ask.text, ask.citations));
  else if (ask.kind === "digest") digested(s, ok);
  else if (ask.kind === "gist") summedUp(s, ok, ask.text);
  else if (ask.kind === "propose") proposed(s, ok);
  else if (ask.kind === "check") agentGrounded(s, ok);
  else if (ask.kind === "skill") skillAnswered(s, ok);
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
    if (verification.nothingNew(s) === "handoff") handOff(s, { reason: "unverified" });
    return;
  }
  if (c.run?.expects) {
    deliver(s, c.run, turnEvent(s, c.now!.text));
    return;
  }
  const wish = {
    u: c.now!.understanding!,
    text: c.now!.text,
    options: s.options,
    playbooks: s.playbooks,
  };
  const guess = wantedOf(wish, s.options.confident)[0] ?? plausible(wish);
  if (guess) {
    start(s, guess.entry, guess.text);
    return;
  }
  // Who says who he is has been understood, whatever else he wants.
  if (verification.bringsEvidence(c.now!.understanding!)) {
    s.say(say.identity);
    endTurn(s);
    return;
  }
  c.unsure += 1;
  if (c.unsure >= s.policy.unsureMessages) {
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
  // The reply may begin with what is remembered; a look-up need not wait for that.
  if (recalling(s) && !s.c.inbox.some((command) => command.type === "pb.call")) return;
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
  if (calling(s)) return;
  if (run.tasks.length > 0 && !run.expects) return;
  // A person decides on this one: meanwhile what else was asked for.
  if (run.expects?.what === "approval" && s.c.requests.length > 0) {
    park(s);
    afterRun(s);
    return;
  }
  endTurn(s);
}

/** Whether the playbook that runs waits for a look-up. */
function calling(s: Step): boolean {
  return s.c.open.some((open) => open.kind === "call" && open.child === s.c.run?.child);
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
  if (s.c.agent) {
    agentIdentified(s, ok);
    return;
  }
  if (ok && s.event.data) {
    verification.accept(s, { ...s.event.data, customerId: s.c.customer.claimedId }, "channel");
    whenRecalled(s);
    return;
  }
  if (s.c.run?.verifying) verification.verify(s);
  else decideTurn(s);
}

function verified(s: Step, ok: boolean): void {
  const { handAfter } = s.c;
  if (handAfter && s.event.data?.verified !== true) {
    handOff(s, handAfter);
    return;
  }
  if (!ok) {
    handOff(s, { reason: "records_down" });
    return;
  }
  const result = verification.verificationAnswered(s);
  if (result === "handoff") handOff(s, { reason: "unverified" });
  else if (result === "verified") whenRecalled(s);
}

function recalling(s: Step): boolean {
  return s.c.open.some((open) => open.kind === "recall");
}

/** Memory is waited for where there is one to ask; a playbook looks things up meanwhile. */
function whenRecalled(s: Step): void {
  const goesOn = (): boolean => !s.c.handAfter && (s.c.run?.verifying === true || startsPlaybook(s));
  if (!recalling(s) || goesOn()) afterVerified(s);
  else s.go("verifying");
}

function remembered(s: Step, ok: boolean): void {
  recalled(s, ok);
  if (s.c.agent && s.c.phase === "agentic") {
    agentRemembers(s);
    return;
  }
  if (s.c.phase === "verifying") {
    afterVerified(s);
    return;
  }
  mentionFact(s);
  if (s.c.phase === "playbook" && !calling(s)) settled(s);
}

function afterVerified(s: Step): void {
  verification.welcome(s);
  if (!recalling(s)) mentionFact(s);
  stated(s, "");
  const { run, handAfter } = s.c;
  if (handAfter) {
    facts.look(s);
    return;
  }
  if (run?.verifying) {
    run.verifying = undefined;
    deliver(s, run, verifiedEvent(s));
  } else decideTurn(s);
}

/** A task takes longer than a customer should wait without a word. */
export function patience(s: Step): void {
  if (!s.c.run || s.c.run.tasks.length === 0) return;
  s.say(say.stillWorking);
  endTurn(s);
}
