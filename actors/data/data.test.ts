import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { AskContext, Service } from "../../runtime/host/service.ts";
import type { JsonObject } from "../../runtime/json.ts";
import { NOW, type TestOffice, testOffice } from "../skills/testing.ts";
import { type HttpSystem, httpSystem } from "./http-system.ts";
import { type DataAgentsOptions, dataAgents, Faults } from "./index.ts";

let t: TestOffice;
beforeAll(async () => {
  t = await testOffice();
});
afterAll(() => t.close());

let calls = 0;
const context = (key = `k-${++calls}`, ms = 20_000): AskContext => ({
  idempotencyKey: key,
  deadline: Date.now() + ms,
  signal: AbortSignal.timeout(ms),
});

let started: Service[] = [];
afterEach(async () => {
  for (const service of started) await service.stop?.();
  started = [];
});
function agents(options: Partial<DataAgentsOptions> = {}) {
  const services = dataAgents({
    backOffice: t.office,
    clock: { now: () => NOW, monotonic: () => performance.now() },
    backoffMs: 1,
    ...options,
  });
  started.push(...services);
  return (name: string) => {
    const [system, operation] = name.split(".") as [string, string];
    const service = services.find((s) => s.name === system)!;
    return {
      service,
      ask: (input: JsonObject, c = context()) => service.operations[operation]!(input, c) as Promise<any>,
    };
  };
}
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => "done",
    (error) => error.code,
  );
const maya = { customerId: "C1001", orderId: "W2001011" };

describe("a data agent on the embedded back office", () => {
  it("answers with provenance", async () => {
    expect(await agents()("orders.get").ask(maya)).toMatchObject({
      id: "W2001011",
      provenance: { system: "orders", asOf: new Date(NOW).toISOString(), ageMs: 0 },
    });
  });
  it("names the field of a bad input and does nothing", async () => {
    await expect(agents()("orders.get").ask({ customerId: "C1001" })).rejects.toMatchObject({
      code: "invalid",
      message: expect.stringContaining("orderId"),
    });
    await expect(agents()("orders.get").ask({ ...maya, colour: "red" })).rejects.toMatchObject({
      message: expect.stringContaining("colour"),
    });
  });
  it("stays up when it says no", async () => {
    const get = agents()("orders.get");
    for (let i = 0; i < 10; i++)
      expect(await codeOf(get.ask({ ...maya, orderId: "W0000001" }))).toBe("not_found");
    expect(get.service.health!()).toMatchObject({ state: "up", failures: 0 });
  });
  it("can be asked what came of a key", async () => {
    const agent = agents();
    const input = { customerId: "C1014", orderId: "W2001141" };
    await agent("orders.cancel").ask(input, context("cancel-key"));
    const lookup = agent("orders.lookup");
    expect(await lookup.ask({ key: "cancel-key" })).toMatchObject({
      found: true,
      result: { outcome: "applied" },
    });
    expect(await lookup.ask({ key: "never" })).toEqual({ found: false });
  });
});

describe("faults", () => {
  let faults: Faults;
  beforeEach(() => {
    faults = new Faults();
  });

  it("open the breaker, which probes and closes again", async () => {
    const agent = agents({ faults, retries: 0, health: { openAfter: 3, openMs: 40 } });
    const get = agent("orders.get");
    faults.set("orders", { mode: "down" });
    expect(await codeOf(get.ask(maya))).toBe("unavailable");
    expect(get.service.health!().state).toBe("degraded");
    for (let i = 0; i < 4; i++) await codeOf(get.ask(maya));
    expect(get.service.health!().state).toBe("open");
    faults.set("orders", null);
    await expect(get.ask(maya)).rejects.toThrow(/left alone/);
    // The others are not touched.
    expect(await agent("crm.customer").ask({ customerId: "C1001" })).toMatchObject({ id: "C1001" });
    await expect.poll(() => get.service.health!().state).toBe("probing");
    expect(await get.ask(maya)).toMatchObject({ id: "W2001011" });
    expect(get.service.health!().state).toBe("up");
  });

  it("of a moment are got over by trying again", async () => {
    faults.set("orders", { mode: "error" }, 2);
    expect(await agents({ faults })("orders.get").ask(maya)).toMatchObject({ id: "W2001011" });
  });

  it("that make it slow end in a time-out, and the write has not happened", async () => {
    faults.set("orders", { mode: "slow", delayMs: 60_000 });
    const agent = agents({ faults, retries: 0, readTimeoutMs: 30, writeTimeoutMs: 30 });
    expect(await codeOf(agent("orders.cancel").ask(maya))).toBe("timeout");
    faults.clear();
    expect(await agent("orders.get").ask(maya)).toMatchObject({ status: "pending" });
  });

  it("that lose the answer do not make it happen twice", async () => {
    faults.set("billing", { mode: "lost" }, 1);
    const refund = agents({ faults })("billing.refund");
    const input = { customerId: "C1005", orderId: "W2001051", amount: 7 };
    expect(await refund.ask(input, context("lost-key"))).toMatchObject({ amount: 7 });
    expect(await t.office.by("refunds", "orderId", "W2001051")).toHaveLength(1);
    expect((await t.office.audit()).find((a) => a.key === "lost-key")).toMatchObject({ attempts: 2 });
  });

  it("do not let callers pile up", async () => {
    faults.set("orders", { mode: "slow", delayMs: 50 });
    const get = agents({ faults, concurrency: 1, queue: 1 })("orders.get");
    const codes = await Promise.all(Array.from({ length: 4 }, () => codeOf(get.ask(maya))));
    expect(codes.filter((c) => c === "done")).toHaveLength(2);
    expect(codes.filter((c) => c === "unavailable")).toHaveLength(2);
  });
});

describe("a system of the company's own over HTTP", () => {
  let system: HttpSystem;
  beforeEach(async () => {
    system = await httpSystem();
  });
  afterEach(() => system.close());
  const order = async () => JSON.stringify(await t.office.get("orders", "W2001012"));
  const wanted = { customerId: "C1001", orderId: "W2001012" };
  const over = (options: object = {}, limits: Partial<DataAgentsOptions> = {}) =>
    agents({ retries: 1, systems: { orders: { url: system.url, ...options } }, ...limits });

  it("is sent operation, input and key, and its age is told", async () => {
    const body = await order();
    system.answer = () => ({ body, headers: { "x-as-of": new Date(NOW - 5_000).toISOString() } });
    expect(await over()("orders.get").ask(wanted, context("key-1"))).toMatchObject({
      id: "W2001012",
      provenance: { ageMs: 5_000 },
    });
    expect(system.seen).toEqual([{ operation: "get", input: wanted, key: "key-1" }]);
  });

  it("may hang, fail, or be gone", async () => {
    system.answer = () => undefined;
    expect(await codeOf(over({}, { readTimeoutMs: 50 })("orders.get").ask(wanted))).toBe("timeout");
    const get = over()("orders.get");
    system.answer = () => ({ status: 500, body: "<h1>oops</h1>" });
    expect(await codeOf(get.ask(wanted))).toBe("failed");
    expect(system.seen.length).toBe(4);
    await system.close();
    expect(await codeOf(over()("orders.get").ask(wanted))).toBe("unavailable");
    system = await httpSystem();
  });

  it("may say no", async () => {
    system.answer = () => ({ status: 409, body: '{"reason":"not_cancellable","message":"personal text"}' });
    await expect(over()("orders.cancel").ask(wanted)).rejects.toMatchObject({
      code: "conflict",
      message: "not_cancellable: orders says no (409)",
    });
  });

  it("is not believed when it lies", async () => {
    const get = over({}, { health: { openAfter: 99 } })("orders.get");
    const theirs = JSON.stringify(await t.office.get("orders", "W2001021"));
    for (const body of [theirs, '{"id":"W2001012"}', "[]", "not json", `{"x":"${"y".repeat(2_000_000)}"}`]) {
      system.answer = () => ({ body });
      expect(await codeOf(get.ask(wanted)), body.slice(0, 20)).toBe("failed");
    }
  });

  it("gets a write once when it honours no keys, and is asked when the answer was lost", async () => {
    const done = new Map<string, object>();
    system.answer = ({ operation, input, key }) => {
      if (operation === "lookup") {
        const result = done.get(String(input.key));
        return { body: JSON.stringify(result ? { found: true, result } : { found: false }) };
      }
      done.set(key!, { status: "cancelled" });
      return undefined;
    };
    const agent = over({ lookup: true }, { writeTimeoutMs: 100 });
    expect(await agent("orders.cancel").ask(wanted, context("w-1"))).toMatchObject({ status: "cancelled" });
    expect(await agent("orders.cancel").ask(wanted, context("w-1"))).toMatchObject({ status: "cancelled" });
    expect(system.seen.filter((r) => r.operation === "cancel")).toHaveLength(1);
  });

  it("leaves an outcome unknown when it can neither be repeated nor asked, until a person says so", async () => {
    system.answer = () => undefined;
    const hasty = over({}, { writeTimeoutMs: 50 });
    expect(await codeOf(hasty("orders.cancel").ask(wanted, context("w-2")))).toBe("unknown_outcome");
    system.answer = () => ({ body: '{"status":"cancelled"}' });
    const agent = over();
    expect(await codeOf(agent("orders.cancel").ask(wanted, context("w-2")))).toBe("unknown_outcome");
    expect(system.seen).toHaveLength(1);
    expect(await agent("orders.lookup").ask({ key: "w-2" })).toEqual({ found: false, unknown: true });
    expect(await agent("orders.resolve").ask({ key: "w-2", done: false })).toEqual({ resolved: true });
    expect(await agent("orders.cancel").ask(wanted, context("w-2"))).toMatchObject({ status: "cancelled" });
  });

  it("gets no write of a node that has lost the right to it by then, and none is noted", async () => {
    system.answer = () => ({ body: '{"status":"cancelled"}' });
    const agent = over();
    const late = { ...context("w-3"), mayAct: () => false };
    expect(await codeOf(agent("orders.cancel").ask(wanted, late))).toBe("unavailable");
    expect(system.seen).toHaveLength(0);
    const timely = { ...context("w-3"), mayAct: () => true };
    expect(await agent("orders.cancel").ask(wanted, timely)).toMatchObject({ status: "cancelled" });
    expect(system.seen).toHaveLength(1);
  });

  it("has to be one that skills belong to", () => {
    expect(() => agents({ systems: { oders: { url: system.url } } })).toThrow(/no system oders: known are/);
  });
});
