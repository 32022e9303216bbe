import { describe, expect, it } from "vitest";
import { address } from "../../runtime/address.ts";
import type { TellEffect } from "../../runtime/host/machine.ts";
import type { JsonObject } from "../../runtime/json.ts";
import { Driver } from "../testing/driver.ts";
import { HANDOFF_DEFAULTS, handoffMachine } from "./machine.ts";

function handoff(data: JsonObject = {}): Driver {
  const machine = handoffMachine({
    options: HANDOFF_DEFAULTS,
    orchestrator: address("orchestrator", "test"),
  });
  const driver = new Driver(machine, "handoff", "conv", "conv-h1");
  driver.send("handoff.open", {
    kind: "conversation",
    reason: "asked",
    priority: "normal",
    summary: "s",
    ...data,
  });
  return driver;
}

const types = (effects: readonly unknown[]): string[] => effects.map((e) => (e as TellEffect).event);

describe("a hand-off", () => {
  it("notifies once, and is one person's from when he accepts", () => {
    const d = handoff();
    expect(types(d.effects)).toEqual(["handoff.queued"]);
    expect(types(d.send("handoff.accept", { agent: "Ann" }))).toEqual(["human.accepted", "handoff.accepted"]);
    expect(types(d.send("handoff.accept", { agent: "Bob" }))).toEqual(["handoff.refused"]);
    expect(types(d.send("handoff.reply", { agent: "Bob", text: "Hi" }))).toEqual(["handoff.refused"]);
    const [reply] = d.send("handoff.reply", { agent: "Ann", text: "Hi" }) as TellEffect[];
    expect(reply).toMatchObject({
      to: { kind: "conversation", key: "conv" },
      event: "human.message",
      data: { handoffId: "conv-h1", agent: "Ann", text: "Hi" },
    });
    expect(types(d.send("handoff.return", { agent: "Ann", summary: "a", instruction: "b" }))).toEqual([
      "human.returned",
      "handoff.settled",
    ]);
    expect(types(d.send("handoff.reply", { agent: "Ann", text: "wait" }))).toEqual(["handoff.refused"]);
    expect(d.state).toBe("returned");
  });

  it("is not anybody's before it is accepted", () => {
    expect(types(handoff().send("handoff.reply", { agent: "Ann", text: "Hi" }))).toEqual(["handoff.refused"]);
  });

  it("is announced again when nobody comes, then the customer hears, once", () => {
    const d = handoff();
    expect(types(d.advance(HANDOFF_DEFAULTS.acceptMs))).toEqual(["handoff.waiting"]);
    expect(types(d.advance(HANDOFF_DEFAULTS.acceptMs))).toEqual(["handoff.waiting", "human.late"]);
    expect(types(d.advance(100 * HANDOFF_DEFAULTS.acceptMs))).toEqual([]);
    expect(types(d.send("handoff.accept", { agent: "Ann" }))).toContain("human.accepted");
  });

  it("keeps what comes to be known meanwhile, and its timer", () => {
    const d = handoff();
    d.advance(HANDOFF_DEFAULTS.acceptMs / 2);
    d.send("handoff.note", { text: "the refund went through" });
    d.send("handoff.callback", { email: "m@example.com" });
    d.send("handoff.assigned", { agent: "Ann" });
    expect(d.context).toMatchObject({
      notes: ["the refund went through"],
      callback: "m@example.com",
      assigned: "Ann",
    });
    expect(types(d.advance(HANDOFF_DEFAULTS.acceptMs / 2))).toEqual(["handoff.waiting"]);
  });

  it("carries an approval to a decision", () => {
    const d = handoff({ kind: "approval", approval: { what: "Refund", amount: 300 } });
    expect(d.send("handoff.accept", { agent: "Ann" })).toEqual([]);
    const effects = d.send("handoff.decline", { agent: "Ann", note: "no" }) as TellEffect[];
    expect(types(effects)).toEqual(["human.declined", "handoff.settled"]);
    expect(effects[0]?.data).toEqual({
      handoffId: "conv-h1",
      approvalId: "conv-h1",
      agent: "Ann",
      note: "no",
    });
    expect(types(d.send("handoff.approve", { agent: "Bob" }))).toEqual(["handoff.refused"]);
  });

  it("can be withdrawn", () => {
    const d = handoff();
    expect(types(d.send("handoff.withdraw"))).toEqual(["handoff.settled"]);
    expect(d.advance(10 * HANDOFF_DEFAULTS.acceptMs)).toEqual([]);
  });
});
