import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Bus } from "../bus/bus.ts";
import { subjectsOf } from "../bus/index.ts";
import { startTestServer, type TestServer } from "../bus/testing.ts";
import { systemClock } from "../clock.ts";
import type { JsonObject } from "../json.ts";
import { Dispatcher } from "./dispatcher.ts";
import { AskError, type Service } from "./service.ts";
import { type ServiceAnswer, ServiceHost } from "./service-host.ts";

const names = subjectsOf("test");
let server: TestServer;
let bus: Bus;
beforeAll(async () => {
  server = await startTestServer();
  bus = await server.connect();
});
afterAll(() => server.stop());

let host: ServiceHost | undefined;
afterEach(() => host?.stop(0));

async function serve(operations: Service["operations"], more: Partial<Service> = {}): Promise<Dispatcher> {
  host = new ServiceHost(bus, [{ name: "svc", operations, ...more }], { subject: names.serviceAll });
  await host.start();
  return new Dispatcher(bus, { subject: names.service, clock: systemClock });
}

const ask = (dispatcher: Dispatcher, operation: string, key = "k", timeoutMs = 10_000) =>
  dispatcher.ask({
    service: "svc",
    operation,
    input: {},
    key,
    deadline: Date.now() + timeoutMs,
  });

describe("a service", () => {
  it("works once for a key that is asked for again meanwhile, and again afterwards", async () => {
    let calls = 0;
    const dispatcher = await serve({
      work: async () => {
        calls++;
        await sleep(100);
        return { calls };
      },
    });
    const both = await Promise.all([ask(dispatcher, "work"), ask(dispatcher, "work")]);
    expect(both).toEqual([
      { ok: true, value: { calls: 1 } },
      { ok: true, value: { calls: 1 } },
    ]);
    await Promise.all([ask(dispatcher, "work", "a"), ask(dispatcher, "work", "b")]);
    expect(calls).toBe(3);
  });

  it("answers failures by code, says nothing of what it did not mean to say", async () => {
    const dispatcher = await serve({
      refuse: async () => {
        throw new AskError("not_found", "no such order");
      },
      break: async () => {
        throw new Error("password of the database: 1234");
      },
    });
    expect(await ask(dispatcher, "refuse")).toMatchObject({ error: { code: "not_found" } });
    const broken = await ask(dispatcher, "break");
    expect(broken).toMatchObject({ ok: false, error: { code: "failed", retryable: true } });
    expect(JSON.stringify(broken)).not.toContain("1234");
  });

  it.each([
    ["no JSON", "{"],
    ["null", "null"],
    ["no key", "{}"],
    ["no UTF-8", "\u00ff"],
  ])("refuses a request that is none: %s", async (_what, text) => {
    await serve({ work: async () => ({}) });
    const reply = await bus.request(names.service("svc", "work"), Buffer.from(text, "latin1"));
    const answer = JSON.parse(Buffer.from(reply.data).toString()) as ServiceAnswer;
    expect(answer).toMatchObject({ ok: false, error: { code: "invalid" } });
  });

  it("aborts what is under way when it stops, and stops all services whatever one of them does", async () => {
    let aborted = false;
    const stopped: string[] = [];
    const errors: string[] = [];
    const service = (name: string, stop: () => Promise<void>): Service => ({
      name,
      operations: {
        work: async (_input, { signal }) =>
          new Promise((resolve) =>
            signal.addEventListener("abort", () => {
              aborted = true;
              resolve({});
            }),
          ),
      },
      stop,
    });
    const services = [
      service("first", async () => void stopped.push("first")),
      service("second", async () => {
        throw new Error("no");
      }),
    ];
    host = new ServiceHost(bus, services, {
      subject: names.serviceAll,
      onError: (name, operation) => errors.push(`${name} ${operation}`),
    });
    await host.start();
    bus.publish(
      names.service("first", "work"),
      Buffer.from(JSON.stringify({ key: "k", deadline: Date.now() + 60_000, input: {} })),
    );
    await bus.flush();
    await sleep(20);
    await host.stop(0);
    expect(aborted).toBe(true);
    expect(stopped).toEqual(["first"]);
    expect(errors).toEqual(["second stop"]);
  });
});

describe("a call from the own node", () => {
  const call = (operation: string, input: JsonObject = {}, timeoutMs = 10_000) => {
    const local = new Dispatcher(bus, { subject: names.service, clock: systemClock, local: host });
    return local.ask({ service: "svc", operation, input, key: "k", deadline: Date.now() + timeoutMs });
  };

  it("does not go over the server", async () => {
    await serve({ work: async () => ({ done: true }) });
    const silent = new Proxy(bus, {
      get: (target, name) => {
        if (name === "request") throw new Error("went over the server");
        return Reflect.get(target, name, target);
      },
    });
    const local = new Dispatcher(silent, { subject: names.service, clock: systemClock, local: host });
    const request = { service: "svc", operation: "work", input: {}, key: "k", deadline: Date.now() + 5_000 };
    expect(await local.ask(request)).toEqual({ ok: true, value: { done: true } });
  });

  it("may not act any more once it was given up", async () => {
    const may: boolean[] = [];
    let goOn = (): void => {};
    let ended = (): void => {};
    const end = new Promise<void>((resolve) => {
      ended = resolve;
    });
    await serve({
      work: async (_input, { mayAct }) => {
        may.push(mayAct!());
        // It does not heed its signal.
        await new Promise<void>((resolve) => {
          goOn = resolve;
        });
        may.push(mayAct!());
        ended();
        return {};
      },
    });
    const answer = await call("work", {}, 300);
    expect(answer).toMatchObject({ ok: false, error: { code: "timeout" } });
    goOn();
    await end;
    expect(may).toEqual([true, false]);
  });

  it("shares nothing with the service", async () => {
    const kept: JsonObject[] = [];
    await serve({
      work: async (input) => {
        input.list.push("changed");
        const answer = { list: [1] };
        kept.push(answer);
        return answer;
      },
    });
    const input = { list: ["mine"] };
    const { value } = (await call("work", input)) as { value: any };
    expect(input.list).toEqual(["mine"]);
    value.list.push(2);
    expect(kept).toEqual([{ list: [1] }]);
  });

  it("times out when nothing comes, and fails where the answer is no JSON", async () => {
    await serve({ never: () => new Promise(() => {}), odd: async () => ({ n: 1n }) as never });
    expect(await call("never", {}, 100)).toMatchObject({ ok: false, error: { code: "timeout" } });
    expect(await call("odd")).toMatchObject({ ok: false, error: { code: "failed" } });
  });

  it("goes over the server where another node serves it", async () => {
    const far = await serve({ work: async () => ({ far: true }) });
    const empty = new ServiceHost(bus, [], { subject: names.serviceAll });
    const dispatcher = new Dispatcher(bus, { subject: names.service, clock: systemClock, local: empty });
    expect(await ask(dispatcher, "work")).toEqual(await ask(far, "work"));
  });
});

describe("an ask", () => {
  it("is sent again under its key when the connection broke under it", async () => {
    const keys: string[] = [];
    let answer!: () => void;
    const dispatcher = await serve({
      work: async (_input, { idempotencyKey }) => {
        keys.push(idempotencyKey);
        // The first answer is lost with the connection.
        if (keys.length === 1) {
          await new Promise<void>((resolve) => {
            answer = resolve;
          });
        }
        return { n: keys.length };
      },
    });
    const lossy: Bus = new Proxy(bus, {
      get(target, name) {
        // As if what was written had never left the machine.
        if (name === "request" && keys.length === 0) return () => new Promise(() => {});
        const member = Reflect.get(target, name, target);
        return typeof member === "function" ? member.bind(target) : member;
      },
    });
    const asking = ask(
      new Dispatcher(lossy, { subject: names.service, clock: systemClock }),
      "work",
      "k",
      30_000,
    );
    void ask(dispatcher, "work", "other");
    await expect.poll(() => keys.length).toBe(1);
    process.kill(server.server.pid!, "SIGKILL");
    expect(await asking).toEqual({ ok: true, value: { n: 2 } });
    expect(keys).toEqual(["other", "k"]);
    answer();
  });

  it("times out when nothing comes", async () => {
    const dispatcher = await serve({ work: () => new Promise(() => {}) });
    expect(await ask(dispatcher, "work", "k", 100)).toMatchObject({ error: { code: "timeout" } });
  });
});
