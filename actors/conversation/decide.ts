/**
 * What to do with a message that was understood: a pure function of the state and the understanding. Carrying it out is
 * `act.ts`'s.
 */
import { type Policy, type Topic, topicOf } from "../orchestrator/policy.ts";
import type { Understanding } from "../playbooks/protocol.ts";
import { agreesToOther, commands, isClosing, isPlainYes, takesBack } from "./consent.ts";
import type { Conversation } from "./context.ts";
import { asksForMemory } from "./memory.ts";
import {
  asksForMachine,
  asksOnly,
  chosen,
  isFarewell,
  isQuestion,
  RECORDS,
  SHORT,
  signal,
} from "./phrases.ts";
import { earlierWish, entryOf, namedWishes, plausible, type Wanted, type Wish, wantedOf } from "./wanted.ts";

export type Decision =
  | { readonly do: "prompt"; readonly why: "empty" | "emoji" }
  | { readonly do: "refuse" }
  /** `verify`: what would tell who the customer is lies at hand and is tried first. */
  | { readonly do: "handoff"; readonly reason: string; readonly topic?: Topic; readonly verify?: boolean }
  | { readonly do: "close" }
  | { readonly do: "greet" }
  | { readonly do: "introduce" }
  | { readonly do: "more" }
  | { readonly do: "resume" }
  /** What was set aside is let go. */
  | { readonly do: "forget" }
  /** The playbook hears it. `as`: what its yes or no counts as. `also`: further requests, for later. */
  | { readonly do: "turn"; readonly as?: "yes" | "no" | null; readonly also?: readonly Wanted[] }
  /** Thanks, while the desk still waits for a yes: it says that nothing has been done. */
  | { readonly do: "leaveOpen" }
  | { readonly do: "stop" }
  /** It is still with the person who decides. */
  | { readonly do: "pending" }
  /** `drop`: what ran is not wanted any more; what is, is looked at again once the customer is known. */
  | { readonly do: "verify"; readonly also?: readonly Wanted[]; readonly drop?: boolean }
  /** Starts the first, keeps the rest for later. `drop`: what ran is not wanted any more. */
  | { readonly do: "start"; readonly wanted: readonly Wanted[]; readonly drop: boolean }
  | { readonly do: "recallAll" }
  /** A free question: knowledge, then a model, then asking back. */
  | { readonly do: "answer" };

export interface DecideInput extends Wish {
  readonly c: Conversation;
  /** The message brought something that could verify and was not tried. */
  readonly evidence: boolean;
  readonly policy: Policy;
}

export function decide(input: DecideInput): Decision {
  const { c, text, u, policy } = input;
  if (signal(u, "empty") || text.trim() === "") return { do: "prompt", why: "empty" };
  if (signal(u, "emojiOnly")) return { do: "prompt", why: "emoji" };
  const topic = topicOf(policy, text);
  if (topic) return { do: "handoff", reason: topic.name, topic };
  if (signal(u, "injection")) return { do: "refuse" };
  const verify = input.evidence && !c.customer.verified;
  if (signal(u, "wantsHuman")) return { do: "handoff", reason: "asked", verify };
  if (signal(u, "angry") && c.angry + 1 >= policy.angryMessages) {
    return { do: "handoff", reason: "angry", verify };
  }
  return questions(input) ?? running(input) ?? fresh(input);
}

/** The conversation's own open questions. */
function questions(input: DecideInput): Decision | undefined {
  const { c, text, u } = input;
  const wanted = wantedOf(input, input.options.confident);
  const choice = c.clarify && chosen(c.clarify, text, u.yesNo);
  if (choice) {
    const entry = entryOf(input.playbooks, choice.intent);
    // The request is in the message before, so both are handed on.
    if (entry)
      return {
        do: "start",
        wanted: [{ intent: choice.intent, entry, text: `${lastRequest(c)}\n${text}`.trim() }],
        drop: false,
      };
  }
  if (c.clarify && u.yesNo === "no" && wanted.length === 0 && !input.evidence) return { do: "more" };
  if (c.offering && wanted.length === 0) {
    if (u.yesNo === "yes" && !isClosing(text)) return { do: "resume" };
    if (u.yesNo === "no" || signal(u, "stop") || signal(u, "goodbye") || isClosing(text)) {
      return { do: "forget" };
    }
  }
  if (c.more && wanted.length === 0) {
    if (isClosing(text) && !isQuestion(text)) return { do: "close" };
    if (text.length <= SHORT) {
      if (u.yesNo === "no") return { do: "close" };
      if (u.yesNo === "yes") return { do: "more" };
    }
  }
  return undefined;
}

/** The running playbook, or the verification that it waits for. */
function running(input: DecideInput): Decision | undefined {
  const { c, u, options } = input;
  const run = c.run;
  if (!run) return undefined;
  const open = c.verification.awaiting || run.expects !== undefined;
  if (!open) return undefined;
  const others = wantedOf(input, options.switching).filter((wanted) => wanted.entry.name !== run.name);
  if (signal(u, "stop") && !(run.expects?.what === "confirm" && u.yesNo === "no")) {
    return others.length > 0 ? { do: "start", wanted: others, drop: true } : { do: "stop" };
  }
  if (c.verification.awaiting) return verifying(input, others);
  if (run.expects?.what === "approval") return approvalPending(input, others);
  if (run.expects?.what === "confirm") return confirming(input, others);
  if (others.length === 0 && closes(input)) return { do: "leaveOpen" };
  // Another wish, and not a word on what was asked: it comes first, even where it names an order.
  if (others.length > 0 && !mentions(input, run.name)) return { do: "start", wanted: others, drop: false };
  if (fits(run.expects?.slots ?? [], u)) return { do: "turn", also: others };
  if (others.length > 0) return { do: "start", wanted: others, drop: false };
  return aside(input) ?? { do: "turn" };
}

/** The customer is asked who he is. */
function verifying(input: DecideInput, others: readonly Wanted[]): Decision {
  const { c, u, text } = input;
  const run = c.run!;
  if (takesBack(text, run.label)) {
    if (input.evidence) return { do: "verify", drop: true };
    const wanted = wantedOf(input, input.options.confident).filter((w) => w.entry.name !== run.name);
    const next = wanted.length > 0 ? wanted : laterRequests(input);
    return next.length > 0 ? { do: "start", wanted: next, drop: true } : { do: "stop" };
  }
  if (input.evidence) return { do: "verify", also: others };
  if (others.length > 0) return { do: "start", wanted: others, drop: false };
  // The records look at every word, so a message may verify although nothing in it was recognised.
  return isQuestion(text) && !u.yesNo ? { do: "answer" } : { do: "verify" };
}

/** “Shall I …?” Nothing is done without a yes to just that. */
function confirming(input: DecideInput, others: readonly Wanted[]): Decision | undefined {
  const { u, text, options } = input;
  const run = input.c.run!;
  const sure = wantedOf(input, options.confident);
  const elsewhere = [
    ...sure,
    ...namedWishes(input).filter(({ intent }) => !sure.some((w) => w.intent === intent)),
  ].filter((wanted) => wanted.entry.name !== run.name);
  if (u.yesNo === "yes") {
    if (isClosing(text, false)) return { do: "leaveOpen" };
    if (!isPlainYes(text)) return { do: "turn", as: null };
    if (agreesToOther(text, run.label)) {
      return elsewhere.length > 0
        ? { do: "start", wanted: elsewhere, drop: false }
        : { do: "turn", as: null };
    }
    return { do: "turn", also: elsewhere.filter(({ text: part }) => !asksOnly(part)) };
  }
  if (u.yesNo === "no") {
    return isClosing(text, false) && text.length > SHORT
      ? { do: "leaveOpen" }
      : { do: "turn", also: elsewhere };
  }
  if (takesBack(text, run.label)) return { do: "turn", as: "no", also: elsewhere };
  if (commands(text, run.label)) return { do: "turn", as: "yes" };
  if (fits(run.expects!.slots, u) && (others.length === 0 || mentions(input, run.name))) {
    return { do: "turn", also: others };
  }
  if (others.length > 0) return { do: "start", wanted: others, drop: false };
  return aside(input) ?? { do: "turn" };
}

/** “Can things be returned after 40 days?” is about how things are done, not about an order of one's own. */
function isGeneral({ text, u }: DecideInput): boolean {
  const own =
    /\b(?:my|this|that|these|those|i (?:bought|ordered|got|have|received)|the \p{L}+ (?:i|that i))\b/iu;
  const some =
    /\b(?:something|things?|items?|an? (?:order|item|return|exchange|parcel)|orders|returns|exchanges)\b/i;
  return (
    isQuestion(text) && some.test(text) && !own.test(text) && !u.entities.some((e) => RECORDS.has(e.type))
  );
}

const REQUEST =
  /\b(?:please(?! (?:keep|leave|don't|do not))|(?:can|could|would|will) (?:you|i|we)|also|i(?:'d| would)? (?:like|want|need) to)\b/i;

/** Thanks for work done, or “that's all”, with nothing in it that could be an answer. */
function closes({ u, text }: DecideInput): boolean {
  return isClosing(text, false) && !isQuestion(text) && !u.entities.some((e) => RECORDS.has(e.type));
}

/** Thanks, a farewell or a question in the middle of a playbook. */
function aside(input: DecideInput): Decision | undefined {
  const { c, u, text } = input;
  if (signal(u, "goodbye") && isFarewell(u, text) && c.run?.expects?.what !== "confirm")
    return { do: "close" };
  if (isClosing(text) && !isQuestion(text)) return { do: "leaveOpen" };
  // A question on the way is answered, and the playbook's own question is said again.
  const free = c.run?.expects?.slots.length === 0;
  return isQuestion(text) && !free && !wantsAny(input) ? { do: "answer" } : undefined;
}

/** While a person decides on an approval, the customer may talk about anything. */
function approvalPending(input: DecideInput, others: readonly Wanted[]): Decision | undefined {
  const { c, u, text } = input;
  if (others.length > 0) return { do: "start", wanted: others, drop: false };
  if (isFarewell(u, text) || signal(u, "greeting") || isQuestion(text)) {
    const same = wantedOf(input, input.options.confident).some((wanted) => wanted.entry.name === c.run!.name);
    return same ? { do: "pending" } : undefined;
  }
  return closes(input) ? { do: "close" } : { do: "pending" };
}

/** Nothing is open. */
function fresh(input: DecideInput): Decision {
  const { c, u, text, options } = input;
  // “Thanks for arranging it, I'll watch for the return label” sounds like a wish and is none.
  if (c.turn > 1 && closes(input) && !REQUEST.test(text)) return { do: "close" };
  if (asksForMemory(text) && c.customer.verified) return { do: "recallAll" };
  if (asksForMachine(text)) return { do: "introduce" };
  const number = u.entities.some((entity) => entity.type === "order_number");
  const record = number || u.entities.some((entity) => entity.type === "email");
  const sure = wantedOf(input, record ? options.confidentWithRecord : options.confident);
  const named = namedWishes(input).filter(({ entry }) => !sure.some((w) => w.entry.name === entry.name));
  if (sure.length + named.length > 0 && !isGeneral(input)) {
    return { do: "start", wanted: [...sure, ...named], drop: false };
  }
  // Who he is, or which order it is, but not what he wants: the most likely wish is taken up with it.
  if (number || (input.evidence && !c.customer.verified && c.turn > 1)) {
    const earlier = (c.clarify ? undefined : plausible(input)) ?? earlierWish(c, input);
    if (earlier) return { do: "start", wanted: [earlier], drop: false };
  }
  if (isFarewell(u, text) || (isClosing(text) && !isQuestion(text))) return { do: "close" };
  if (signal(u, "greeting") && text.length <= SHORT && !isQuestion(text)) return { do: "greet" };
  const guess = isQuestion(text) ? undefined : plausible(input);
  return guess ? { do: "start", wanted: [guess], drop: false } : { do: "answer" };
}

const wantsAny = (input: DecideInput): boolean => wantedOf(input, input.options.confident).length > 0;

/** Whether one of the message's requests, as far as it has any, is for this playbook. */
function mentions(input: DecideInput, name: string): boolean {
  return wantedOf(input, input.options.possible).some((wanted) => wanted.entry.name === name);
}

/** Requests that were put off, as what is wanted now. */
function laterRequests({ c, playbooks }: DecideInput): Wanted[] {
  return c.requests.flatMap(({ intent, text }) => {
    const entry = entryOf(playbooks, intent);
    return entry ? [{ intent, entry, text }] : [];
  });
}

/** Whether a message holds what a playbook waits for. */
export function fits(slots: readonly string[], u: Understanding): boolean {
  if (slots.includes("yes_no") && u.yesNo) return true;
  return u.entities.some((entity) => slots.includes(entity.type) && entity.type !== "yes_no");
}

function lastRequest(c: Conversation): string {
  const turns = c.history.filter((turn) => turn.role === "customer");
  return turns.at(-2)?.text ?? "";
}
