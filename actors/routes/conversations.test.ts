import { get } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { address } from "../../runtime/address.ts";
import { conversationRoutes } from "./conversations.ts";
import { ADMIN_TOKEN, type RoutesUnderTest, serveRoutes } from "./testing.ts";

let t: RoutesUnderTest;
beforeAll(async () => {
  t = await serveRoutes((desk, tokens) => conversationRoutes({ engine: desk.node, tokens }));
});
afterAll(() => t.stop());

const open = async (body: unknown = {}, token?: string) => {
  const answer = await t.call("POST", "/v1/conversations", body, token);
  expect(answer.status).toBe(201);
  return answer.body as {
    conversationId: string;
    conversationToken: string;
    offset: number;
    customerId: any;
  };
};

interface Seen {
  id: number;
  event: string;
  data: any;
}
/** Reads events until `enough` says so; breaks the line off then. */
const eventsOf = (id: string, token: string, after: number, enough: (seen: Seen[]) => boolean) =>
  new Promise<Seen[]>((resolve, reject) => {
    const url = `${t.gateway.url}/v1/conversations/${id}/events`;
    const headers = { authorization: `Bearer ${token}`, "last-event-id": String(after) };
    const request = get(url, { headers, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
        const seen = [...text.matchAll(/^id: (\d+)\nevent: (\w+)\ndata: (.*)\n\n/gm)].map((m) => ({
          id: Number(m[1]),
          event: m[2]!,
          data: JSON.parse(m[3]!),
        }));
        if (enough(seen)) {
          request.destroy();
          resolve(seen);
        }
      });
      response.on("error", () => {});
    });
    request.on("error", (error) => ((error as any).code === "ECONNRESET" ? undefined : reject(error)));
  });

describe("opening", () => {
  it("answers ids, a token and the position to follow from", async () => {
    const c = await open({ channel: "chat", customer: { name: "Ada" } });
    expect(c.customerId).toBeNull();
    const records = await t.desk.node.recordsOfKey(c.conversationId);
    expect(records[0]).toMatchObject({
      type: "conversation.open",
      seq: c.offset,
      clear: {},
      data: { channel: "chat", customer: { name: "Ada" }, vouched: false },
    });
  });

  it("takes a first message along", async () => {
    const c = await open({ text: "hello" });
    const seen = await eventsOf(c.conversationId, c.conversationToken, c.offset, (s) => s.length > 0);
    expect(seen[0]!.data.text).toBe("1: hello");
  });

  it("lets only the admin token vouch", async () => {
    const refused = await t.call("POST", "/v1/conversations", { customer: { id: "c1" }, vouched: true });
    expect([refused.status, refused.body.errors[0].field]).toEqual([403, "vouched"]);
    const c = await open({ customer: { id: "c1" }, vouched: true }, ADMIN_TOKEN);
    expect(c.customerId).toBe("c1");
    const [first] = await t.desk.node.recordsOfKey(c.conversationId);
    expect(first!.data.vouched).toBe(true);
  });

  it.each([
    [{ customer: { id: 7 } }, "customer.id"],
    [{ customer: "c1" }, "customer"],
    [{ channel: "Chat!" }, "channel"],
    [{ customer: { id: "x".repeat(200) } }, "customer.id"],
    [{ customer: { name: "a\u0000b" } }, "customer.name"],
    [{ text: "" }, "text"],
    [{ colour: "red" }, "colour"],
  ])("refuses %j", async (body, field) => {
    const answer = await t.call("POST", "/v1/conversations", body);
    expect([answer.status, answer.body.errors[0].field]).toEqual([400, field]);
  });
});

describe("messages", () => {
  it("is in the log before the 202", async () => {
    const c = await open();
    const path = `/v1/conversations/${c.conversationId}/messages`;
    const answer = await t.call("POST", path, { text: "hi" }, c.conversationToken);
    expect(answer.status).toBe(202);
    const records = await t.desk.node.records(address("conversation", c.conversationId), answer.body.seq - 1);
    expect(records[0]).toMatchObject({ id: answer.body.messageId, data: { text: "hi" } });
  });

  it("answers the same id for the same clientMessageId, also at the same time, and 409 for another text", async () => {
    const c = await open();
    const path = `/v1/conversations/${c.conversationId}/messages`;
    const send = (text: string) =>
      t.call("POST", path, { text, clientMessageId: "m-1" }, c.conversationToken);
    const [a, b] = await Promise.all([send("hi"), send("hi")]);
    const again = await send("hi");
    expect([a.status, b.status, again.status]).toEqual([202, 202, 202]);
    expect(b.body).toEqual(a.body);
    expect(again.body).toEqual(a.body);
    const other = await send("something else");
    expect([other.status, other.body.errors[0].field]).toEqual([409, "clientMessageId"]);
    await eventsOf(c.conversationId, c.conversationToken, 0, (s) => s.length > 0);
    const records = await t.desk.node.recordsOfKey(c.conversationId);
    expect(records.filter((r) => r.type === "customer.message")).toHaveLength(1);
    expect(records.filter((r) => r.type === "reply")).toHaveLength(1);
    // The caller's own id is only ever sealed.
    expect(JSON.stringify(records.map((r) => [r.id, r.clear]))).not.toContain("m-1");
  });

  it.each([
    ["nothing", "", 400],
    ["blanks", " \n\t ", 400],
    ["control characters", "\u0000\u0007\u200b", 400],
    ["half a surrogate pair", "a\ud800", 400],
    ["more than 16 KiB", "é".repeat(8_193), 413],
  ])("refuses %s and writes nothing", async (_what, text, status) => {
    const c = await open();
    const path = `/v1/conversations/${c.conversationId}/messages`;
    const answer = await t.call("POST", path, { text }, c.conversationToken);
    expect([answer.status, answer.body.errors[0].field]).toEqual([status, "text"]);
    // Its opening may still be on the way.
    const records = await t.desk.node.recordsOfKey(c.conversationId);
    expect(records.map(({ type }) => type)).not.toContain("customer.message");
  });

  it("takes 16 KiB, emoji only, and what has control characters in it", async () => {
    const c = await open();
    const path = `/v1/conversations/${c.conversationId}/messages`;
    for (const text of ["é".repeat(8_192), "👩‍👩‍👧", "a\u0000b\nc"]) {
      expect((await t.call("POST", path, { text }, c.conversationToken)).status).toBe(202);
    }
    const records = await t.desk.node.records(address("conversation", c.conversationId));
    expect(records.at(-1)!.data.text).toBe("ab\nc");
  });

  it("refuses an unknown conversation and another one's token", async () => {
    const a = await open();
    const b = await open();
    const send = (id: string, token: string) =>
      t.call("POST", `/v1/conversations/${id}/messages`, { text: "x" }, token);
    expect((await send(a.conversationId, b.conversationToken)).status).toBe(401);
    expect((await send("nobody", ADMIN_TOKEN)).status).toBe(404);
    expect((await send("no.body", ADMIN_TOKEN)).status).toBe(404);
    expect(await t.desk.node.recordsOfKey("nobody")).toEqual([]);
  });

  it("can be written to and read at once, with either token", async () => {
    for (let i = 0; i < 20; i++) {
      const c = await open({}, i % 2 ? ADMIN_TOKEN : undefined);
      const path = `/v1/conversations/${c.conversationId}`;
      const token = i % 2 ? ADMIN_TOKEN : c.conversationToken;
      const sent =
        i % 4 < 2 ? await t.call("POST", `${path}/messages`, { text: "x" }, token) : { status: 202 };
      expect([sent.status, (await t.call("GET", path, undefined, token)).status]).toEqual([202, 200]);
    }
  });

  it("tells apart two texts under one clientMessageId that come at the same time", async () => {
    const c = await open();
    const path = `/v1/conversations/${c.conversationId}/messages`;
    const texts = ["one", "two", "three"];
    const answers = await Promise.all(
      texts.map((text) => t.call("POST", path, { text, clientMessageId: "same" }, c.conversationToken)),
    );
    expect(answers.map((a) => a.status).sort()).toEqual([202, 409, 409]);
  });

  it("answers 429 when the conversation is too far behind", async () => {
    const slow = await serveRoutes((desk, tokens) => conversationRoutes({ engine: desk.node, tokens }), {
      node: { admission: { maxWaiting: 0 } },
    });
    const answer = await slow.call("POST", "/v1/conversations", {});
    expect(answer.status).toBe(429);
    await slow.stop();
  });
});

describe("reading", () => {
  it("shows state and transcript", async () => {
    const c = await open({ text: "hello" });
    await eventsOf(c.conversationId, c.conversationToken, 0, (s) => s.length > 0);
    const { body } = await t.call(
      "GET",
      `/v1/conversations/${c.conversationId}`,
      undefined,
      c.conversationToken,
    );
    expect(body).toMatchObject({ state: "listening", slots: {}, approvals: [], outcome: null });
    expect(body.transcript.map((e: any) => [e.role, e.text])).toEqual([
      ["customer", "hello"],
      ["desk", "1: hello"],
    ]);
  });

  it("resumes wherever a client broke off, while messages keep coming", async () => {
    const c = await open();
    const path = `/v1/conversations/${c.conversationId}/messages`;
    const total = 30;
    const sending = (async () => {
      for (let i = 0; i < total; i++) await t.call("POST", path, { text: `m${i}` }, c.conversationToken);
    })();
    const all: Seen[] = [];
    while (all.length < total) {
      const want = 1 + (all.length % 4);
      const after = all.at(-1)?.id ?? c.offset;
      const left = Math.min(want, total - all.length);
      all.push(...(await eventsOf(c.conversationId, c.conversationToken, after, (s) => s.length >= left)));
    }
    await sending;
    expect(all.map((e) => e.data.text)).toEqual(Array.from({ length: total }, (_, i) => `${i + 1}: m${i}`));
  });

  it("refuses a last event id that is none", async () => {
    const c = await open();
    const response = await fetch(`${t.gateway.url}/v1/conversations/${c.conversationId}/events`, {
      headers: { authorization: `Bearer ${c.conversationToken}`, "last-event-id": "soon" },
    });
    expect(response.status).toBe(400);
    expect(((await response.json()) as any).errors[0].field).toBe("header.last-event-id");
  });
});
