/** How a compiled playbook behaves under the host's driver. */
import { describe, expect, it } from "vitest";
import { readPlaybook } from "../language/read.ts";
import { PlaybookRun, type RunOptions, understood } from "../testing.ts";
import { compilePlaybook } from "./compile.ts";

const ORDERS = [
  {
    id: "W1000001",
    customerId: "C1",
    status: "pending",
    placedAt: "2026-11-18T10:00:00Z",
    items: [
      { itemId: "i-1", productId: "p1", name: "Desk Lamp", price: 40, options: { color: "black" } },
      { itemId: "i-2", productId: "p2", name: "Wall Clock", price: 20, options: {} },
    ],
    total: 60,
    currency: "USD",
    tracking: [],
    payments: [],
  },
  {
    id: "W1000002",
    customerId: "C1",
    status: "delivered",
    items: [{ itemId: "i-3", productId: "p1", name: "Desk Lamp", price: 45, options: { color: "red" } }],
    total: 45,
    currency: "USD",
    tracking: [],
    payments: [],
  },
];
const skills: RunOptions["skills"] = (skill, input: any) => {
  if (skill === "orders.match") {
    const found = ORDERS.filter((o) => input.numbers.includes(o.id));
    return {
      orders: input.numbers.length ? found : ORDERS,
      foreign: input.numbers.filter((n: string) => !ORDERS.some((o) => o.id === n)),
      unknown: [],
    };
  }
  if (skill === "orders.list") return { orders: ORDERS };
  return { done: true };
};
const customer = { id: "C1", verified: true };

function machine(steps: string, slots = "") {
  const text = `playbook: test
version: 1
title: A test
description: For the tests.
intents: { test: { examples: [x] } }
verify: false
cues: [cancel]
slots:
  order: { type: order, each: true }
  items: { type: items, from: order.items, ask: "Which items?" }
${slots}
on: { failed: trouble, unclear: trouble, none: trouble }
steps:
${steps}
  - id: trouble
    handoff: A colleague will help you.
    reason: trouble
`;
  return compilePlaybook(readPlaybook(text, "t.yaml")).machine;
}
const CANCEL = machine(`
  - ask: order
  - ask: items
  - confirm: "Cancel {{ items | names }} of {{ order.id }}?"
    no: trouble
  - task: t
    steps: [{ skill: orders.cancel, with: { orderId: "{{ order.id }}" } }]
  - say: "Done {{ order.id }}"
  - end: resolved
`);
const start = (text: string, options: Partial<RunOptions> = {}) =>
  PlaybookRun.start({ machine: CANCEL, skills, customer, text, ...options });

describe("a compiled playbook", () => {
  it("is the same whether or not it is restored after every event", async () => {
    const states = [];
    for (const restart of [true, false]) {
      const run = await start("cancel the lamp in W1000001", { restart });
      await run.turn("hm");
      const middle = run.stateHash;
      await run.turn("yes");
      states.push([middle, run.stateHash, JSON.stringify(run.commands)]);
    }
    expect(states[0]).toEqual(states[1]);
  });

  it("fills several slots from the first message", async () => {
    const run = await start(
      "Hi there! Please cancel the wall clock of W1000001. Thanks a lot, you're great.",
    );
    expect(run.lastSaid).toBe("Cancel Wall Clock of W1000001?");
  });

  it("says everything of a turn in one reply, with the question at its end", async () => {
    const run = await PlaybookRun.start({
      machine: machine(`
  - say: First.
  - say: Second.
  - confirm: Third?
    no: trouble
  - end: resolved
`),
      skills,
      text: "x",
    });
    expect(run.said).toEqual(["First.\n\nSecond.\n\nThird?"]);
    expect(run.commands.at(-1)).toMatchObject({ type: "pb.expect", what: "confirm" });
  });

  it("drops an answer that it does not wait for", async () => {
    const run = await start("cancel the lamp in W1000001");
    const before = run.stateHash;
    await run.send({ type: "call.done", name: "ask-1-1", value: { orders: [] }, at: 1 });
    await run.send({ type: "task.failed", name: "nothing", error: { code: "failed" }, at: 1 });
    expect(run.stateHash).toBe(before);
  });

  it("says its question again on resume, without counting that as an answer", async () => {
    const run = await start("cancel the lamp in W1000001");
    const question = run.lastSaid;
    for (let i = 0; i < 5; i++) {
      await run.send({ type: "resume", at: 1 });
      expect(run.lastSaid).toBe(question);
    }
    await run.turn("yes");
    expect(run.result).toBe("resolved");
  });

  it("takes “no, the other one”", async () => {
    const run = await start("cancel the lamp");
    expect(run.lastSaid).toContain("Which one do you mean?");
    await run.turn("the delivered one");
    expect(run.lastSaid).toBe("Cancel Desk Lamp of W1000002?");
    await run.turn("no, the other one");
    expect(run.lastSaid).toBe("Cancel Desk Lamp of W1000001?");
  });

  it("gives up on corrections without end", async () => {
    const run = await start("cancel the lamp in W1000001");
    for (let i = 0; i < 8 && run.result === undefined; i++)
      await run.turn(i % 2 ? "no, I mean W1000001" : "no, I mean W1000002");
    expect(run.result).toBe("handed_off");
  });

  it("deals with several orders one after the other, and leaves alone what is to be left", async () => {
    const run = await start("cancel both W1000001 and W1000002");
    await run.turn("yes");
    expect(run.lastSaid).toBe("Done W1000001\n\nCancel Desk Lamp of W1000002?");
    await run.turn("yes, go on. Leave W1000001 as it is.");
    expect(run.result).toBe("resolved");
    expect(run.asked.filter((a) => a.skill === "orders.cancel")).toHaveLength(2);
  });

  it("takes its part of a message with several requests", async () => {
    const text = "Where is W1000002? And please cancel W1000001, all of it.";
    const run = await start(text, {
      input: {
        understanding: {
          ...understood(text),
          requests: [
            { intent: "status", confidence: 0.9, text: "Where is W1000002?" },
            { intent: "test", confidence: 0.9, text: "please cancel W1000001, all of it." },
          ],
        },
      },
    });
    expect(run.lastSaid).toContain("of W1000001?");
  });

  it("survives values that it did not expect", async () => {
    for (const value of [null, 7, "x", [], {}, { orders: "no" }, { orders: [null, 3, { id: 1 }] }]) {
      const run = await start("cancel W1000001", { skills: () => value });
      expect(["handed_off", undefined]).toContain(run.result);
    }
  });

  it("runs the path of a failure by its reason before its code", async () => {
    const run = await PlaybookRun.start({
      machine: machine(`
  - call: orders.get
    on: { too_late: late, conflict: trouble }
  - end: resolved
  - id: late
    say: "Too late ({{ error.reason }}, {{ error.code }})."
  - end: declined
`),
      skills: () => {
        throw { code: "conflict", message: "too_late: order W1 is shipped" };
      },
      text: "x",
    });
    expect(run.said).toEqual(["Too late (too_late, conflict)."]);
    expect(run.result).toBe("declined");
  });

  it("goes back only as often as it may", async () => {
    const run = await PlaybookRun.start({
      machine: machine(`
  - id: again
    say: Once more.
  - goto: again
    max: 3
    else: done
  - id: done
    end: resolved
`),
      skills,
      text: "x",
    });
    expect(run.said).toEqual(["Once more.\n\nOnce more.\n\nOnce more.\n\nOnce more."]);
  });
});
