/** What a conversation looks like of which records have left the log: its gaps have names. */
import { afterEach, expect, it } from "vitest";
import { address } from "../../runtime/address.ts";
import { ShiftedClock } from "../../runtime/clock.ts";
import { readEvents } from "../../runtime/gateway/event-reader.ts";
import type { ActorDefinition } from "../../runtime/host/definition.ts";
import { CHECKPOINT } from "../../runtime/log/checkpoint.ts";
import { conversationRoutes } from "./conversations.ts";
import { ADMIN_TOKEN, parrotDefinitions, type RoutesUnderTest, serveRoutes } from "./testing.ts";
import { traceRoutes } from "./trace.ts";

const DAY = 24 * 3_600_000;
const [parrot, channel] = parrotDefinitions as [ActorDefinition, ActorDefinition];

let under: RoutesUnderTest | undefined;
afterEach(async () => {
  await under?.stop();
  under = undefined;
});

/** A conversation with one message from long ago; `closes`: after that one it is closed. */
async function old(closes: boolean) {
  const clock = new ShiftedClock();
  const conversation = { ...parrot, closed: (context: { heard: number }) => closes && context.heard > 0 };
  under = await serveRoutes(
    ({ node: engine }, tokens) => [...conversationRoutes({ engine, tokens }), ...traceRoutes(engine)],
    {
      node: {
        definitions: [conversation, channel],
        clock,
        host: { snapshotEveryMs: 20 },
        retention: { logMs: 30 * DAY },
      },
    },
  );
  const { call, desk } = under;
  const opened = await call("POST", "/v1/conversations", { text: "one" });
  const { conversationId: id, conversationToken: token } = opened.body;
  const to = address("conversation", id);
  await desk.until(async () => (await desk.node.read(to))?.view.heard === 1, "the first message");
  const covered = async () => (await desk.node.records(to)).some(({ type }) => type === CHECKPOINT);
  if (closes) await desk.until(covered, "its checkpoint");
  clock.advance(31 * DAY);
  await desk.until(async () => {
    await desk.node.leaveLog();
    return desk.node.leftOfKey(id);
  }, "its records to leave");
  return { id, token, to, call, desk, left: await desk.node.leftOfKey(id) };
}

it("an open conversation shows what is left of it and says that there was more", async () => {
  const { id, token, to, call, desk, left } = await old(false);
  expect((await call("POST", `/v1/conversations/${id}/messages`, { text: "two" }, token)).status).toBe(202);
  await desk.until(async () => (await desk.node.read(to))?.view.heard === 2, "the second message");
  const { body } = await call("GET", `/v1/conversations/${id}`, undefined, token);
  expect(body.leftUpTo).toBe(left);
  expect(body.transcript[0]).toMatchObject({ role: "customer", text: "two" });
  const trace = await call("GET", `/v1/admin/conversations/${id}/trace`, undefined, ADMIN_TOKEN);
  expect(trace.body.leftUpTo).toBe(left);
  expect(trace.body.records[0].type).toBe(CHECKPOINT);
});

it("an event stream begins with where something is missing, and only for whom it is", async () => {
  const { id, token, call, desk, left } = await old(false);
  await call("POST", `/v1/conversations/${id}/messages`, { text: "two" }, token);
  const first = async (after: number) => {
    const response = await fetch(`${under!.gateway.url}/v1/conversations/${id}/events?after=${after}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    for await (const event of readEvents(response.body!)) return event;
    return undefined;
  };
  expect(await first(1)).toMatchObject({ id: String(left), event: "left", data: { upTo: left } });
  const head = await desk.until(
    async () => (await desk.node.recordsOfKey(id)).find((r) => r.type === "reply"),
    "a reply",
  );
  expect(await first(left)).toMatchObject({
    id: String(head.seq),
    event: "message",
    data: { text: "2: two" },
  });
});

it("a closed conversation that has left is gone, for reading and for writing", async () => {
  const { id, token, call } = await old(true);
  const answers = [
    await call("GET", `/v1/conversations/${id}`, undefined, token),
    await call("POST", `/v1/conversations/${id}/messages`, { text: "two" }, token),
    await call("GET", `/v1/admin/conversations/${id}/trace`, undefined, ADMIN_TOKEN),
  ];
  for (const { status, body } of answers) {
    expect(status).toBe(410);
    expect(body.detail).toContain("have left the log");
  }
});
