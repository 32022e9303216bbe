/** What a node may still do when its partitions are others' (L9), and what its successor makes of it. */
import { afterEach, describe, expect, it } from "vitest";
import { address, partitionOf } from "./address.ts";
import type { Bus, Kv, KvOptions } from "./bus/bus.ts";
import { BusTimeoutError } from "./bus/errors.ts";
import { subjectsOf } from "./bus/index.ts";
import { ShiftedClock } from "./clock.ts";
import { startTestServers } from "./cluster/testing-servers.ts";
import { OverloadedError } from "./engine.ts";
import type { Envelope, StoredRecord } from "./envelope.ts";
import type { Service } from "./host/service.ts";
import { channel, counter } from "./host/test-machines.ts";
import { meddled } from "./host/testing.ts";
import { derivedId, newId } from "./ids.ts";
import { Appender } from "./log/appender.ts";
import { Bodies } from "./log/bodies.ts";
import { WorkspaceKeyRing } from "./log/keyring.ts";
import { TestNodes, TTL_MS } from "./testing-nodes.ts";

const definitions = [counter, channel];
const PARTITIONS = 8;
const HOST = address("host", "host");
const actors = Array.from({ length: 16 }, (_, i) => address("counter", `n${i}`));

let nodes: TestNodes;
afterEach(() => nodes?.stop());

const view = async (via: string, to: (typeof actors)[number]): Promise<any> =>
  (await nodes.node(via).read(to))?.view;

async function ownedBy(name: string): Promise<typeof actors> {
  const found: typeof actors = [];
  for (const to of actors) if ((await nodes.ownerOf(to)) === name) found.push(to);
  return found;
}

/** Records that owners of partitions wrote, fences aside. */
async function written(via: string): Promise<StoredRecord[]> {
  const records: StoredRecord[] = [];
  for (const { key } of actors) records.push(...(await nodes.node(via).recordsOfKey(key)));
  return records.filter((r) => r.epoch > 0);
}

type Meddle = (bucket: string, operation: string, key: string, go: () => unknown) => unknown;

/** A bus on whose buckets something else may happen than was asked. */
function meddledBuckets(bus: Bus, meddle: Meddle): Bus {
  const wrapped = (bucket: string, kv: Kv): Kv =>
    new Proxy(kv, {
      get(target, name) {
        const member = Reflect.get(target, name, target);
        if (typeof member !== "function") return member;
        return (key: string, ...more: unknown[]) =>
          meddle(bucket, String(name), key, () => member.call(target, key, ...more));
      },
    });
  return new Proxy(bus, {
    get(target, name) {
      const member = Reflect.get(target, name, target);
      if (name !== "kv") return typeof member === "function" ? member.bind(target) : member;
      return async (bucket: string, options?: KvOptions) => wrapped(bucket, await target.kv(bucket, options));
    },
  });
}

/** Over which sessions can't be written while `cut` says so. */
const unrenewable =
  (cut: () => boolean): Meddle =>
  (bucket, operation, _key, go) =>
    cut() && bucket.endsWith("_MEMBERS") && ["put", "create", "update", "purge"].includes(operation)
      ? Promise.reject(new Error("cut off"))
      : go();

describe("a node that can't renew its session", () => {
  it("writes nothing any more before another one takes over, and is given its share again", async () => {
    let cut = false;
    const appended: { at: number; subject: string }[] = [];
    nodes = await TestNodes.start(["a"], { definitions });
    await nodes.up("b", {
      trouble: (bus) =>
        meddled(
          meddledBuckets(
            bus,
            unrenewable(() => cut),
          ),
          async (subject, send, headers) => {
            if (/\.log\./.test(subject) && headers["Bw-To"]?.startsWith("channel/"))
              appended.push({ at: performance.now(), subject });
            return send();
          },
        ),
    });
    for (const to of actors) await nodes.send("a", to, "add");
    const mine = await ownedBy("b");
    expect(mine.length).toBeGreaterThan(0);
    cut = true;
    // It still reads and writes the log; only its session can't be renewed.
    const until = performance.now() + 3 * TTL_MS;
    while (performance.now() < until) {
      for (const to of mine) await nodes.send("a", to, "say", { text: "x" }).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const taken = performance.now();
    for (const to of mine) expect(nodes.node("a").isHere(to)).toBe(true);
    for (const to of mine) expect(nodes.node("b").isHere(to)).toBe(false);
    expect(appended.length).toBeGreaterThan(0);
    expect(appended.filter(({ at }) => at > taken - TTL_MS / 2)).toEqual([]);
    // Each reply once, whoever wrote it, and under rising epochs.
    await nodes.until(async () => {
      const records = await nodes.node("a").recordsOfKey(mine[0]!.key);
      const said = records.filter((r) => r.type === "say").length;
      return said === new Set(records.filter((r) => r.type === "reply").map((r) => r.cause)).size;
    }, "every reply");
    const epochs = (await nodes.node("a").recordsOfKey(mine[0]!.key))
      .filter((r) => r.type === "reply")
      .map((r) => r.epoch);
    expect(new Set(epochs).size).toBe(2);
    expect(epochs).toEqual([...epochs].sort((x, y) => x - y));
    cut = false;
    await nodes.until(() => mine.every((to) => nodes.node("b").isHere(to)), "its share");
    for (const to of mine) await nodes.send("a", to, "add");
    for (const to of mine) await nodes.until(async () => (await view("a", to))?.total === 2, "it to go on");
  });
});

it("what an agent was about to do for a node that has lost the partition is left to the next owner", async () => {
  let cut = false;
  const calls: { readonly mayAct: () => boolean; readonly again: boolean; readonly end: () => void }[] = [];
  const service: Service = {
    name: "test",
    operations: {
      work: (_input, { mayAct, again = false }) =>
        new Promise((resolve) => {
          calls.push({ mayAct: mayAct!, again, end: () => resolve({}) });
        }),
    },
  };
  const options = { definitions, services: [service] };
  nodes = await TestNodes.start(["a"], options);
  await nodes.up("b", {
    trouble: (bus) =>
      meddledBuckets(
        bus,
        unrenewable(() => cut),
      ),
  });
  const to = (await ownedBy("b"))[0]!;
  await nodes.send("a", to, "ask", { operation: "work", timeoutMs: 60_000 });
  await nodes.until(() => calls.length === 1, "it to be asked");
  expect(calls[0]!.mayAct()).toBe(true);
  cut = true;
  await nodes.until(() => calls.length === 2, "it to be asked by the next owner");
  expect(calls.map(({ mayAct, again }) => [mayAct(), again])).toEqual([
    [false, false],
    [true, true],
  ]);
  for (const { end } of calls) end();
});

describe("an owner's successor", () => {
  it("takes what the owner before still wrote for its own, and reports what it does not come to", async () => {
    const a = await TestNodes.start(["a"], { definitions, host: { disownedAfterMs: 300 } });
    nodes = a;
    const to = actors[0]!;
    await nodes.send("a", to, "add");
    // Read back from the index, which follows the log a moment behind it.
    await nodes.until(async () => (await nodes.node("a").recordsOfKey(to.key)).length === 1, "its record");
    // Another tenure begins: everything that bears a lower epoch comes from the one before.
    await nodes.down("a");
    await nodes.up("a", { host: { disownedAfterMs: 300 } });
    const bus = await nodes.server.connect("stale");
    const keys = await WorkspaceKeyRing.open({ bus, dataDir: nodes.dataDir("a"), workspace: "test" });
    const appender = new Appender(bus, keys, {
      bodies: new Bodies(bus, subjectsOf("test")),
      subject: (n) => `bw.test.log.${n}`,
      partitions: PARTITIONS,
    });
    const stale = (id: string, text: string): Envelope => ({
      id,
      type: "reply",
      from: to,
      to: address("channel", to.key),
      at: Date.now(),
      epoch: 1,
      clear: {},
      data: { text },
    });
    const seen: string[] = [];
    nodes.node("a").follow(to.key, (record) => seen.push(String(record.data.text)));
    const asked = newId();
    await appender.append(stale(derivedId(asked, "out", 0), "hello"));
    await appender.append(stale(newId(), "nobody would say this"));
    await nodes.send("a", to, "say", { text: "hello" }, asked);
    await nodes.until(() => status().disowned === 1, "the report");
    expect(seen).toEqual(["hello", "nobody would say this"]);
    expect(status()).toMatchObject({ stale: 2, disowned: 1 });
    const reported = nodes.warnings.filter((w) => w.message.includes("earlier owner"));
    expect(reported.map((w) => w.details.type)).toEqual(["reply"]);
    keys.close();
    function status(): any {
      return nodes.node("a").status().host;
    }
  });

  it("fires the timers of a dead node's actors once, though it has never seen them", async () => {
    const clock = new ShiftedClock();
    nodes = await TestNodes.start(["a", "b"], { definitions, clock });
    for (const to of actors) await nodes.send("a", to, "wait");
    for (const to of actors)
      await nodes.until(async () => (await nodes.node("a").read(to))?.value === "waiting", "it to wait");
    const theirs = await ownedBy("b");
    expect(theirs.length).toBeGreaterThan(0);
    // Longer than positions take to be shared, so that their records are behind the position of whoever comes after.
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    await nodes.crash("b");
    clock.advance(61_000);
    for (const to of actors)
      await nodes.until(async () => (await view("a", to))?.fired.length === 1, `the timer of ${to.id}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
    for (const to of actors) expect((await view("a", to)).fired).toHaveLength(1);
    // It went on from where the dead one was, and has not read the whole log again.
    const waits = actors.length - theirs.length;
    expect(nodes.node("a").status().host).toMatchObject({ folded: waits + actors.length });
  });

  it("wakes those who wait although their keys can't be read at first", async () => {
    nodes = await TestNodes.start(["a", "b"], { definitions });
    const to = actors[0]!;
    await nodes.send("a", to, "wait");
    await nodes.until(async () => (await nodes.node("a").read(to))?.value === "waiting", "it to wait");
    await new Promise((resolve) => setTimeout(resolve, 500));
    await nodes.down("b");
    await nodes.down("a");
    let failures = 2;
    const trouble = (bus: Bus): Bus =>
      meddledBuckets(bus, (bucket, operation, key, go) =>
        bucket.endsWith("_KEYS") && operation === "get" && key.includes(to.key) && failures-- > 0
          ? Promise.reject(new BusTimeoutError("no answer", 1))
          : go(),
      );
    await nodes.up("b", { trouble });
    await nodes.until(
      async () =>
        (
          await nodes
            .node("b")
            .read(to)
            .catch(() => undefined)
        )?.value,
      "it to be read",
    );
    expect(nodes.node("b").status().host).toMatchObject({ timers: 1 });
  });

  it("folds what came while its predecessor, itself, was waiting for a key and lost the partition", async () => {
    let cut = false;
    let holdMs = 0;
    const cutting = unrenewable(() => cut);
    nodes = await TestNodes.start(["a"], {
      definitions,
      trouble: (bus) =>
        meddledBuckets(bus, async (bucket, operation, key, go) => {
          if (bucket.endsWith("_KEYS") && operation === "get" && holdMs > 0)
            await new Promise((resolve) => setTimeout(resolve, holdMs));
          return cutting(bucket, operation, key, go);
        }),
    });
    const bus = await nodes.server.connect("gateway");
    const keys = await WorkspaceKeyRing.open({ bus, dataDir: nodes.dataDir("a"), workspace: "test" });
    const to = actors[0]!;
    const appender = new Appender(bus, keys, {
      bodies: new Bodies(bus, subjectsOf("test")),
      subject: (n) => `bw.test.log.${n}`,
      partitions: PARTITIONS,
    });
    const add = () =>
      appender.append({
        id: newId(),
        type: "add",
        from: HOST,
        to,
        at: Date.now(),
        epoch: 0,
        clear: {},
        data: {},
      });
    holdMs = 2 * TTL_MS;
    cut = true;
    await add();
    await new Promise((resolve) => setTimeout(resolve, 2 * TTL_MS + 300));
    holdMs = 0;
    cut = false;
    await nodes.until(() => nodes.node("a").isHere(to), "it to be back");
    await add();
    await nodes.until(
      async () => (await view("a", to).catch(() => undefined))?.total === 2,
      "both to be folded",
    );
    await keys.close();
  });

  it("folds nothing else while it tries what may have ended its predecessor", async () => {
    nodes = await TestNodes.start(["a"], { definitions });
    const [tried, other] = [
      actors[0]!,
      actors.find(({ key }) => partition(key) !== partition(actors[0]!.key))!,
    ];
    await nodes.crash("a");
    const bus = await nodes.server.connect("gateway");
    const keys = await WorkspaceKeyRing.open({ bus, dataDir: nodes.dataDir("a"), workspace: "test" });
    const appender = new Appender(bus, keys, {
      bodies: new Bodies(bus, subjectsOf("test")),
      subject: (n) => `bw.test.log.${n}`,
      partitions: PARTITIONS,
    });
    const blank = { from: HOST, at: Date.now(), epoch: 0, clear: {}, data: {} };
    await appender.append({ ...blank, id: newId(), type: "add", to: tried });
    let counted = false;
    let go = (): void => {};
    const held = new Promise<void>((resolve) => {
      go = resolve;
    });
    await nodes.up("a", {
      trouble: (bus) =>
        meddledBuckets(bus, async (bucket, operation, key, write) => {
          if (bucket.endsWith("_PARTITIONS") && operation === "put" && key.endsWith(".tried")) {
            counted = true;
            await held;
          }
          return write();
        }),
    });
    await nodes.until(() => counted, "it to be tried");
    await nodes.send("a", other, "add");
    await new Promise((resolve) => setTimeout(resolve, 300));
    const folded = () => Number((nodes.node("a").status().host as { folded: number }).folded);
    expect(folded()).toBe(0);
    go();
    await nodes.until(() => folded() === 2, "both to be folded");
    keys.close();

    function partition(key: string): number {
      return partitionOf(key, PARTITIONS);
    }
  });

  it("writes under a higher epoch than all before it, also when the leases were lost", async () => {
    nodes = await TestNodes.start(["a"], { definitions });
    await nodes.send("a", actors[0]!, "say", { text: "1" });
    await nodes.until(async () => (await written("a")).length === 1, "the reply");
    await nodes.down("a");
    const bus = await nodes.server.connect("operator");
    for (const bucket of ["LEASES", "MEMBERS"])
      await bus.request(`$JS.API.STREAM.DELETE.KV_BW_test_${bucket}`, new Uint8Array());
    await nodes.up("a");
    await nodes.send("a", actors[0]!, "say", { text: "2" });
    await nodes.until(async () => (await written("a")).length === 2, "the second reply");
    const [one, two] = (await written("a")).map((r) => r.epoch);
    expect(two).toBeGreaterThan(one!);
    expect(partitionOf(HOST.key, PARTITIONS)).toBeLessThan(PARTITIONS);
  });
});

it("an actor that is far behind is refused at every node before the append", async () => {
  let release!: () => void;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  nodes = await TestNodes.start(["a", "b"], {
    definitions,
    admission: { maxWaiting: 8, retryAfterMs: 2_000 },
    // Appends of replies wait: what the actor would do next waits behind them.
    trouble: (bus) =>
      meddled(bus, async (subject, send, headers) => {
        if (/\.log\./.test(subject) && headers["Bw-To"]?.startsWith("channel/")) await held;
        return send();
      }),
  });
  const to = actors[0]!;
  const owner = await nodes.ownerOf(to);
  const other = owner === "a" ? "b" : "a";
  let refused: unknown;
  for (let i = 0; i < 200 && !refused; i++) {
    await nodes.send(other, to, "say", { text: "x" }).catch((error) => {
      refused = error;
    });
  }
  release();
  expect(refused).toBeInstanceOf(OverloadedError);
});

it("loses nothing when one of three servers is lost", async () => {
  const servers = await startTestServers();
  nodes = await TestNodes.start(
    ["a", "b"],
    {
      definitions,
      stream: { replicas: 3 },
      cluster: { node: "", ttlMs: 12_000, replicas: 3, leaveEveryMs: 500 },
    },
    servers,
  );
  let sent = 0;
  const send = async (via: string, n: number): Promise<void> => {
    const id = newId();
    for (let tries = 0; ; tries++) {
      try {
        await nodes.send(via, actors[n % actors.length]!, "add", {}, id);
        sent++;
        return;
      } catch (error) {
        if (tries > 400) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  };
  for (let n = 0; n < 50; n++) await send(n % 2 ? "a" : "b", n);
  await servers.kill((await servers.leaderOf("BW_test_LOG"))!);
  for (let n = 0; n < 50; n++) await send(n % 2 ? "a" : "b", n);
  await nodes.until(
    async () => {
      let sum = 0;
      for (const to of actors) sum += Number((await view("a", to))?.total ?? 0);
      return sum === sent;
    },
    "every message to be folded once",
    40_000,
  );
}, 120_000);
