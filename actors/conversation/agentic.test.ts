/** Conversations that a model leads: what it proposes is checked and carried out, step by step, and a model that fails is not missed. */
import { describe, expect, it } from "vitest";
import type { AskEffect } from "../../runtime/host/machine.ts";
import { derivedId } from "../../runtime/ids.ts";
import type { JsonObject } from "../../runtime/json.ts";
import { DEFAULT_POLICY } from "../orchestrator/policy.ts";
import { Failed } from "../testing/driver.ts";
import { AGENT_LIMITS, OWN_SKILLS } from "./proposal.ts";
import { Talk, type TalkOptions, understand } from "./testing.ts";

type Output = { text?: string; calls?: { name: string; arguments: JsonObject }[] } | Failed;

const call = (name: string, given: JsonObject = {}) => ({ name, arguments: given });
const SKILLS = [...Object.keys(OWN_SKILLS), "orders.get", "orders.cancel"];

/** A talk whose model puts out one thing after the other. */
function led(outputs: Output[], limits: JsonObject = {}, more: TalkOptions = {}): Talk {
  const talk = new Talk({
    ...more,
    open: { agent: { skills: SKILLS, limits }, ...more.open },
  });
  const left = [...outputs];
  talk.answers["model.propose"] = () => {
    const output = left.shift();
    if (output === undefined || output instanceof Failed) return output;
    return { text: output.text ?? "", calls: output.calls ?? [], model: "test" } as JsonObject;
  };
  return talk;
}

const proposals = (talk: Talk): AskEffect[] => talk.driver.asked("model.propose");
/** Messages of the latest proposal's ask. */
const told = (talk: Talk): any[] => proposals(talk).at(-1)!.input.messages as any[];
const verified = { vouched: true, customer: { id: "c1" } };

describe("a turn that the model leads", () => {
  it("says what it proposes, and tells it each message once", () => {
    const talk = led([{ text: "Hello! " }, { text: "Gladly." }]);
    expect(talk.say("hi")).toEqual(["Hello! "]);
    expect(proposals(talk)[0]!.input).toMatchObject({
      from: 0,
      whole: true,
      messages: [{ role: "user", content: "hi" }],
    });
    expect(talk.say("help me")).toEqual(["Gladly."]);
    expect(proposals(talk)[1]!.input).toMatchObject({
      from: 1,
      messages: [
        { role: "assistant", content: "Hello! " },
        { role: "user", content: "help me" },
      ],
    });
    expect(proposals(talk)[1]!.input).not.toHaveProperty("whole");
    expect(talk.driver.asked("language.understand")).toHaveLength(0);
    expect(talk.state).toBe("listening");
  });

  it("says the text beside calls first, makes reads by the agents, one after the other, and goes on with what they answer", () => {
    const talk = led(
      [
        {
          text: "One moment.",
          calls: [call("orders.get", { orderId: "W1" }), call("orders.get", { orderId: "W2" })],
        },
        { text: "Both are shipped." },
      ],
      { grounded: false },
      { open: verified },
    );
    expect(talk.say("where are W1 and W2?")).toEqual(["One moment.", "Both are shipped."]);
    const asked = talk.driver.asked("orders.get");
    expect(asked.map(({ input }) => input)).toEqual([
      { customerId: "c1", orderId: "W1" },
      { customerId: "c1", orderId: "W2" },
    ]);
    // The key is that of the proposal and the place in it, also where the same is asked twice.
    expect(new Set(asked.map(({ key }) => key)).size).toBe(2);
    expect(asked[1]!.key).toMatch(/^[0-9a-f-]{36}$/);
    expect(told(talk)).toMatchObject([
      {
        role: "assistant",
        content: "One moment.",
        toolCalls: [{ name: "orders.get" }, { name: "orders.get" }],
      },
      { role: "tool", toolName: "orders.get", content: expect.stringContaining('"W1"') },
      { role: "tool", toolName: "orders.get", content: expect.stringContaining('"W2"') },
    ]);
  });

  it("has writes made by tasks under the same kind of key, and tells the model how they ended", () => {
    const talk = led(
      [{ calls: [call("orders.cancel", { orderId: "W1", reason: "no longer needed" })] }, { text: "Done." }],
      {},
      { open: verified },
    );
    expect(talk.say("cancel W1")).toEqual([]);
    const [task] = talk.driver.told("task", "task.start");
    const [step] = task!.data.steps as any[];
    expect(step).toMatchObject({ skill: "orders.cancel", input: { orderId: "W1", customerId: "c1" } });
    expect(step.key).toMatch(/^[0-9a-f]{8}-/);
    talk.driver.send("task.finished", {
      taskId: task!.to.id,
      name: task!.to.id,
      ok: true,
      result: { state: "cancelled", steps: [] },
    });
    expect(talk.replies.at(-1)).toBe("Done.");
    expect(told(talk).at(-1)).toEqual({
      role: "tool",
      toolName: "orders.cancel",
      content: '{"state":"cancelled"}',
    });
  });

  it("asks a person where the rules want one, and tells the customer what came of it when nobody waits for it any more", () => {
    const policy = { ...DEFAULT_POLICY, approvals: [{ skill: "orders.cancel", above: 0, field: "amount" }] };
    const talk = led(
      [{ calls: [call("orders.cancel", { orderId: "W1" })] }, { text: "A colleague decides." }],
      {},
      { open: verified, policy },
    );
    talk.say("cancel W1");
    const [task] = talk.driver.told("task", "task.start");
    expect(task!.data.approval).toMatchObject({ what: "orders cancel" });
    const about = { taskId: task!.to.id, name: task!.to.id };
    talk.driver.send("task.approval", { ...about, approvalId: "a1", what: "orders cancel" });
    expect(talk.replies.at(-1)).toBe("A colleague decides.");
    expect(talk.handoffs).toHaveLength(1);
    talk.driver.send("human.approved", { approvalId: "a1", agent: "Ann" });
    talk.driver.send("task.finished", { ...about, ok: true, result: { steps: [] } });
    expect(talk.replies.at(-1)).toContain("orders cancel");
    expect(talk.state).toBe("listening");
  });

  it("verifies by what the customer wrote himself, and by nothing that the model made up", () => {
    const details = { email: "mary@example.com", postcode: "12345" };
    const made = led([{ calls: [call("desk.verify", details)] }, { text: "Who are you?" }]);
    made.say("show me my orders");
    expect(made.driver.asked("crm.verify")[0]!.input).toMatchObject({ emails: [], postcodes: [] });
    const talk = led([
      { calls: [call("desk.verify", details), call("orders.get", { orderId: "W1" })] },
      { text: "Welcome." },
    ]);
    expect(talk.say("I'm mary@example.com, 12345: where is W1?")).toEqual(["Welcome."]);
    expect(talk.d.customer.verified).toBe(true);
    expect(talk.driver.asked("orders.get")).toHaveLength(1);
  });

  it("looks articles up, and passes on to a person", () => {
    const talk = led([
      { calls: [call("desk.knowledge", { question: "returns?" })] },
      { calls: [call("desk.handoff", { summary: "Wants a refund in cash." })] },
    ]);
    talk.answers["knowledge.search"] = {
      passages: [{ id: "a", title: "Returns", text: "Within 30 days.", confidence: 1 }],
      best: null,
    };
    expect(talk.say("can I have cash back?")[0]).toContain("colleague");
    expect(told(talk).at(-1)).toMatchObject({
      content: '{"passages":[{"title":"Returns","text":"Within 30 days."}]}',
    });
    expect(talk.handoffs[0]).toMatchObject({ summary: "Wants a refund in cash." });
    expect(talk.state).toBe("waitingForHuman");
  });
});

describe("what is not let through", () => {
  const many = Array.from({ length: 3 }, () => call("orders.get", { orderId: "W1" }));
  it.each([
    ["a skill that there is not", {}, [call("orders.steal")], "unknown_skill"],
    ["a skill that it was not given", {}, [call("billing.refund", { amount: 1 })], "unknown_skill"],
    ["what an object has by itself", {}, [call("constructor")], "unknown_skill"],
    ["inputs that are missing", {}, [call("orders.get")], "orderId: missing"],
    ["inputs that are unknown", {}, [call("orders.get", { orderId: "W1", all: true })], "all: not known"],
    [
      "arguments that are too large",
      { argumentBytes: 40 },
      [call("orders.get", { orderId: "W".repeat(50) })],
      "too_large",
    ],
    ["more calls than are made at once", { calls: 2 }, many, "too_many_calls"],
    ["records of who is not verified", {}, [call("orders.get", { orderId: "W1" })], "forbidden"],
  ])("is answered to the model: %s", (_what, limits, calls, why) => {
    const talk = led([{ calls }, { text: "Sorry." }], limits, why === "forbidden" ? {} : { open: verified });
    expect(talk.say("do it")).toEqual(["Sorry."]);
    expect(told(talk).at(-1)).toMatchObject({ role: "tool", content: expect.stringContaining(why) });
    expect(talk.driver.asked("orders.get").length).toBe(why === "too_many_calls" ? 2 : 0);
    expect(talk.driver.told("task")).toHaveLength(0);
  });

  it("is not said when nothing that was answered holds it, nor is what came with it done", () => {
    const talk = led(
      [
        { text: "It arrives on 5 May.", calls: [call("orders.cancel", { orderId: "W1" })] },
        { text: "Let me see." },
      ],
      {},
      { open: verified },
    );
    talk.answers["language.ground"] = ({ input }) =>
      input.text === "Let me see."
        ? { ok: true, unsupported: [] }
        : { ok: false, unsupported: [{ text: "5 May" }] };
    expect(talk.say("when?")).toEqual(["Let me see."]);
    expect(told(talk).at(-1)).toMatchObject({ role: "system", content: expect.stringContaining("5 May") });
    expect(talk.driver.told("task")).toHaveLength(0);
  });

  it("ends with a person after too many proposals, or too long a turn", () => {
    const endless = Array.from({ length: 20 }, () => ({ calls: [call("orders.get", { orderId: "W1" })] }));
    const talk = led(endless, { steps: 4 }, { open: verified });
    expect(talk.say("again and again")).toHaveLength(1);
    expect(proposals(talk)).toHaveLength(4);
    expect(talk.handoffs[0]).toMatchObject({ reason: "agent_limit" });
    const slow = led(endless, { turnMs: 1 }, { open: verified });
    slow.say("hello");
    expect(proposals(slow)).toHaveLength(1);
    expect(slow.state).toBe("waitingForHuman");
  });

  it.each([
    ["fails", new Failed("unavailable")],
    ["says nothing", {}],
    ["says too much", { text: "x".repeat(AGENT_LIMITS.replyChars + 1) }],
    ["puts out no proposal", { text: 5 as unknown as string }],
  ])("leaves the turn to the playbooks where the model %s", (_what, output) => {
    const talk = led([output as Output, { text: "I am back." }]);
    expect(talk.say("where is my order?")[0]).toContain("e-mail");
    expect(talk.driver.asked("language.understand")).toHaveLength(1);
    // What was begun is gone on with, and the model leads again after it.
    expect(talk.say("mary@example.com, 12345")[0]).toContain("Which order");
    expect(proposals(talk)).toHaveLength(1);
  });

  it("hears memory that answers after the model has failed and before the message is understood", () => {
    const customer = { id: "c1" };
    const talk = led([new Failed("unavailable")], {}, { open: { vouched: true, customer } });
    for (const slow of ["memory.recall", "language.understand"]) talk.answers[slow] = () => undefined;
    expect(talk.say("where is my order?")).toEqual([]);
    expect(talk.state).toBe("understanding");
    const [recall] = talk.driver.asked("memory.recall");
    talk.driver.answer(recall!, { facts: [] });
    const [message] = talk.driver.asked("language.understand");
    talk.driver.answer(message!, understand("where is my order?"));
    expect(talk.replies.at(-1)).toContain("Which order");
    expect(talk.state).toBe("listening");
  });
});

describe("a thread", () => {
  it("is told anew to an agent that does not know it", () => {
    const talk = led([{ text: "Hello." }, new Failed("conflict"), { text: "Yes?" }]);
    talk.say("hi");
    expect(talk.say("me again")).toEqual(["Yes?"]);
    expect(proposals(talk)[2]!.input).toMatchObject({ from: 0, whole: true });
    expect(told(talk)).toHaveLength(3);
  });

  it("loses its older half when it grows too long, and results are cut", () => {
    const long = { orderId: "W1" };
    const talk = led(
      Array.from({ length: 12 }, (_, n) =>
        n % 2 === 0 ? { calls: [call("orders.get", long)] } : { text: `Answer ${n}.` },
      ),
      { threadChars: 600, resultChars: 80 },
      { open: verified },
    );
    talk.answers["orders.get"] = { id: "W1", note: "n".repeat(500) };
    for (let n = 0; n < 6; n++) expect(talk.say(`question ${n}`)).toEqual([`Answer ${2 * n + 1}.`]);
    const { thread, dropped } = talk.d.agent;
    expect(dropped).toBeGreaterThan(3);
    expect(thread[0].role).not.toBe("tool");
    const chars = thread.reduce((sum: number, each: { content: string }) => sum + each.content.length, 0);
    expect(chars).toBeLessThanOrEqual(600);
    const again = proposals(talk).filter(({ input }) => input.whole);
    expect(again.length).toBeGreaterThan(1);
    expect(again.length).toBeLessThan(proposals(talk).length / 2);
  });

  it("begins with what the model says where it speaks first", () => {
    const talk = led([{ text: "Good day!" }]);
    const greeted = new Talk({ open: { agent: { skills: [], greets: true } } });
    expect(greeted.driver.asked("model.propose")).toHaveLength(1);
    greeted.driver.answer(greeted.driver.asked("model.propose")[0]!, { text: "Good day!", calls: [] });
    greeted.driver.settle();
    expect(greeted.replies).toEqual(["Good day!"]);
    expect(talk.replies).toEqual([]);
  });

  it("has keys that follow from the record of the proposal", () => {
    const talk = led(
      [{ calls: [call("orders.get", { orderId: "W1" })] }, { text: "Yes." }],
      {},
      { open: verified },
    );
    talk.say("W1?");
    const key = talk.driver.asked("orders.get")[0]!.key;
    const records = Array.from({ length: 20 }, (_, n) => derivedId(`r${n}`, 0));
    expect(records).toContain(key);
  });
});
