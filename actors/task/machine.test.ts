import { describe, expect, it } from "vitest";
import { address } from "../../runtime/address.ts";
import type { AskEffect } from "../../runtime/host/machine.ts";
import type { JsonObject } from "../../runtime/json.ts";
import { Driver, Failed, type Responder } from "../testing/driver.ts";
import { TASK_DEFAULTS, type TaskSkill } from "./context.ts";
import { taskMachine } from "./machine.ts";

const SKILLS: Record<string, TaskSkill> = {
  "orders.cancel": { effect: "write", honoursKeys: true, lookup: true },
  "orders.reopen": { effect: "write", honoursKeys: true, lookup: true },
  "billing.refund": {
    effect: "write",
    honoursKeys: true,
    lookup: true,
    inputs: { required: ["amount"], optional: ["approval"] },
  },
  "billing.undo_refund": { effect: "write", honoursKeys: true },
  "post.letter": { effect: "write", honoursKeys: false },
  "erp.book": { effect: "write", honoursKeys: false, lookup: true },
};

const TWO: JsonObject[] = [
  {
    skill: "orders.cancel",
    input: { orderId: "W1" },
    compensate: { skill: "orders.reopen", input: { orderId: "W1" } },
  },
  {
    skill: "billing.refund",
    input: { amount: 20 },
    compensate: { skill: "billing.undo_refund", input: { amount: 20 } },
  },
];

function task(respond: Responder, steps: JsonObject[], approval?: JsonObject): Driver {
  const machine = taskMachine({
    options: TASK_DEFAULTS,
    orchestrator: address("orchestrator", "test"),
    skills: { get: (name) => SKILLS[name] },
  });
  const driver = new Driver(machine, "task", "conv", "conv-t1", respond);
  driver.send("task.start", { name: "it", label: "do it", steps, ...(approval ? { approval } : {}) });
  return driver;
}

const asked = (d: Driver): string[] =>
  d.effects
    .filter((e): e is AskEffect => e.type === "bw.ask")
    .map((e) => `${e.service}.${e.operation} ${e.key}`);
const finished = (d: Driver) => d.told("conversation", "task.finished").map((e) => e.data);

describe("a saga", () => {
  it("does its steps in order, each under its own key, and reports once", () => {
    const d = task((ask) => ({ did: ask.operation }), TWO);
    expect(asked(d)).toEqual(["orders.cancel conv-t1-0", "billing.refund conv-t1-1"]);
    expect(finished(d)).toEqual([
      {
        taskId: "conv-t1",
        name: "it",
        ok: true,
        result: { did: "refund", steps: [{ did: "cancel" }, { did: "refund" }] },
      },
    ]);
    expect(d.state).toBe("finished");
  });

  it("tries a step again under the same key, with growing pauses", () => {
    let times = 0;
    const d = task(() => (++times < 3 ? new Failed("unavailable", "down", true) : {}), [TWO[0]!]);
    expect(asked(d)).toHaveLength(1);
    d.advance(1_000);
    expect(asked(d)).toHaveLength(2);
    d.advance(1_900);
    expect(asked(d)).toHaveLength(2);
    d.advance(200);
    expect(asked(d)).toEqual(Array(3).fill("orders.cancel conv-t1-0"));
    expect(finished(d)).toMatchObject([{ ok: true }]);
  });

  it("takes back in reverse what was done before a failure", () => {
    const d = task((ask) => (ask.operation === "refund" ? new Failed("conflict", "not_paid: x") : {}), TWO);
    expect(asked(d)).toEqual([
      "orders.cancel conv-t1-0",
      "billing.refund conv-t1-1",
      "orders.reopen conv-t1-0-undo",
    ]);
    expect(finished(d)).toMatchObject([
      { ok: false, error: { code: "conflict", message: "not_paid: x" }, compensated: true },
    ]);
  });

  it("says when something could not be taken back, and leaves it to a person", () => {
    const d = task((ask) => (ask.operation === "cancel" ? {} : new Failed("conflict", "no")), TWO);
    expect(d.state).toBe("unknown");
    expect(finished(d)).toMatchObject([{ ok: false, error: { code: "conflict" }, compensated: false }]);
    expect(d.told("orchestrator", "task.unknown")[0]?.data).toMatchObject({
      skill: "orders.reopen",
      key: "conv-t1-0-undo",
      direction: "undo",
    });
    d.send("unknown.resolved", { outcome: "done" });
    expect(d.state).toBe("finished");
  });

  it("tells what stays done when a step has nothing that takes it back", () => {
    const d = task(
      (ask) => (ask.operation === "refund" ? new Failed("conflict", "no") : {}),
      [{ skill: "post.letter", input: {} }, TWO[1]!],
    );
    expect(finished(d)).toMatchObject([{ ok: false, compensated: false, left: ["post.letter"] }]);
  });
});

describe("approval", () => {
  const start = (respond: Responder = () => ({})) =>
    task(respond, [TWO[1]!], { what: "Refund of 20", amount: 20 });

  it("does nothing before a person agrees, and names the approval to the skill", () => {
    const d = start();
    expect(asked(d)).toEqual([]);
    expect(d.told("conversation", "task.approval")[0]?.data).toEqual({
      taskId: "conv-t1",
      name: "it",
      approvalId: "conv-t1-a",
      what: "Refund of 20",
      amount: 20,
    });
    d.send("task.approved", { approvalId: "conv-t1-a", agent: "Ann" });
    const [step] = d.asked("billing.refund");
    expect(step?.input).toEqual({ amount: 20, approval: "conv-t1-a" });
    expect(finished(d)).toMatchObject([{ ok: true }]);
  });

  it("ends when declined, or when nobody decides in a day", () => {
    const d = start();
    d.send("task.declined", { approvalId: "conv-t1-a", agent: "Ann", note: "too much" });
    expect(finished(d)).toMatchObject([{ ok: false, error: { code: "declined", message: "too much" } }]);
    const late = start();
    late.advance(24 * 60 * 60_000);
    expect(finished(late)).toMatchObject([{ ok: false, error: { code: "approval_timeout" } }]);
    expect(asked(late)).toEqual([]);
  });
});

describe("an outcome that nobody knows", () => {
  const run = (answers: Record<string, JsonObject | Failed>, skill: string): Driver => {
    const d = task((ask) => answers[ask.operation], [{ skill, input: {} }]);
    d.advance(60_000);
    return d;
  };

  it("is looked up by key where the system can be asked", () => {
    const lost = new Failed("timeout", "no answer", true);
    const applied = { found: true, result: { operation: "erp.book", outcome: "applied", result: { id: 7 } } };
    const done = run({ book: lost, lookup: applied }, "erp.book");
    expect(done.asked("erp.lookup")[0]?.input).toEqual({ key: "conv-t1-0" });
    expect(asked(done).filter((a) => a.startsWith("erp.book"))).toHaveLength(1);
    expect(finished(done)).toMatchObject([{ ok: true, result: { id: 7 } }]);

    const refused = {
      operation: "erp.book",
      outcome: "refused",
      result: { code: "conflict", message: "full: x" },
    };
    expect(finished(run({ book: lost, lookup: { found: true, result: refused } }, "erp.book"))).toMatchObject(
      [{ ok: false, error: { code: "conflict" } }],
    );

    // It was not done, so it may be tried again.
    const tried = run({ book: lost, lookup: { found: false } }, "erp.book");
    expect(asked(tried).filter((a) => a.startsWith("erp.book"))).toHaveLength(TASK_DEFAULTS.attempts);
    expect(finished(tried)).toMatchObject([{ ok: false, error: { code: "timeout" } }]);
  });

  it("waits for a person where it cannot be asked; nothing is sent twice", () => {
    const d = run({ letter: new Failed("timeout", "no answer", true) }, "post.letter");
    expect(asked(d)).toEqual(["post.letter conv-t1-0"]);
    expect(finished(d)).toMatchObject([{ ok: false, error: { code: "unknown_outcome" } }]);
    const [unknown] = d.told("orchestrator", "task.unknown");
    expect(unknown?.data).toMatchObject({ conversation: "conv", taskId: "conv-t1", skill: "post.letter" });
    d.send("unknown.resolved", { unknownId: unknown!.data.unknownId!, outcome: "done" });
    expect(d.told("orchestrator", "task.known")).toHaveLength(1);
    expect(d.told("conversation", "task.settled")[0]?.data).toMatchObject({ ok: true, label: "do it" });
    expect(d.state).toBe("finished");
  });

  it("can be tried again, or be called not done", () => {
    const answers: Record<string, JsonObject | Failed> = { letter: new Failed("unknown_outcome") };
    const again = run(answers, "post.letter");
    answers.letter = {};
    again.send("unknown.resolved", { outcome: "retry" });
    expect(asked(again)).toEqual(["post.letter conv-t1-0", "post.letter conv-t1-0"]);
    expect(again.told("conversation", "task.settled")[0]?.data).toMatchObject({ ok: true });

    const not = run({ letter: new Failed("unknown_outcome") }, "post.letter");
    not.send("unknown.resolved", { outcome: "not-done" });
    expect(not.told("conversation", "task.settled")[0]?.data).toMatchObject({ ok: false });
  });

  it("is simply tried again where the system honours keys", () => {
    let times = 0;
    const d = task(() => (++times === 1 ? new Failed("timeout", "no answer", true) : {}), [TWO[0]!]);
    d.advance(1_000);
    expect(asked(d)).toEqual(["orders.cancel conv-t1-0", "orders.cancel conv-t1-0"]);
    expect(d.asked("orders.lookup")).toEqual([]);
  });

  it("drops an answer that comes after the time-out", () => {
    const d = task(() => undefined, [{ skill: "post.letter", input: {} }]);
    const [ask] = d.open;
    d.answer(ask!, new Failed("timeout"));
    d.answer(ask!, { sent: true });
    expect(d.state).toBe("unknown");
    expect(finished(d)).toHaveLength(1);
  });

  it("parks what it was doing when it breaks down", () => {
    const d = task(() => undefined, [{ skill: "orders.cancel", input: {} }]);
    d.send("host.quarantined", { type: "x", reason: "y" });
    expect(d.state).toBe("unknown");
    expect(finished(d)).toMatchObject([{ ok: false }]);
  });
});
