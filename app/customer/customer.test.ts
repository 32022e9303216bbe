/** The view of a customer on a whole desk: with what was talked about, and with systems that are late, broken or away. */
import { readFileSync } from "node:fs";
import { Command } from "commander";
import picocolors from "picocolors";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type HttpSystem, httpSystem } from "../../actors/data/http-system.ts";
import { Faults } from "../../actors/data/index.ts";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { connect } from "../client.ts";
import { START_MS, say, TestedDesk } from "../testing.ts";
import { commands } from "./commands.ts";

/** What is told or kept by the way comes in its own time. */
const PATIENTLY = { timeout: 10_000 };

const view = (desk: TestedDesk, id: string, query = "") => desk.call("GET", `/v1/customers/${id}${query}`);

/** Runs the command against a desk; what it printed, as text and as a value. */
async function show(desk: TestedDesk, ...args: string[]): Promise<{ text: string; value: any }> {
  let printed = { text: "", value: undefined as unknown };
  const env = {
    colors: picocolors.createColors(false),
    client: () => connect({ dataDir: desk.dataDir }),
    out: (value: unknown, text: () => string) => {
      printed = { text: text(), value };
    },
  };
  const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  commands(program, env as unknown as CliEnv);
  await program.parseAsync(["customer", "show", ...args], { from: "user" });
  return printed;
}

describe("a desk with its own back office", () => {
  const faults = new Faults();
  let desk: TestedDesk;
  beforeAll(async () => {
    desk = await TestedDesk.start({}, { faults });
  }, START_MS);
  afterAll(() => desk?.remove());

  it("shows records, what was said and what was done, linked from the customer to the product", async () => {
    const asking = await desk.conversation("C1001");
    await say(asking, "Where is my order W2001012?");
    const doing = await desk.conversation("C1001");
    await say(doing, "I want to cancel order W2001011");
    await say(doing, "yes please");
    await say(doing, "great, bye");
    await say(doing, "5");
    await expect
      .poll(async () => (await view(desk, "C1001")).body.parts.facts.data, PATIENTLY)
      .toMatchObject([{ type: "cancelled_order", said: { conversation: doing.id } }]);
    await expect
      .poll(async () => (await view(desk, "C1001")).body.parts.conversations.data[0].summary, PATIENTLY)
      .toContain("Satisfaction: 5 of 5.");

    const { status, body } = await view(desk, "C1001");
    expect(status).toBe(200);
    expect(body).toMatchObject({ complete: true, missing: [], deadlineMs: 2_000 });
    const { parts, links } = body;
    expect(parts.profile).toMatchObject({
      source: "crm",
      ageMs: 0,
      data: { id: "C1001", name: "Maya Okafor", email: "maya.okafor@example.com" },
    });
    expect(parts.profile.data).not.toHaveProperty("customerKey");
    expect(parts.orders).toMatchObject({ source: "orders", total: 3 });
    expect(parts.orders.data.find(({ id }: any) => id === "W2001011").status).toBe("cancelled");
    expect(parts.invoices.source).toBe("billing");
    expect(parts.subscriptions.data).toEqual([]);
    expect(parts.offers.data).toEqual({ offers: [], nextPlan: null });
    expect(parts.conversations).toMatchObject({ source: "desk", total: 2 });
    const [latest, first] = parts.conversations.data;
    expect(latest).toMatchObject({
      id: doing.id,
      how: "channel",
      outcome: "resolved",
      summary: expect.stringMatching(/^Asked: .*\nDone: cancel order/s),
      orders: ["W2001011"],
      lastSaidAt: expect.stringMatching(/^20/),
    });
    expect(first).toMatchObject({ id: asking.id, state: "listening", outcome: null, orders: ["W2001012"] });

    const product = parts.orders.data.find(({ id }: any) => id === "W2001011").items[0].productId;
    const end = (kind: string, id: string) => ({ kind, id });
    for (const [type, from, to, source] of [
      ["placed", end("customer", "C1001"), end("order", "W2001011"), "orders"],
      ["contains", end("order", "W2001011"), end("product", product), "orders"],
      ["took_part_in", end("customer", "C1001"), end("conversation", doing.id), "desk"],
      ["about", end("conversation", doing.id), end("order", "W2001011"), "desk"],
      ["about", end("conversation", asking.id), end("order", "W2001012"), "desk"],
    ] as const) {
      expect(links).toContainEqual({ type, from, to, source });
    }
  });

  it("shows what is paid for, used and could be offered", async () => {
    const { parts } = (await view(desk, "C1008")).body;
    expect(parts.subscriptions.data).toMatchObject([{ plan: "Family", status: "active" }]);
    expect(parts.usage).toMatchObject({ source: "telemetry", data: { metrics: expect.any(Array) } });
    expect(parts.offers.data).toMatchObject({
      offers: [
        { id: "stay-30", on: "cancel", price: 10.49 },
        { id: "first-step", on: "upgrade" },
      ],
      nextPlan: { name: "Pro" },
    });
  });

  it("takes nothing known for an answer of a customer who is known, and a 404 of one who is not", async () => {
    const { status, body } = await view(desk, "C1016");
    expect(status).toBe(200);
    expect(body).toMatchObject({ complete: true, parts: { usage: { data: null }, orders: { data: [] } } });
    expect(body.links).toEqual([]);
    const unknown = await view(desk, "C9999");
    expect([unknown.status, unknown.type.split(";")[0]]).toEqual([404, "application/problem+json"]);
    faults.set("crm", { mode: "down" });
    // Who is not known may only not have been found.
    expect(await view(desk, "C9999")).toMatchObject({
      status: 200,
      body: { complete: false, missing: [{ part: "profile", source: "crm", code: "unavailable" }] },
    });
    faults.clear();
  });

  it("is printed for people and as a document", async () => {
    const { text, value } = await show(desk, "C1001", "--limit", "2");
    expect(value).toMatchObject({ customerId: "C1001", complete: true });
    expect(text).toMatch(/^customer C1001 /);
    expect(text).toMatch(/name +Maya Okafor/);
    expect(text).toMatch(/orders \(orders, now, 2 of 3\)/);
    expect(text).toMatch(/W2001011 +cancelled/);
    expect(text).toMatch(/cancelled_order +(now|\d+ \w+ ago) /);
    expect(text).not.toContain("missing");
    faults.set("orders", { mode: "down" });
    const partial = (await show(desk, "C1001")).text;
    expect(partial).toMatch(/this is missing:\n {2}orders \(orders\): unavailable, orders cannot be reached/);
    faults.clear();
    await expect(show(desk, "C9999")).rejects.toMatchObject({ exitCode: 2 });
    await expect(show(desk, "C1001", "--limit", "many")).rejects.toThrow(/whole number/);
  });

  it("writes nothing of the customer into the desk's log", async () => {
    const log = readFileSync(desk.desk.logFile, "utf8");
    expect(log).toContain("supervisor");
    for (const personal of ["C1001", "C1008", "C9999", "Okafor", "maya", "W20010"])
      expect(log).not.toContain(personal);
  });
});

describe("a desk with a company's own systems", () => {
  const AS_OF = "2026-11-22T12:00:00.000Z";
  let orders: HttpSystem;
  let crm: HttpSystem;
  let desk: TestedDesk;
  beforeAll(async () => {
    [orders, crm] = await Promise.all([httpSystem(), httpSystem()]);
    desk = await TestedDesk.start({
      // Less than an actor is looked for that the index knows of.
      customerView: { deadlineMs: 900 },
      backoffice: { systems: { orders: { url: orders.url }, crm: { url: crm.url } } },
    });
  }, START_MS);
  afterAll(async () => {
    await desk?.remove();
    await orders?.close();
    await crm?.close();
  });

  it("says how old it is what they answer, and keeps what it does not know itself", async () => {
    const customer = await desk.desk.backOffice.get("customers", "C1005");
    crm.answer = () => ({
      body: JSON.stringify({ ...customer, tier: "gold" }),
      headers: { "x-as-of": AS_OF },
    });
    orders.answer = () => ({ body: JSON.stringify({ orders: [], total: 0 }) });
    const { parts, complete } = (await view(desk, "C1005")).body;
    expect(complete).toBe(true);
    expect(parts.profile).toMatchObject({ asOf: AS_OF, data: { id: "C1005", tier: "gold" } });
    expect(parts.profile.ageMs).toBeGreaterThan(0);
    expect(parts.orders).toMatchObject({ total: 0, data: [] });
  });

  it("is erased with the customer, but for what the company's own systems keep", async () => {
    await say(await desk.conversation("C1005"), "Please remember that I prefer mornings.");
    await expect
      .poll(async () => (await view(desk, "C1005")).body.parts, PATIENTLY)
      .toMatchObject({ facts: { data: [{ type: "preference" }] }, conversations: { data: [{}] } });
    await desk.call("DELETE", "/v1/admin/memory/C1005");
    const { body } = await view(desk, "C1005");
    expect(body).toMatchObject({ complete: true, parts: { profile: { data: { id: "C1005" } } } });
    expect(body.parts.facts.data).toEqual([]);
    expect(body.parts.conversations.data).toEqual([]);
  });

  it("shows what others know of somebody whom the CRM does not know", async () => {
    crm.answer = () => ({ status: 404, body: '{"reason":"unknown_customer"}' });
    const { status, body } = await view(desk, "C1005");
    expect(status).toBe(200);
    expect(body.parts).toMatchObject({
      profile: { data: null },
      subscriptions: { data: [{ plan: "Plus" }] },
    });
    expect((await view(desk, "C9999")).status).toBe(404);
  });

  it("names the one that is late, broken, away or left alone, and shows everything else", async () => {
    const missing = async () => {
      const { status, body } = await view(desk, "C1005");
      expect(status).toBe(200);
      expect(body.complete).toBe(false);
      expect(body.parts).not.toHaveProperty("orders");
      expect(body.parts).toMatchObject({
        subscriptions: { data: [{ plan: "Plus" }] },
        usage: { data: { metrics: expect.any(Array) } },
      });
      expect(body.missing).toHaveLength(1);
      expect(body.missing[0]).toMatchObject({ part: "orders", source: "orders" });
      return body.missing[0];
    };
    // It takes the request and never answers.
    orders.answer = () => undefined;
    expect(await missing()).toMatchObject({
      code: "timeout",
      reason: expect.stringMatching(/^orders\.list did not answer/),
    });
    orders.answer = () => ({ status: 500, body: "{}" });
    expect(await missing()).toMatchObject({ code: "failed", reason: "orders answered 500" });
    await orders.close();
    expect(await missing()).toMatchObject({ code: "unavailable" });
    await expect.poll(async () => (await missing()).reason, PATIENTLY).toMatch(/left alone for a while/);
  });
});
