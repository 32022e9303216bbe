import { describe, expect, it } from "vitest";
import { ANSWER_WITHIN_MS, check, FAILINGS, failuresOf, type Verdict } from "./checker.ts";
import type { Attempt, History, LoggedRecord, SentMessage } from "./history.ts";

const T = 1_000_000;
const TO = "talk/c0/c0";

const sent = (id: string, wants: SentMessage["wants"] = "read", seq?: number): SentMessage => ({
  to: TO,
  id,
  wants,
  sentAt: T,
  acceptedAt: T + 5,
  seq,
});
const record = (seq: number, id: string, changes: Partial<LoggedRecord> = {}): LoggedRecord => ({
  seq,
  at: T + seq,
  id,
  type: "message",
  to: TO,
  from: "customer/customer/customer",
  epoch: 0,
  clear: {},
  ...changes,
});
const answer = (seq: number, message: string, changes: Partial<LoggedRecord> = {}): LoggedRecord =>
  record(seq, `answer-${message}`, { type: "reply", to: "channel/c0/c0", clear: { message }, ...changes });
const write = (what: string, changes: Partial<Attempt> = {}): Attempt => ({
  sink: "keyed",
  key: what,
  what,
  at: T,
  applied: true,
  ...changes,
});

/** Two messages, both well; among the faults a poison and a foreign record. */
const well: History = {
  messages: [sent("a", "write-keyed", 1), sent("b", "read", 2)],
  log: [
    record(1, "a"),
    record(2, "b"),
    answer(3, "a"),
    // Taken twice by the log: only its first occurrence counts.
    answer(4, "a"),
    answer(5, "b"),
    record(6, "p", { type: "poison", to: "rogue/r/r" }),
    record(8, "q", { type: "host.quarantined", to: "rogue/r/r", clear: { record: "p" } }),
  ],
  attempts: [write("a"), write("a", { applied: false })],
  letters: [{ recordId: "p", seq: 6, to: "rogue/r/r", type: "poison" }, { seq: 7 }],
  states: [{ to: TO, seen: ["a", "b"], same: true }],
  poisons: [{ to: "rogue/r/r", id: "p", kind: "throw" }],
  foreign: [{ seq: 7, what: "no JSON" }],
  refused: ["large"],
  leaks: [],
  lastFaultEndedAt: T,
};

/** The failings of a history that differs in something. */
function failings(changes: Partial<History>): (keyof Verdict)[] {
  const verdict = check({ ...well, ...changes });
  return FAILINGS.filter((failing) => verdict[failing].length > 0);
}
const without = (id: string) => well.log.filter((each) => each.id !== id);
const state = (...seen: string[]) => [{ to: TO, seen, same: true }];

describe("the checker", () => {
  it("finds nothing in a history where all is well", () => {
    expect(failuresOf(check(well))).toBe(0);
  });

  it("does not count what was never accepted", () => {
    const messages = [...well.messages, { ...sent("c"), acceptedAt: undefined }];
    expect(failings({ messages })).toEqual([]);
  });

  it.each([
    ["is not in the log", { log: without("b") }],
    ["is not where the node said", { messages: [well.messages[0]!, sent("b", "read", 1)] }],
    ["was never folded", { states: state("a") }],
    ["is to an actor that can't be read", { states: [] }],
    ["is said to be done and is not", { attempts: [] }],
    ["was done at the other system", { attempts: [write("a", { sink: "asked" })] }],
  ] satisfies [string, Partial<History>][])("finds lost what %s", (_what, changes) => {
    expect(failings(changes)).toEqual(["lost"]);
  });

  it("finds an effect that was applied twice, whatever the keys", () => {
    expect(failings({ attempts: [write("a"), write("a")] })).toEqual(["duplicatedEffects"]);
    expect(failings({ attempts: [write("a"), write("a", { key: "other" })] })).toEqual(["duplicatedEffects"]);
  });

  it("finds what was folded, answered or written in another order", () => {
    expect(failings({ states: state("b", "a") })).toEqual(["outOfOrder"]);
    const swapped = [record(1, "a"), record(2, "b"), answer(3, "b"), answer(5, "a"), ...well.log.slice(5)];
    expect(failings({ log: swapped })).toEqual(["outOfOrder"]);
    expect(failings({ messages: [sent("b"), sent("a", "write-keyed")] })).toEqual(["outOfOrder"]);
  });

  it("gives the time that customers want to wait, for this and for what is still open before it", () => {
    const last = (waited: number) => [...without("answer-b"), answer(20_000, "b", { at: T + waited })];
    const wanting = (ms: number) => [{ ...sent("a", "timer", 1), ms }, sent("b", "read", 2)];
    const late = ANSWER_WITHIN_MS + 3_000;
    const attempts: Attempt[] = [];
    expect(failings({ attempts, messages: wanting(0), log: last(late) })).toEqual(["unanswered"]);
    // The first was answered at once: nothing was waited for.
    expect(failings({ attempts, messages: wanting(4_000), log: last(late) })).toEqual(["unanswered"]);
    const bothLate = last(late).map((each) => (each.type === "reply" ? { ...each, at: T + late } : each));
    expect(failings({ attempts, messages: wanting(4_000), log: bothLate })).toEqual([]);
  });

  it("finds what has no answer, or one that came too late", () => {
    expect(failings({ log: without("answer-b") })).toEqual(["unanswered"]);
    const late = (at: number) => [...without("answer-b"), answer(9, "b", { at })];
    expect(failings({ log: late(T + 5 + ANSWER_WITHIN_MS) })).toEqual([]);
    expect(failings({ log: late(T + 6 + ANSWER_WITHIN_MS) })).toEqual(["unanswered"]);
    // Faults that end later leave more time.
    expect(failings({ log: late(T + 6 + ANSWER_WITHIN_MS), lastFaultEndedAt: T + 100 })).toEqual([]);
  });

  it("takes an apology and a hand-over for answers", () => {
    for (const type of ["apology", "handed-over"]) {
      expect(failings({ log: [...without("answer-b"), answer(9, "b", { type })] })).toEqual([]);
    }
  });

  it("finds what was folded twice or answered twice", () => {
    expect(failings({ states: state("a", "b", "a") })).toEqual(["repeated"]);
    expect(failings({ log: [...well.log, answer(9, "b", { id: "another" })] })).toEqual(["repeated"]);
  });

  it("finds a state that is not what the log says", () => {
    expect(failings({ states: [{ to: TO, seen: ["a", "b"], same: false }] })).toEqual(["diverged"]);
  });

  it("finds a poison that was not given up, and an innocent record that was", () => {
    expect(failings({ log: without("q") })).toEqual(["misjudged"]);
    expect(failings({ letters: well.letters.slice(1) })).toEqual(["misjudged"]);
    expect(failings({ letters: well.letters.slice(0, 1) })).toEqual(["misjudged"]);
    expect(failings({ letters: [...well.letters, { recordId: "b", seq: 2, to: TO }] })).toEqual([
      "misjudged",
    ]);
  });

  it("finds what was refused and kept, and what can be read by anybody", () => {
    expect(failings({ log: [...well.log, record(9, "large")] })).toEqual(["kept"]);
    expect(failings({ leaks: ["message a at 1 of the log"] })).toEqual(["leaked"]);
  });
});
