import { expect, it } from "vitest";
import { stagesOf } from "./stages.ts";

const ask = (id: string, service: string, operation: string, more = {}) => ({
  id,
  type: "host.ask",
  clear: { service, operation },
  ...more,
});
const answer = (to: string, durationMs: number) => ({
  id: `${to}!`,
  type: "host.answer",
  clear: { ask: to, ok: true },
  durationMs,
});

it("tells the stages of a turn from its trace, and only those that happened", () => {
  const fromMessage = { cause: { id: "m1", type: "customer.message" }, queueWaitMs: 3 };
  expect(
    stagesOf([
      { id: "m1", type: "customer.message", clear: {} },
      ask("a1", "language", "understand", fromMessage),
      { id: "t1", type: "status", clear: {}, ...fromMessage },
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
