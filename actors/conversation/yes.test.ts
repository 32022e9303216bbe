/** What a yes, thanks or a change of mind do while the desk waits for an answer. */
import { describe, expect, it } from "vitest";
import { asideOf } from "./aside.ts";
import { Talk } from "./testing.ts";

const asked = (): Talk => {
  const talk = new Talk();
  expect(talk.say("I want a refund")).toEqual(["Shall I refund 300.00 EUR?"]);
  return talk;
};

describe("a question for a yes", () => {
  it("is not answered by thanks for what has not been done", () => {
    const talk = asked();
    const [reply] = talk.say("Perfect, thanks so much for taking care of that!");
    expect(reply).toContain("One thing is still open");
    expect(talk.d.tasks).toHaveLength(0);
    // It may still be said.
    talk.say("yes");
    expect(talk.d.tasks).toHaveLength(1);
  });

  it("is let go when the customer closes a second time", () => {
    const talk = asked();
    talk.say("thank you for handling this");
    expect(talk.say("that's all I needed")[0]).toContain("from 1 (poor)");
    expect(talk.outcomes).toEqual(["resolved"]);
    expect(talk.d.tasks).toHaveLength(0);
  });

  it("is not answered by a yes that hangs on something", () => {
    const talk = asked();
    expect(talk.say("yes, but only if it goes to my gift card")[0]).toContain("yes or no");
    expect(talk.d.tasks).toHaveLength(0);
  });

  it("is answered with no by what is kept as it is", () => {
    const talk = asked();
    expect(talk.say("on reflection, please leave it as it is")[0]).toContain("Nothing was refunded");
  });

  it("keeps another request for afterwards", () => {
    const talk = asked();
    talk.say("no. where is my order?");
    expect(talk.replies.at(-1)).toContain("Nothing was refunded");
    expect(talk.replies.at(-1)).toContain("Now to your other request.");
    expect(talk.replies.at(-1)).toContain("make sure that it's you");
  });
});

describe("while a person decides", () => {
  it("goes on with what else was asked for", () => {
    const talk = new Talk();
    talk.say("I want a refund. contact me by e-mail");
    talk.say("yes");
    const taskId = talk.d.tasks[0].id;
    talk.driver.send("task.approval", { taskId, approvalId: "a1", what: "Refund", amount: 300 });
    expect(talk.replies.at(-1)).toContain("A colleague has to approve this");
    expect(talk.replies.at(-1)).toContain("Noted: by e-mail.");
    talk.driver.send("human.approved", { approvalId: "a1", agent: "Ann" });
    talk.driver.send("task.finished", { taskId, ok: true, result: {} });
    expect(talk.replies.at(-1)).toContain("The refund is on its way.");
  });

  it("says so in few words instead of the same again", () => {
    const talk = asked();
    talk.say("yes");
    talk.driver.send("task.approval", {
      taskId: talk.d.tasks[0].id,
      approvalId: "a1",
      what: "R",
      amount: 300,
    });
    expect(talk.say("hm, fine")[0]).toContain("still with my colleague");
  });
});

describe("a question on the side", () => {
  const best = { id: "p1", articleId: "a1", title: "Returns", text: "It takes 5 days.", confidence: 0.8 };

  it("is answered from an article, and the matter goes on", () => {
    const talk = asked();
    talk.answers["knowledge.search"] = { passages: [best], best };
    const [reply] = talk.say("no, rather not. How long does a refund take?");
    expect(reply).toContain("“It takes 5 days.”");
    expect(reply).toContain("Nothing was refunded");
  });

  it("is not met with silence when nothing is known, but not over and over", () => {
    const talk = asked();
    expect(talk.say("hmm. Are there any restocking fees? let me think")[0]).toContain(
      "I don't want to guess",
    );
    talk.say("Is return shipping free? I wonder");
    expect(talk.say("When will the money arrive? I wonder")[0]).not.toContain("I don't want to guess");
  });

  it("is told from what the desk does itself", () => {
    expect(asideOf("Yes. What's the return window? Are there any fees?")).toBe(
      "What's the return window? Are there any fees?",
    );
    for (const text of [
      "What do you need from me?",
      "Can you look it up?",
      "Could you cancel it?",
      "Is that possible?",
      "where is my order?",
    ])
      expect(asideOf(text), text).toBeUndefined();
  });
});
