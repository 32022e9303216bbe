import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ConversationTokens, type Gateway, RouteRegistry, startGateway } from "../runtime/gateway/index.ts";
import type { JsonObject } from "../runtime/json.ts";
import { type Memory, memoryRoutes, openMemory } from "./index.ts";
import { LocalKeyRing } from "./testing.ts";

const ADMIN = "the-admin-token-of-a-test-0123456789";
let dir: string;
let memory: Memory;
let gateway: Gateway;
let keys: LocalKeyRing;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "memory-"));
  keys = new LocalKeyRing();
  await mkdir(join(dir, "articles"));
  await writeFile(join(dir, "articles", "returns.md"), "# Returns\nSend it back within 30 days.");
  memory = await openMemory({ dir: join(dir, "memory"), keys, knowledgeDirs: [join(dir, "articles")] });
  const customerKey = (id: string) => keys.keyedHash("customer", id);
  gateway = await startGateway({
    registry: new RouteRegistry().add(...memoryRoutes({ call, customerKey })),
    gatekeeper: {
      customerAuth: "open",
      adminToken: ADMIN,
      conversations: new ConversationTokens((purpose, value) => keys.keyedHash(purpose, value)),
    },
    port: 0,
  });
});
afterEach(async () => {
  await gateway.close();
  await memory.close();
  await rm(dir, { recursive: true });
});

/** What the engine does over the bus. */
async function call(service: string, operation: string, input: JsonObject): Promise<JsonObject> {
  const { operations } = memory.services.find(({ name }) => name === service)!;
  const signal = new AbortController().signal;
  return operations[operation]!(input, { idempotencyKey: "k", deadline: Date.now() + 1_000, signal });
}
async function http(
  method: string,
  path: string,
  token = ADMIN,
  body?: JsonObject,
): Promise<{ status: number; body: any }> {
  const response = await fetch(`${gateway.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return { status: response.status, body: await response.json() };
}

it("shows, exports and erases what is known about a customer of the company's own records", async () => {
  const customer = keys.keyedHash("customer", "sara_doe_496@shop");
  const said = { conversation: "conv1", type: "note", text: "prefers the morning", at: 5 };
  await call("memory", "remember", { customer, ...said });
  const path = `/v1/admin/memory/${encodeURIComponent("sara_doe_496@shop")}`;
  const facts = [
    expect.objectContaining({ text: "prefers the morning", source: { conversation: "conv1", at: 5 } }),
  ];
  expect(await http("GET", `${path}/facts`)).toEqual({ status: 200, body: { facts } });
  expect(await http("GET", `${path}/recall?text=morning&k=1`)).toMatchObject({
    status: 200,
    body: { facts },
  });
  expect((await http("GET", `${path}/export`)).body).toMatchObject({ customer, facts, conversations: [] });
  expect((await http("DELETE", path)).body).toMatchObject({ erased: true, facts: 1 });
  expect((await http("GET", `${path}/facts`)).body).toEqual({ facts: [] });
});

it("erases nothing under a legal hold", async () => {
  const customer = keys.keyedHash("customer", "C1");
  await call("memory", "remember", { customer, conversation: "conv1", type: "note", text: "tea" });
  const path = "/v1/admin/memory/C1";
  expect((await http("POST", `${path}/hold`, ADMIN, { reason: "" })).status).toBe(400);
  const until = new Date(Date.now() + 60_000).toISOString();
  const hold = { reason: "case 17", until };
  expect((await http("POST", `${path}/hold`, ADMIN, hold)).status).toBe(200);
  expect((await http("GET", `${path}/hold`)).body).toMatchObject({
    hold: { reason: "case 17", until: Date.parse(until) },
  });
  const refused = await http("DELETE", path);
  expect(refused.status).toBe(409);
  expect(refused.body.detail).toContain(`legal hold until ${until}`);
  expect((await http("DELETE", `${path}/hold`)).body).toEqual({ released: true });
  expect((await http("DELETE", path)).body).toMatchObject({ erased: true, facts: 1 });
});

it("searches the articles", async () => {
  const { body } = await http("GET", "/v1/admin/knowledge/search?text=send%20back");
  expect(body.best).toMatchObject({ articleId: "returns", text: "Send it back within 30 days." });
  expect((await http("GET", "/v1/admin/knowledge")).body.articles).toEqual([
    { id: "returns", title: "Returns", tags: [], intents: [] },
  ]);
});

it("is for those who hold the admin token, and names what is wrong", async () => {
  expect((await http("GET", "/v1/admin/memory/C/facts", "another token")).status).toBe(401);
  expect((await http("GET", "/v1/admin/memory/C/recall?k=0")).status).toBe(400);
  expect((await http("GET", "/v1/admin/memory/C/recall?what=1")).status).toBe(400);
  expect((await http("GET", "/v1/admin/knowledge/search")).status).toBe(400);
});
