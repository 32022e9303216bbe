import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findNatsServer } from "../config/nats-server.ts";
import type { Bus, BusMessage } from "./bus.ts";
import { connectBus } from "./connection.ts";
import {
  BusClosedError,
  BusConnectError,
  BusTimeoutError,
  BusUsageError,
  KvConflictError,
  NoRespondersError,
} from "./errors.ts";
import { requireJetStream } from "./jet-stream.ts";
import { startTestServer, type TestServer } from "./testing.ts";

const bytes = (text: string) => Buffer.from(text);
const text = (message: { data: Uint8Array }) => Buffer.from(message.data).toString("utf8");

let server: TestServer;
let bus: Bus;
beforeAll(async () => {
  server = await startTestServer();
  bus = await server.connect();
});
afterAll(() => server?.stop());

describe("addresses", () => {
  const place = () => server.url.replace("nats://", "");

  it("may carry the credentials, and several may be given with commas", async () => {
    const url = `nats://127.0.0.1:1, nats://${server.user}:${encodeURIComponent(server.pass)}@${place()}`;
    const other = await connectBus({ url, name: "t" });
    await requireJetStream(other, 2_000);
    await other.close();
  });

  it("are repeated in errors without the credentials", async () => {
    const wrong = connectBus({ url: `nats://desk:hush@${place()}`, name: "t" });
    await expect(wrong).rejects.toThrow(/refused the credentials/);
    await expect(wrong).rejects.toMatchObject({ exitCode: 3, message: expect.not.stringMatching(/hush/) });
    await expect(connectBus({ url: "foo bar", name: "t" })).rejects.toThrow(/no address of a NATS server/);
  });

  it("of a server without JetStream are refused with what mends it", async () => {
    const process = spawn(findNatsServer(), ["-a", "127.0.0.1", "-p", "-1"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    try {
      const port = await new Promise<string>((found) => {
        let log = "";
        process.stderr.on("data", (chunk) => {
          log += chunk;
          const match = /client connections on 127\.0\.0\.1:(\d+)/.exec(log);
          if (match) found(match[1]!);
        });
      });
      const plain = await connectBus({ url: `nats://127.0.0.1:${port}`, name: "t" });
      await expect(requireJetStream(plain, 2_000)).rejects.toThrow(/without JetStream.*start it with -js/);
      await plain.close();
    } finally {
      process.kill("SIGKILL");
    }
  });
});

describe("requests", () => {
  it("are answered, with headers both ways", async () => {
    bus.subscribe("echo", (m) => m.respond(bytes(`${text(m)}/${m.header("x-word")}`), { "X-Back": "yes" }));
    const answer = await bus.request("echo", bytes("hi"), { headers: { "X-Word": "there" } });
    expect(text(answer)).toBe("hi/there");
    expect(answer.header("x-back")).toBe("yes");
    expect(answer.header("x-none")).toBeUndefined();
  });

  it("each get their own answer when many are under way", async () => {
    bus.subscribe("slowly", (m) => void sleep(Math.random() * 20).then(() => m.respond(m.data)));
    const sent = Array.from({ length: 500 }, (_, i) => `m${i}`);
    const answers = await Promise.all(sent.map((s) => bus.request("slowly", bytes(s)).then(text)));
    expect(answers).toEqual(sent);
  });

  it("time out when nobody answers", async () => {
    bus.subscribe("mute", () => {});
    await expect(bus.request("mute", bytes(""), { timeoutMs: 60 })).rejects.toThrow(BusTimeoutError);
    const { url, user, pass } = server;
    const hasty = await connectBus({ url, user, pass, name: "t", requestTimeoutMs: 50 });
    await expect(hasty.request("mute", bytes(""))).rejects.toThrow("within 50 ms");
    await hasty.close();
  });

  it("fail at once when nobody listens", async () => {
    await expect(bus.request("no.such", bytes(""), { timeoutMs: 10_000 })).rejects.toThrow(NoRespondersError);
  });

  it("ignore an answer that comes after its time-out, and a second one", async () => {
    bus.subscribe("twice", (m) => {
      m.respond(bytes("first"));
      m.respond(bytes("second"));
    });
    bus.subscribe("late", (m) => void sleep(120).then(() => m.respond(bytes("late"))));
    await expect(bus.request("late", bytes(""), { timeoutMs: 40 })).rejects.toThrow(BusTimeoutError);
    expect(text(await bus.request("twice", bytes("")))).toBe("first");
    await sleep(120);
    expect(text(await bus.request("twice", bytes("")))).toBe("first");
  });
});

describe("subscriptions", () => {
  it("of one queue share the messages", async () => {
    const other = await server.connect();
    const seen = { a: 0, b: 0 };
    bus.subscribe("work", () => void seen.a++, { queue: "q" });
    other.subscribe("work", () => void seen.b++, { queue: "q" });
    await other.flush();
    for (let i = 0; i < 100; i++) bus.publish("work", bytes("x"));
    await bus.flush();
    await expect.poll(() => seen.a + seen.b).toBe(100);
    expect(seen.b).toBeGreaterThan(0);
  });

  it("survive a handler that throws, and report it", async () => {
    const errors: string[] = [];
    const own = await connectBus({
      ...server,
      name: "t",
      onError: (e, where) => errors.push(`${where}: ${e.message}`),
    });
    const seen: string[] = [];
    own.subscribe("fragile", (m) => {
      seen.push(text(m));
      if (text(m) === "bad") throw new Error("no");
    });
    await own.flush();
    for (const word of ["good", "bad", "good"]) own.publish("fragile", bytes(word));
    await expect.poll(() => seen).toEqual(["good", "bad", "good"]);
    expect(errors).toEqual(["handler of fragile: no"]);
    await own.close();
  });

  it("end", async () => {
    let seen = 0;
    const subscription = bus.subscribe("ends", () => void seen++);
    await bus.flush();
    subscription.unsubscribe();
    subscription.unsubscribe();
    bus.publish("ends", bytes(""));
    await bus.flush();
    expect(seen).toBe(0);
  });
});

describe("what is refused before it is sent", () => {
  it.each(["", "a b", "a..b", "a.*", "a.>", ".a", "a\r\nPUB x"])("subject %j", async (bad) => {
    expect(() => bus.publish(bad, bytes(""))).toThrow(BusUsageError);
    await expect(bus.request(bad, bytes(""))).rejects.toThrow(BusUsageError);
  });

  it("more bytes than the server takes", async () => {
    const large = new Uint8Array(bus.maxPayload + 1);
    expect(() => bus.publish("a", large)).toThrow(/bytes/);
    await expect(bus.request("a", large)).rejects.toThrow(BusUsageError);
  });
});

describe("connecting", () => {
  it("says that nobody listens", async () => {
    const free = connectBus({ url: "nats://127.0.0.1:1", name: "t", timeoutMs: 500 });
    await expect(free).rejects.toThrow(/no NATS server listens at nats:\/\/127.0.0.1:1/);
  });

  it("says that the credentials are wrong", async () => {
    const wrong = connectBus({ url: server.url, user: server.user, pass: "wrong", name: "t" });
    await expect(wrong).rejects.toThrow(BusConnectError);
    await expect(wrong).rejects.toThrow(/refused the credentials/);
  });
});

describe("a broken connection", () => {
  it("holds what is asked meanwhile, and comes back", async () => {
    const own = await server.connect();
    const states: string[] = [];
    own.onStatus((s) => states.push(s));
    const seen: string[] = [];
    own.subscribe("held", (m) => {
      seen.push(text(m));
      m.respond(bytes(`got ${text(m)}`));
    });
    await own.flush();
    process.kill(server.server.pid!, "SIGKILL");
    await expect.poll(() => own.status).toBe("disconnected");
    own.publish("held", bytes("one"));
    const given = own.request("held", bytes("given up"), { timeoutMs: 1 }).catch((e: Error) => e);
    const answer = await own.request("held", bytes("two"), { timeoutMs: 10_000 });
    expect(text(answer)).toBe("got two");
    expect(await given).toBeInstanceOf(BusTimeoutError);
    expect(seen).toEqual(["one", "two"]);
    expect(states).toEqual(["disconnected", "connected"]);
    await own.close();
    expect(states.at(-1)).toBe("closed");
  });

  it("can be flushed while the connection breaks", async () => {
    const own = await connectBus({ ...server, name: "t" });
    process.kill(server.server.pid!, "SIGKILL");
    for (let i = 0; i < 5; i++) await own.flush();
    await expect.poll(() => own.status, { timeout: 10_000 }).toBe("connected");
    await own.flush();
    await own.close();
  });

  it("refuses more than it may hold", async () => {
    const own = await connectBus({ ...server, name: "t", maxHeldBytes: 10 });
    process.kill(server.server.pid!, "SIGKILL");
    await expect.poll(() => own.status).toBe("disconnected");
    own.publish("x", bytes("12345678"));
    expect(() => own.publish("x", bytes("12345678"))).toThrow(/disconnected and 8 bytes wait/);
    await expect.poll(() => own.status, { timeout: 10_000 }).toBe("connected");
    await own.close();
  });
});

describe("closing", () => {
  it("fails what is under way and all that follows", async () => {
    const own = await server.connect();
    own.subscribe("deaf", () => {});
    const pending = own.request("deaf", bytes(""), { timeoutMs: 10_000 });
    const failed = expect(pending).rejects.toThrow(BusClosedError);
    await own.flush();
    await own.close();
    await failed;
    expect(() => own.publish("a", bytes(""))).toThrow(BusClosedError);
    await expect(own.request("a", bytes(""))).rejects.toThrow(BusClosedError);
    expect(() => own.subscribe("a", () => {})).toThrow(BusClosedError);
  });

  it("by draining lets requests finish and handlers answer", async () => {
    const own = await server.connect();
    bus.subscribe("slow", (m) => void sleep(100).then(() => m.respond(bytes("done"))));
    await bus.flush();
    const answers: BusMessage[] = [];
    void own.request("slow", bytes("")).then((a) => answers.push(a));
    await own.drain();
    await own.drain();
    expect(answers.map(text)).toEqual(["done"]);
    expect(own.status).toBe("closed");
  });
});

describe("buckets", () => {
  it("create, update and put compare revisions", async () => {
    const kv = await bus.kv("B1");
    const first = await kv.create("a/b.c", bytes("1"));
    await expect(kv.create("a/b.c", bytes("2"))).rejects.toThrow(KvConflictError);
    const second = await kv.update("a/b.c", bytes("2"), first);
    await expect(kv.update("a/b.c", bytes("3"), first)).rejects.toThrow(KvConflictError);
    expect(await kv.get("a/b.c")).toEqual({ key: "a/b.c", value: bytes("2"), revision: second });
    expect(await kv.put("a/b.c", bytes("4"))).toBeGreaterThan(second);
    expect(await kv.get("nothing")).toBeUndefined();
    expect(await kv.keys()).toEqual(["a/b.c"]);
  });

  it("let one of many create", async () => {
    const other = await server.connect();
    const [a, b] = await Promise.all([bus.kv("B2"), other.kv("B2")]);
    const tries = Array.from({ length: 20 }, (_, i) => (i % 2 ? a : b).create("k", bytes(String(i))));
    const results = await Promise.allSettled(tries);
    expect(results.filter((r) => r.status === "fulfilled")).toHaveLength(1);
  });

  it("purge for good, and allow the key again", async () => {
    const kv = await bus.kv("B3");
    await kv.put("x", bytes("1"));
    await kv.put("y", bytes("1"));
    await kv.purge("x");
    await kv.purge("never");
    expect(await kv.get("x")).toBeUndefined();
    expect(await kv.keys()).toEqual(["y"]);
    await kv.create("x", bytes("2"));
    expect((await kv.keys("x")).length).toBe(1);
  });

  it("remove the value of a revision, and leave what came in its place", async () => {
    const kv = await bus.kv("B6");
    const first = await kv.put("x", bytes("1"));
    const second = await kv.put("x", bytes("2"));
    await kv.remove(first);
    expect(text({ data: (await kv.get("x"))!.value })).toBe("2");
    await kv.remove(second);
    await kv.remove(second);
    expect(await kv.get("x")).toBeUndefined();
    await kv.create("x", bytes("3"));
  });

  it("drop values after their time to live", async () => {
    const kv = await bus.kv("B4", { ttlMs: 300 });
    await kv.create("lease", bytes("me"));
    await expect.poll(() => kv.get("lease"), { timeout: 5_000 }).toBeUndefined();
    await kv.create("lease", bytes("you"));
  });

  it("go on over a restart of the server", async () => {
    const kv = await bus.kv("B5");
    await kv.put("k", bytes("kept"));
    process.kill(server.server.pid!, "SIGKILL");
    await expect.poll(() => bus.status).toBe("disconnected");
    expect(text({ data: (await kv.get("k"))!.value })).toBe("kept");
    await kv.put("k", bytes("new"));
  });

  it.each(["", "a b", ".a", "a.", "a*", "a>", "ä"])("refuse the key %j", async (bad) => {
    const kv = await bus.kv("B1");
    await expect(kv.get(bad)).rejects.toThrow(BusUsageError);
    await expect(kv.put(bad, bytes(""))).rejects.toThrow(BusUsageError);
  });
});
