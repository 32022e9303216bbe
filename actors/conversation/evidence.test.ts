/** Who the customer is, said at moments when nobody asked for it. */
import { describe, expect, it } from "vitest";
import { Failed } from "../testing/driver.ts";
import { Talk } from "./testing.ts";

const DETAILS = "I'm mary@example.com, 12345";

describe("who wants a person and says who he is", () => {
  it("is verified first, hears what the records hold, and goes to the person as a known customer", () => {
    const talk = new Talk();
    talk.say("where is my order?");
    const [reply] = talk.say(`${DETAILS}. And please let me speak to a human`);
    expect(reply).toContain("Thank you, Mary.");
    expect(reply).toContain("#W1234567, delivered");
    expect(reply).toContain("I'm passing you on to a colleague");
    expect(talk.handoffs).toHaveLength(1);
    expect(talk.handoffs[0]).toMatchObject({ reason: "asked", customer: { verified: true } });
    expect(talk.state).toBe("waitingForHuman");
  });

  it("hears of the latest orders when no words name one", () => {
    const talk = new Talk();
    talk.answers["orders.list"] = talk.answers["orders.match"]!;
    talk.answers["orders.match"] = { orders: [] };
    const [reply] = talk.say(`${DETAILS}. let me speak to a human`);
    expect(reply).toContain("These are your latest orders:\n- #W1234567, delivered");
    expect(talk.handoffs).toHaveLength(1);
  });

  it("gets the person all the same when the details fit nobody or the records are down", () => {
    for (const answer of [new Failed("timeout"), { verified: false, reason: "no_match", options: [] }]) {
      const talk = new Talk();
      talk.answers["crm.verify"] = answer;
      expect(talk.say(`${DETAILS}. let me speak to a human`)).toHaveLength(1);
      expect(talk.handoffs[0]).toMatchObject({ reason: "asked", customer: { verified: false } });
    }
    const talk = new Talk();
    talk.answers["orders.match"] = new Failed("timeout");
    expect(talk.say(`${DETAILS}. let me speak to a human`)[0]).toContain("a colleague");
    expect(talk.handoffs[0]).toMatchObject({ customer: { verified: true } });
  });
});

describe("who answers a question back with his name instead", () => {
  it("is taken at the likeliest of his wishes", () => {
    const talk = new Talk();
    talk.answers["model.answer"] = new Failed("unavailable");
    expect(talk.say("something about money")[0]).toContain("Do you mean");
    expect(talk.say(DETAILS)[0]).toContain("Shall I refund");
    expect(talk.handoffs).toHaveLength(0);
  });

  it("is shown his orders when nothing tells what he wants", () => {
    const talk = new Talk();
    talk.answers["model.answer"] = new Failed("unavailable");
    expect(talk.say("blorb")[0]).toContain("tell me in a few words");
    expect(talk.say(DETAILS)[0]).toContain("Thank you, Mary.\n\nWhich order is it?");
  });

  it("has never said something that was not understood", () => {
    const talk = new Talk();
    talk.answers["model.answer"] = new Failed("unavailable");
    expect(talk.say("it's mary@example.com")[0]).toContain("What can I do for you?");
    expect(talk.d.unsure).toBe(0);
    expect(talk.say("12345")[0]).toContain("Thank you, Mary.");
  });
});

describe("a number of an order and nothing else", () => {
  it("is looked up", () => {
    expect(new Talk().say("W1234567")[0]).toContain("make sure that it's you");
  });
});

describe("details that fit nobody", () => {
  it("are answered in other words the second time, and new ones are tried again", () => {
    const talk = new Talk();
    talk.say("where is my order?");
    const [first] = talk.say("eve@example.com 12345");
    const [second] = talk.say("sorry, eva@example.com");
    expect(second).not.toBe(first);
    expect(second).toContain("looked again");
    expect(talk.say("ah no: mary@example.com")[0]).toContain("Thank you, Mary.");
  });
});
