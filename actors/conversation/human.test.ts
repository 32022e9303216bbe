import { describe, expect, it } from "vitest";
import { Talk } from "./testing.ts";

/** Whoever asked for a person, and has one. */
function withAnn(): { talk: Talk; handoffId: string } {
  const talk = new Talk();
  talk.say("let me speak to a human");
  const handoffId = String(talk.handoffs[0]!.id);
  talk.driver.send("human.accepted", { handoffId, agent: "Ann" });
  return { talk, handoffId };
}

describe("people", () => {
  it("hands over when asked, with one message and one entry", () => {
    const talk = new Talk();
    expect(talk.say("let me speak to a human")).toHaveLength(1);
    expect(talk.handoffs).toHaveLength(1);
    expect(talk.outcomes).toEqual(["handed_off"]);
    expect(talk.say("hello?")[0]).toContain("colleague");
  });

  it("apologises for the first anger and hands over at the second", () => {
    const talk = new Talk();
    expect(talk.say("ridiculous. I want a refund")[0]).toMatch(/^I'm sorry about the trouble/);
    talk.say("outrageous");
    expect(talk.handoffs[0]).toMatchObject({ reason: "angry", priority: "high" });
  });

  it("passes certain topics on at once", () => {
    const talk = new Talk();
    expect(talk.say("you will hear from my lawyer")[0]).toContain("I understand that this is serious");
    expect(talk.handoffs[0]).toMatchObject({ reason: "legal" });
  });

  it("drops a late machine reply once a person has the conversation, and keeps quiet", () => {
    const talk = new Talk();
    talk.answers["language.understand"] = () => undefined;
    talk.say("where is my order?");
    const [late] = talk.driver.open;
    talk.driver.send("host.quarantined", { type: "x", reason: "crash" });
    const { id } = talk.handoffs[0]!;
    talk.driver.send("human.accepted", { handoffId: id!, agent: "Ann" });
    talk.driver.send("human.message", { handoffId: id!, agent: "Ann", text: "Hello, this is Ann." });
    const before = talk.replies.length;
    talk.driver.answer(late!, { intent: { name: "refund", confidence: 0.9 }, entities: [], yesNo: null });
    talk.say("thanks");
    expect(talk.replies.length).toBe(before);
    expect(talk.driver.told("channel", "reply").at(-1)?.data).toMatchObject({ role: "human", author: "Ann" });
    expect(talk.state).toBe("withHuman");
  });

  it("goes on after a person with his instruction; the note is not for the customer", () => {
    const { talk, handoffId } = withAnn();
    talk.driver.send("human.returned", {
      handoffId,
      summary: "Wants money back.",
      instruction: "I want a refund",
    });
    expect(talk.replies.join()).not.toContain("Wants money back.");
    expect(talk.d.fromHuman.summary).toBe("Wants money back.");
    expect(talk.replies.at(-1)).toContain("Shall I refund 300.00 EUR?");
    expect(talk.say("no")[0]).toContain("Nothing was refunded");
    expect(talk.outcomes).toEqual(["handed_off"]);
  });

  it("takes up what a person has said nothing to, all at once, and answers each of it", () => {
    const { talk, handoffId } = withAnn();
    talk.say("hello?");
    talk.driver.send("human.message", { handoffId, agent: "Ann", text: "Hello, this is Ann." });
    talk.say("I want a refund");
    talk.say("yes");
    const asked = talk.driver.told("channel", "reply").length;
    talk.driver.send("human.returned", { handoffId, summary: "", instruction: "" });
    const replies = talk.driver.told("channel", "reply").slice(asked);
    expect(replies.at(-1)?.data.text).toContain("Shall I refund 300.00 EUR?");
    // Not yet: that yes was for the person. And what the person has answered is not answered again.
    expect(replies.map(({ data }) => data.text).join()).not.toContain("is refunded");
    expect(replies.at(-1)?.clear.answers).toHaveLength(2);
    const said = talk.d.history.filter(({ text }: { text: string }) => text === "I want a refund");
    expect(said).toHaveLength(1);
  });

  it("says with a person's instruction which messages it answers", () => {
    const { talk, handoffId } = withAnn();
    talk.say("can somebody help me?");
    talk.driver.send("human.returned", { handoffId, summary: "", instruction: "I want a refund" });
    const reply = talk.driver.told("channel", "reply").at(-1)!;
    expect(reply.data.text).toContain("Shall I refund 300.00 EUR?");
    expect(reply.clear.answers).toHaveLength(1);
  });

  it("apologises once when nobody comes, and takes an e-mail address for a call-back", () => {
    const talk = new Talk();
    talk.say("let me speak to a human");
    const handoffId = talk.handoffs[0]!.id!;
    talk.driver.send("human.late", { handoffId });
    talk.driver.send("human.late", { handoffId });
    expect(talk.replies.filter((r) => r.includes("taking so long"))).toHaveLength(1);
    expect(talk.say("write to mary@example.com.")[0]).toBe(
      "Thank you. A colleague will write to mary@example.com.",
    );
    expect(talk.driver.told("handoff", "handoff.callback")[0]?.data).toEqual({ email: "mary@example.com" });
  });
});
