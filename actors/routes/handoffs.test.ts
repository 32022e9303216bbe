import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ADMIN_TOKEN, type RoutesUnderTest, serveDesk } from "./testing.ts";

let t: RoutesUnderTest;
beforeAll(async () => {
  t = await serveDesk();
});
afterAll(() => t.stop());

const admin = (method: string, path: string, body?: unknown) =>
  t.call(method, `/v1/admin${path}`, body, ADMIN_TOKEN);
const open = async (text: string) => (await t.call("POST", "/v1/conversations", { text })).body;
const read = async (c: any) =>
  (await t.call("GET", `/v1/conversations/${c.conversationId}`, undefined, c.conversationToken)).body;
const say = (c: any, text: string) =>
  t.call("POST", `/v1/conversations/${c.conversationId}/messages`, { text }, c.conversationToken);
const queued = (c: any) =>
  t.desk.until(
    async () =>
      (await admin("GET", "/handoffs")).body.handoffs.find((h: any) => h.conversationId === c.conversationId),
    "the hand-off in the queue",
  ) as Promise<any>;

describe("hand-offs", () => {
  it("goes from the queue to a person and back, with every step seen by the customer", async () => {
    const c = await open("I want to talk to a person please");
    const h = await queued(c);
    expect(h).toMatchObject({ state: "queued", reason: "asked", agent: null });
    expect((await admin("POST", `/handoffs/${h.id}/accept`, { agent: "Grace" })).status).toBe(202);
    await t.desk.until(async () => (await read(c)).state === "withHuman", "a person in the conversation");
    const other = await admin("POST", `/handoffs/${h.id}/accept`, { agent: "Ann" });
    expect([other.status, other.body.title]).toEqual([409, "Conflict"]);
    expect((await admin("POST", `/handoffs/${h.id}/reply`, { agent: "Grace", text: "Hello!" })).status).toBe(
      202,
    );
    // A person's answer goes by way of the hand-off, a customer's message does not.
    await t.desk.until(
      async () => (await read(c)).transcript.some((m: any) => m.text === "Hello!"),
      "the person's answer",
    );
    await say(c, "Thank you");
    await t.desk.until(
      async () => (await read(c)).transcript.some((m: any) => m.text === "Thank you"),
      "the message",
    );
    const back = { agent: "Grace", summary: "Helped." };
    expect((await admin("POST", `/handoffs/${h.id}/return`, back)).status).toBe(202);
    // Grace has said nothing to the thanks: the desk does.
    await t.desk.until(async () => (await read(c)).state === "satisfaction", "the desk again");
    // The state is ahead of the reply, which is on its way into the log.
    const transcript: any = await t.desk.until(async () => {
      const found = (await read(c)).transcript;
      return found.length === 6 && found;
    }, "the desk's word");
    const roles = ["customer", "desk", "human", "customer", "desk", "desk"];
    expect(transcript.map((m: any) => m.role)).toEqual(roles);
    expect(transcript[2]).toMatchObject({ text: "Hello!", author: "Grace" });
    expect(transcript[5]).toMatchObject({ answers: [transcript[3].messageId] });
    expect((await admin("GET", "/handoffs")).body.handoffs).toEqual([]);
    const over = await admin("POST", `/handoffs/${h.id}/reply`, { agent: "Grace", text: "Late" });
    expect(over.status).toBe(409);
  });

  it.each([
    [{ agent: "Grace", text: "" }, 400, "text"],
    [{ agent: "Grace", text: "a\ud800" }, 400, "text"],
    [{ agent: " ", text: "x" }, 400, "agent"],
    [{ text: "x" }, 400, "agent"],
  ])("refuses the reply %j", async (body, status, field) => {
    const c = await open("I want to talk to a person please");
    const h = await queued(c);
    const answer = await admin("POST", `/handoffs/${h.id}/reply`, body);
    expect([answer.status, answer.body.errors[0].field]).toEqual([status, field]);
  });

  it("answers 404 for what is none, and nothing without the admin token", async () => {
    expect((await admin("POST", "/handoffs/none-h1/accept", { agent: "Grace" })).status).toBe(404);
    expect((await admin("POST", "/approvals/none/approve", { agent: "Grace" })).status).toBe(404);
    expect((await t.call("GET", "/v1/admin/handoffs")).status).toBe(401);
  });
});

describe("operations", () => {
  it("traces a conversation: who sent each record, and why", async () => {
    const c = await open("How do I return something?");
    await t.desk.until(async () => (await read(c)).transcript.length === 2, "the answer");
    const path = `/conversations/${c.conversationId}/trace`;
    const { body } = await admin("GET", path);
    const types = body.records.map((r: any) => r.type);
    expect(types.slice(0, 2)).toEqual(["conversation.open", "customer.message"]);
    const bySeq = new Map(body.records.map((r: any) => [r.seq, r]));
    for (const r of body.records.slice(2)) {
      expect(r.cause).toMatchObject({ type: (bySeq.get(r.cause.seq) as any).type });
      expect(r.durationMs).toBeGreaterThanOrEqual(0);
    }
    const asked = body.records.find((r: any) => r.what?.includes("knowledge.search"));
    expect(asked.from).toBe(`conversation/${c.conversationId}/${c.conversationId}`);
    expect(JSON.stringify(body)).not.toContain("How do I return");
    const opened = await admin("GET", `${path}?data=true`);
    expect(JSON.stringify(opened.body)).toContain("How do I return");
    expect((await admin("GET", "/conversations/nobody/trace")).status).toBe(404);
  });

  it("shows the live status", async () => {
    const before = (await admin("GET", "/status")).body;
    const c = await open("I want to talk to a person please");
    await queued(c);
    // The store follows the log; the queue is ahead of it by a moment.
    const handedOff = (before.outcomes.handed_off ?? 0) + 1;
    const after: any = await t.desk.until(async () => {
      const { body } = await admin("GET", "/status");
      return body.outcomes.handed_off === handedOff && body;
    }, "the status to follow");
    expect(after.conversations.opened).toBe(before.conversations.opened + 1);
    expect(after.replies).toBeGreaterThan(before.replies);
    expect(after.handoffs.waiting).toBe(before.handoffs.waiting + 1);
    expect(after.conversations.byState.waiting_for_human).toBe(
      (before.conversations.byState.waiting_for_human ?? 0) + 1,
    );
    expect(after.latest[0].id).toBe(c.conversationId);
    expect(Object.keys(after.services)).toEqual(expect.arrayContaining(["language", "knowledge"]));
  });

  it("lists, shows, retries and drops what was given up on", async () => {
    await t.desk.send({ kind: "nobody", key: "k1", id: "k1" }, "test.lost", { text: "lost" });
    const letter: any = await t.desk.until(
      async () => (await admin("GET", "/dead-letters")).body.deadLetters[0],
      "the dead letter",
    );
    expect(letter).toMatchObject({ type: "test.lost", to: "nobody/k1/k1" });
    expect((await admin("GET", `/dead-letters/${letter.number}`)).body.reason).toContain("nobody");
    expect((await admin("POST", `/dead-letters/${letter.number}/retry`)).status).toBe(202);
    const again: any = await t.desk.until(
      async () => (await admin("GET", "/dead-letters")).body.deadLetters[0],
      "the letter of the retry",
    );
    expect(again.number).not.toBe(letter.number);
    expect((await admin("DELETE", `/dead-letters/${again.number}`)).status).toBe(200);
    expect((await admin("GET", "/dead-letters")).body.deadLetters).toEqual([]);
    expect((await admin("GET", "/dead-letters/99")).status).toBe(404);
    expect((await admin("GET", "/dead-letters/x")).status).toBe(400);
  });

  it("has no unknowns until something is unknown", async () => {
    expect((await admin("GET", "/unknowns")).body).toEqual({ unknowns: [] });
    expect((await admin("POST", "/unknowns/u1", { outcome: "done" })).status).toBe(404);
    expect((await admin("POST", "/unknowns/u1", { outcome: "maybe" })).status).toBe(400);
  });
});
