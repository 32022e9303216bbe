import { expect, it } from "vitest";
import { stagesOf } from "./stages.ts";

const at = (ms: number): string => new Date(ms).toISOString();
const ask = (id: string, service: string, operation: string, more = {}) => ({
  id,
  at: at(0),
  type: "host.ask",
  clear: { service, operation },
  ...more,
});
const answer = (to: string, durationMs: number, ms = durationMs) => ({
  id: `${to}!`,
  at: at(ms),
  type: "host.answer",
  clear: { ask: to, ok: true },
  durationMs,
});

it("tells the stages of a turn from its trace, and only those that happened", () => {
  const fromMessage = { cause: { id: "m1", type: "customer.message" }, queueWaitMs: 3 };
  expect(
    stagesOf([
      { id: "m1", at: at(0), type: "customer.message", clear: {} },
      ask("a1", "language", "understand", { ...fromMessage, at: at(3) }),
      { id: "t1", at: at(3), type: "status", clear: {}, ...fromMessage },
      answer("a1", 12),
      ask("a2", "crm", "verify"),
      answer("a2", 4),
      ask("a3", "orders", "match"),
      answer("a3", 5),
      ask("a4", "memory", "turn"),
      answer("a4", 6),
      ask("a5", "crm", "customer"),
      // A read is one record.
      {
        id: "a6!",
        at: at(9),
        type: "host.answer",
        clear: { ask: "a6", ok: true, service: "knowledge", operation: "search", asked: 1 },
        durationMs: 7,
        cause: { id: "m2", type: "customer.message" },
        queueWaitMs: 2,
      },
    ]),
  ).toEqual([
    { stage: "queueWait", ms: 3 },
    { stage: "understand", ms: 12 },
    { stage: "verify", ms: 4 },
    { stage: "skill", ms: 5 },
    { stage: "search", ms: 7 },
    { stage: "queueWait", ms: 2 },
  ]);
});

it("leaves out what began before the time that counts", () => {
  const trace = [
    { id: "m1", at: at(95), type: "customer.message", clear: {} },
    ask("a1", "language", "understand", {
      at: at(103),
      cause: { id: "m1", type: "customer.message" },
      queueWaitMs: 8,
    }),
    answer("a1", 4, 107),
    ask("a2", "crm", "verify", { at: at(90) }),
    answer("a2", 20, 110),
    ask("a3", "memory", "recall", { at: at(111) }),
    answer("a3", 2, 113),
  ];
  expect(stagesOf(trace, 100)).toEqual([
    { stage: "understand", ms: 4 },
    { stage: "recall", ms: 2 },
  ]);
});
