/** The view over a real node: agents that fail one by one, and a profile in the log. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { address } from "../../runtime/address.ts";
import { AskError, type Service } from "../../runtime/host/service.ts";
import type { JsonObject } from "../../runtime/json.ts";
import { customerKey, customerMachine, customerView } from "../customer/index.ts";
import { ADMIN_TOKEN, parrotDefinitions, type RoutesUnderTest, serveRoutes } from "../routes/testing.ts";
import { Refusal } from "../skills/backoffice/index.ts";
import { gather } from "./gather.ts";
import { customerRoutes } from "./routes.ts";

type Answers = Record<string, (input: any) => JsonObject | Promise<JsonObject>>;

const AS_OF = "2026-11-22T12:00:00.000Z";
const provenance = (system: string) => ({ provenance: { system, asOf: AS_OF, ageMs: 4_000 } });
const refuse = (code: string, reason: string) => {
  throw new Refusal(code, reason, "says the system");
};
/** What the systems of a customer with one of everything answer. */
const WELL: Answers = {
  "crm.customer": ({ customerId }) => ({ id: customerId, name: "Ada Byron", customerKey: "inside" }),
  "orders.list": () => ({ orders: [{ id: "W1" }], total: 3 }),
  "billing.invoices": () => ({ invoices: [{ id: "I1", orderId: "W1" }], total: 1 }),
  "billing.subscriptions": () => ({ subscriptions: [{ id: "S1", status: "active" }] }),
  "billing.subscription": () => ({ id: "S0", status: "active" }),
  "billing.offers": ({ on }) => ({ offers: [{ id: `offer-${on}`, on }], subscription: { id: "S1" } }),
  "billing.plans": () => ({ plans: [], current: null, next: { id: "pro" } }),
  "telemetry.usage": () => ({ month: "2026-11", metrics: [{ metric: "calls", used: 1, limit: 2 }] }),
  "memory.recall": () => ({ facts: [] }),
  "memory.conversations": () => ({ conversations: [] }),
};
let answers: Answers;
let asked: { name: string; input: JsonObject }[];

const operation = (name: string) => async (input: JsonObject) => {
  asked.push({ name, input });
  const [system] = name.split(".") as [string];
  const answer = await answers[name]!(input);
  return system === "memory" ? answer : { ...answer, ...provenance(system) };
};
const services: Service[] = ["crm", "orders", "billing", "telemetry", "memory"].map((name) => ({
  name,
  operations: Object.fromEntries(
    Object.keys(WELL)
      .filter((each) => each.startsWith(`${name}.`))
      .map((each) => [each.slice(name.length + 1), operation(each)]),
  ),
}));

const now = () => Date.now();
let t: RoutesUnderTest;
const keyOf = (id: string) => customerKey((purpose, value) => t.desk.node.keyedHash(purpose, value), id);
beforeAll(async () => {
  t = await serveRoutes(
    ({ node }) =>
      customerRoutes({
        call: (...request) => node.call(...request),
        read: (to) => node.read(to),
        now,
        deadlineMs: 5_000,
        customerKey: keyOf,
      }),
    {
      node: {
        services,
        definitions: [
          ...parrotDefinitions,
          { kind: "customer", version: 1, machine: customerMachine(), view: customerView },
        ],
      },
    },
  );
});
afterAll(() => t?.stop());
beforeEach(() => {
  answers = { ...WELL };
  asked = [];
});

const view = async (id: string, query = ""): Promise<{ status: number; body: any }> =>
  t.call("GET", `/v1/customers/${id}${query}`, undefined, ADMIN_TOKEN);

describe("the view of a customer", () => {
  it("says of each part where it is from and how old it is", async () => {
    const { status, body } = await view("C1", "?limit=1");
    expect(status).toBe(200);
    expect(body).toMatchObject({ customerId: "C1", complete: true, missing: [], deadlineMs: 5_000 });
    const told = { asOf: AS_OF, ageMs: 4_000 };
    expect(body.parts).toMatchObject({
      profile: { source: "crm", ...told, data: { id: "C1", name: "Ada Byron" } },
      orders: { source: "orders", ...told, total: 3, data: [{ id: "W1" }] },
      invoices: { source: "billing", ...told, data: [{ id: "I1" }] },
      subscriptions: { source: "billing", ...told, data: [{ id: "S1" }] },
      usage: { source: "telemetry", ...told, data: { month: "2026-11" } },
      offers: {
        source: "billing",
        ...told,
        data: { offers: [{ id: "offer-cancel" }, { id: "offer-upgrade" }], nextPlan: { id: "pro" } },
      },
      conversations: { source: "desk", ageMs: 0, total: 0, data: [] },
      facts: { source: "memory", ageMs: 0, total: 0, data: [] },
    });
    expect(JSON.stringify(body)).not.toContain("inside");
    expect(asked).toContainEqual({ name: "orders.list", input: { customerId: "C1", limit: 1 } });
  });

  it("lists conversations of the log with their outcome, and those that memory alone knows", async () => {
    const key = keyOf("C2");
    const linked = async (conversation: string, outcome?: string): Promise<void> => {
      const to = address("customer", key);
      const base = { from: address("conversation", conversation), to };
      const { node } = t.desk;
      await node.append({
        ...base,
        id: `${conversation}-linked`,
        type: "customer.linked",
        data: { how: "channel" },
        clear: { conversation },
      });
      if (!outcome) return;
      await node.append({
        ...base,
        id: `${conversation}-outcome`,
        type: "customer.outcome",
        data: {},
        clear: { conversation, outcome },
      });
    };
    await linked("talk1", "resolved");
    await linked("talk2");
    // The state of this one can be had.
    await t.desk.send(address("conversation", "talk2"), "customer.message", { text: "hello" });
    const kept: JsonObject[] = [
      { conversation: "talk0" },
      { conversation: "talk1", at: Date.UTC(2036, 0, 1) },
      { conversation: "talk2", at: Date.UTC(2036, 0, 2) },
    ];
    answers["memory.conversations"] = () => ({ conversations: kept });
    const read = async () => (await view("C2")).body.parts.conversations;
    await expect.poll(async () => (await read()).data[0].state, { timeout: 10_000 }).toBe("listening");
    const conversations = await read();
    expect(conversations).toMatchObject({ source: "desk", total: 3 });
    expect(conversations.data).toEqual([
      {
        id: "talk2",
        knownAt: expect.any(String),
        how: "channel",
        lastSaidAt: "2036-01-02T00:00:00.000Z",
        state: "listening",
        outcome: null,
        orders: [],
      },
      {
        id: "talk1",
        knownAt: expect.any(String),
        how: "channel",
        lastSaidAt: "2036-01-01T00:00:00.000Z",
        outcome: "resolved",
        orders: [],
      },
      { id: "talk0", orders: [] },
    ]);

    // A memory that is late takes nothing away but what it alone knows.
    let release = (): void => {};
    answers["memory.conversations"] = () =>
      new Promise((resolve) => {
        release = () => resolve({ conversations: [] });
      });
    const without = await gather(
      {
        call: (...request) => t.desk.node.call(...request),
        read: (to) => t.desk.node.read(to),
        now,
        deadlineMs: 1_000,
      },
      { customerId: "C2", customerKey: key, limit: 20, role: "desk" },
    );
    release();
    expect(without.missing).toMatchObject([{ part: "conversations", source: "memory", code: "timeout" }]);
    expect(without.parts.conversations!.data).toMatchObject([
      { id: "talk2", state: "listening", outcome: null },
      { id: "talk1", outcome: "resolved" },
    ]);
  });

  it.each([
    ["crm.customer", ["profile"]],
    ["orders.list", ["orders"]],
    ["billing.invoices", ["invoices"]],
    // What can be offered depends on what there is.
    ["billing.subscriptions", ["subscriptions", "offers"]],
    ["billing.offers", ["offers"]],
    ["billing.plans", ["offers"]],
    ["telemetry.usage", ["usage"]],
    ["memory.recall", ["facts"]],
  ])("without %s is there but for what that would have said", async (name, without) => {
    for (const fault of [
      () => {
        throw new AskError("unavailable", "away for a while", true);
      },
      () => ({ anything: "else" }),
    ]) {
      answers[name] = fault;
      const { status, body } = await view("C1");
      expect(status).toBe(200);
      expect(body.complete).toBe(false);
      expect(body.missing.map(({ part }: { part: string }) => part).sort()).toEqual([...without].sort());
      expect(body.missing[0].reason).toMatch(/^away for a while$|answered in another shape: \w+/);
      expect(Object.keys(body.parts)).toHaveLength(8 - without.length);
    }
  });

  it("asks an older billing system for the one subscription that it can name", async () => {
    answers["billing.subscriptions"] = () => refuse("invalid", "unknown_operation");
    const { body } = await view("C1");
    expect(body.parts.subscriptions.data).toMatchObject([{ id: "S0" }]);
    expect(body.complete).toBe(true);
  });

  it("offers nothing on what is cancelled, and does not ask", async () => {
    answers["billing.subscriptions"] = () => ({ subscriptions: [{ id: "S1", status: "cancelled" }] });
    const { body } = await view("C1");
    expect(body.parts.offers.data).toEqual({ offers: [], nextPlan: null });
    expect(asked.map(({ name }) => name)).not.toContain("billing.offers");
  });

  it("takes a list that can't be found for missing, not for empty", async () => {
    answers["orders.list"] = () => refuse("not_found", "not_found");
    expect((await view("C1")).body.missing).toMatchObject([{ part: "orders", code: "not_found" }]);
    answers["orders.list"] = () => refuse("not_found", "unknown_customer");
    const { body } = await view("C1");
    expect(body).toMatchObject({ complete: true, parts: { orders: { data: [] } } });
  });
});

describe("a customer of whom nothing is known", () => {
  const NOBODY: Answers = {
    ...WELL,
    "crm.customer": () => refuse("not_found", "unknown_customer"),
    "orders.list": () => ({ orders: [], total: 0 }),
    "billing.invoices": () => ({ invoices: [], total: 0 }),
    "billing.subscriptions": () => ({ subscriptions: [] }),
    "telemetry.usage": () => refuse("not_found", "no_usage"),
  };
  it("is a 404 once everybody has said so", async () => {
    answers = NOBODY;
    const { status, body } = await view("C404");
    expect([status, body.title]).toEqual([404, "customer not found"]);
  });
  it("is none while somebody has not answered, or knows something", async () => {
    answers = {
      ...NOBODY,
      "orders.list": () => {
        throw new AskError("timeout", "orders is late", true);
      },
    };
    expect(await view("C404")).toMatchObject({
      status: 200,
      body: { complete: false, parts: { profile: { data: null } }, missing: [{ part: "orders" }] },
    });
    answers = { ...NOBODY, "orders.list": WELL["orders.list"]! };
    expect(await view("C404")).toMatchObject({
      status: 200,
      body: { complete: true, parts: { profile: { data: null }, orders: { data: [{ id: "W1" }] } } },
    });
  });
});

it("is for the admin token alone, and names what is wrong with a request", async () => {
  expect((await t.call("GET", "/v1/customers/C1")).status).toBe(401);
  const opened = t.tokens.issue("a-conversation", "C1");
  expect((await t.call("GET", "/v1/customers/C1", undefined, opened)).status).toBe(401);
  for (const query of ["?limit=0", "?limit=101", "?role=Any%20body", "?what=1"])
    expect((await view("C1", query)).status, query).toBe(400);
  expect((await view("C%2F1")).status).toBe(400);
  expect(asked).toEqual([]);
});
