import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Bus, Kv, KvEntry, KvWatch } from "./bus.ts";
import { BusUsageError } from "./errors.ts";
import { startTestServer, type TestServer } from "./testing.ts";

const bytes = (text: string) => Buffer.from(text);

let server: TestServer;
let bus: Bus;
let names = 0;
const watches: KvWatch[] = [];
beforeAll(async () => {
  server = await startTestServer({ restartWaitMs: 20 });
  bus = await server.connect();
});
afterEach(() => {
  for (const watch of watches.splice(0)) watch.stop();
});
afterAll(() => server?.stop());

const bucket = () => `W${++names}`;

/** What the watcher was told: lists, then what it knows by now. */
function follow(kv: Kv, heartbeatMs = 100) {
  const told = { lists: [] as string[][], restarts: [] as string[], known: new Map<string, KvEntry>() };
  const watch = kv.watch(
    {
      onAll: (entries) => {
        told.lists.push(entries.map((e) => e.key));
        told.known = new Map(entries.map((e) => [e.key, e]));
      },
      onEntry: (entry) => {
        if ([...told.known.values()].some((e) => e.revision >= entry.revision))
          throw new Error("out of order");
        told.known.set(entry.key, entry);
      },
      onRestart: (reason) => void told.restarts.push(reason),
    },
    { heartbeatMs },
  );
  watches.push(watch);
  return Object.assign(told, {
    watch,
    text: () => Object.fromEntries([...told.known].map(([k, e]) => [k, Buffer.from(e.value).toString()])),
  });
}

async function consumers(name: string): Promise<string[]> {
  const answer = await bus.request(`$JS.API.CONSUMER.NAMES.KV_${name}`, bytes("{}"));
  return JSON.parse(Buffer.from(answer.data).toString()).consumers ?? [];
}

describe("a watch", () => {
  it("lists what there is, nothing too, and then tells each write", async () => {
    const kv = await bus.kv(bucket());
    const empty = follow(kv);
    await expect.poll(() => empty.lists).toEqual([[]]);
    const revision = await kv.put("a", bytes("1"));
    await kv.put("b.c", bytes("1"));
    await kv.update("a", bytes("2"), revision);
    await expect.poll(() => empty.text()).toEqual({ a: "2", "b.c": "1" });
    const full = follow(kv);
    await expect.poll(() => full.lists).toEqual([["b.c", "a"]]);
    expect(full.known.get("a")).toEqual(await kv.get("a"));
    expect(empty.lists).toHaveLength(1);
  });

  it("misses nothing of what is written while it lists", async () => {
    const kv = await bus.kv(bucket());
    const write = (n: number) =>
      Promise.all(Array.from({ length: 200 }, (_, i) => kv.put(`k${i % 50}`, bytes(`${n}.${i}`))));
    await write(1);
    const writing = write(2);
    const followers = [follow(kv), follow(kv), follow(kv)];
    await writing;
    const last = await Promise.all(Array.from({ length: 50 }, (_, i) => kv.get(`k${i}`)));
    for (const told of followers) {
      await expect.poll(() => told.lists).toHaveLength(1);
      await expect
        .poll(() => last.map((e) => told.known.get(e!.key)?.revision))
        .toEqual(last.map((e) => e!.revision));
    }
  });

  it("lists again after a restart of the server, without what is gone", async () => {
    const kv = await bus.kv(bucket());
    await kv.put("a", bytes("1"));
    await kv.put("b", bytes("1"));
    const told = follow(kv);
    await expect.poll(() => told.lists).toHaveLength(1);
    await kv.purge("a");
    process.kill(server.server.pid!, "SIGKILL");
    await expect.poll(() => told.lists.at(-1), { timeout: 10_000 }).toEqual(["b"]);
    await kv.put("b", bytes("2"));
    await expect.poll(() => told.text()).toEqual({ b: "2" });
    expect(told.restarts.length).toBeGreaterThan(0);
  });

  it("finds out that the server fell silent, and that its consumer is gone", async () => {
    const name = bucket();
    const kv = await bus.kv(name);
    const told = follow(kv);
    await expect.poll(() => told.lists).toHaveLength(1);
    const pid = server.server.pid!;
    process.kill(pid, "SIGSTOP");
    await expect.poll(() => told.restarts, { timeout: 5_000 }).toContain("the server fell silent");
    process.kill(pid, "SIGCONT");
    await expect.poll(() => told.lists, { timeout: 10_000 }).toHaveLength(2);
    for (const consumer of await consumers(name))
      await bus.request(`$JS.API.CONSUMER.DELETE.KV_${name}.${consumer}`, bytes(""));
    await expect.poll(() => told.lists, { timeout: 5_000 }).toHaveLength(3);
    await kv.put("a", bytes("1"));
    await expect.poll(() => told.text()).toEqual({ a: "1" });
  });

  it("starts again where a delivery is missing", async () => {
    const lossy = await server.connect();
    const subscribe = lossy.subscribe.bind(lossy);
    let drop = false;
    lossy.subscribe = (subject, handler) =>
      subscribe(subject, (message) => {
        if (drop && message.header("Status") === undefined) drop = false;
        else handler(message);
      });
    const kv = await lossy.kv(bucket());
    const told = follow(kv);
    await kv.put("a", bytes("1"));
    await expect.poll(() => told.text()).toEqual({ a: "1" });
    drop = true;
    await kv.put("b", bytes("1"));
    await expect.poll(() => told.text()).toEqual({ a: "1", b: "1" });
    expect(told.restarts).toEqual([expect.stringMatching(/^gap/)]);
  });

  it("lists again when another client deletes by a marker", async () => {
    const name = bucket();
    const kv = await bus.kv(name);
    await kv.put("a", bytes("1"));
    const told = follow(kv);
    await expect.poll(() => told.lists).toEqual([["a"]]);
    await bus.request(`$KV.${name}.a`, bytes(""), { headers: { "KV-Operation": "DEL" } });
    await expect.poll(() => told.lists).toEqual([["a"], []]);
  });

  it("stops for good, and leaves no consumer", async () => {
    const name = bucket();
    const kv = await bus.kv(name);
    const told = follow(kv);
    await expect.poll(() => told.lists).toHaveLength(1);
    told.watch.stop();
    told.watch.stop();
    await expect.poll(() => consumers(name)).toEqual([]);
    await kv.put("a", bytes("1"));
    await sleep(50);
    expect(told.known.size).toBe(0);
  });

  it("refuses a heartbeat that the server would refuse", async () => {
    const kv = await bus.kv(bucket());
    expect(() => kv.watch({ onAll: () => {}, onEntry: () => {} }, { heartbeatMs: 50 })).toThrow(
      BusUsageError,
    );
  });
});
