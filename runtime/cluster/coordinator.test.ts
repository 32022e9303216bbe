import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startTestServer, type TestServer } from "../bus/testing.ts";
import { ShiftedClock } from "../clock.ts";
import type { CoordinatorOptions } from "./coordinator-options.ts";
import { NodeNameTakenError } from "./errors.ts";
import { placementOfAll } from "./placement.ts";
import { encode, partitionKey } from "./records.ts";
import { TestCluster, type TestNode } from "./testing.ts";

/** Of nodes that shall lapse; the others have a time to live that a busy machine can keep. */
const TTL = 600;
const SKEW = 150;
/** What a take-over may take beyond what is waited for on purpose, on a machine that is busy. */
const SLACK = 3_000;

let server: TestServer;
let count = 0;
let cluster: TestCluster;
beforeAll(async () => {
  server = await startTestServer({ restartWaitMs: 20, unhealthyAfterMs: 60_000 });
});
afterAll(() => server?.stop());
beforeEach(() => {
  cluster = new TestCluster(server, `C${++count}`, { ttlMs: 6_000 });
});
afterEach(async () => {
  await cluster.close();
  expect(cluster.wrongs).toEqual([]);
});

const start = (name: string, options: Partial<CoordinatorOptions> = {}) => cluster.start(name, options);
/** From now on nodes are started that lapse soon. */
const hurry = () => {
  cluster.options = { ttlMs: TTL, skewMs: SKEW, marginMs: 50, maxRetryMs: 100 };
};
const placed = (...names: string[]) => placementOfAll(cluster.partitions, names);
const shareOf = (name: string, ...names: string[]) =>
  placed(...names).flatMap((node, partition) => (node === name ? [partition] : []));

async function settle(...nodes: TestNode[]): Promise<void> {
  for (const { coordinator } of nodes) expect(await coordinator.settled(10_000)).toBe(true);
}

async function startAll(...names: string[]): Promise<TestNode[]> {
  const nodes: TestNode[] = [];
  for (const name of names) nodes.push(await start(name));
  await settle(...nodes);
  return nodes;
}

/** Partitions of what has happened since, in order of their numbers. */
const what = (kind: string, since = 0) =>
  cluster.happened
    .filter((h) => h.what === kind && h.at >= since)
    .map((h) => h.partition)
    .sort((a, b) => a - b);

describe("a node", () => {
  it("alone owns everything at once, and says so", async () => {
    const began = performance.now();
    const [a] = await startAll("a");
    expect(performance.now() - began).toBeLessThan(SLACK);
    expect(a!.coordinator.owned()).toEqual(shareOf("a", "a"));
    expect(cluster.owners()).toEqual(placed("a"));
    expect(a!.coordinator.epochOf(0)).toBe(a!.coordinator.ownerOf(0)!.epoch);
    expect(a!.coordinator.status()).toMatchObject({
      node: "a",
      session: { begun: 1, draining: false },
      members: [{ node: "a", state: "live" }],
      partitions: { all: 16, owned: 16, taken: 16, lost: 0 },
    });
  });

  it("that joins is given its share, orderly, and nothing else moves", async () => {
    const [a, b] = await startAll("a", "b");
    const joined = performance.now();
    const c = await start("c", { info: { gateway: "http://c" } });
    await settle(a!, b!, c);
    // By what it hears, not by the next renewal.
    expect(performance.now() - joined).toBeLessThan(1_800);
    expect(cluster.owners()).toEqual(placed("a", "b", "c"));
    const share = shareOf("c", "a", "b", "c");
    expect(share.length).toBeGreaterThan(0);
    expect(what("moved", joined)).toEqual(share);
    expect(what("acquire", joined)).toEqual(share);
    for (const partition of share) {
      const [moved, acquired] = cluster.happened.filter((h) => h.partition === partition && h.at >= joined);
      expect([moved!.what, acquired!.what]).toEqual(["moved", "acquire"]);
      expect(a!.coordinator.ownerOf(partition)).toEqual({ node: "c", epoch: acquired!.epoch });
    }
    expect(b!.coordinator.members().at(-1)).toMatchObject({ node: "c", info: { gateway: "http://c" } });
  });

  it("that crashed is followed once its session has lapsed, under higher epochs", async () => {
    hurry();
    const [a, b] = await startAll("a", "b");
    const epochs = new Map(b!.coordinator.owned().map((p) => [p, b!.coordinator.epochOf(p)!]));
    const crashed = performance.now();
    b!.coordinator.abandon();
    await expect.poll(() => cluster.owners(), { timeout: 10_000, interval: 5 }).toEqual(placed("a"));
    const took = cluster.happened.filter((h) => h.what === "acquire" && h.at > crashed);
    expect(took.map((h) => h.partition).sort((x, y) => x - y)).toEqual([...epochs.keys()]);
    for (const { partition, epoch } of took) expect(epoch).toBeGreaterThan(epochs.get(partition)!);
    const waited = took.map((h) => h.at - crashed);
    expect(Math.min(...waited)).toBeGreaterThan(TTL / 3);
    expect(Math.max(...waited)).toBeLessThan(TTL + SKEW + SLACK);
    expect(a!.coordinator.members().map((m) => m.node)).toEqual(["a"]);
  });

  it("that drains hands everything over before it is gone, without waiting for a lapse", async () => {
    const a = await start("a");
    const heldWhileLettingGo: boolean[] = [];
    const b = await start("b", {
      onRelease: async (partition) => {
        await sleep(100);
        heldWhileLettingGo.push(b.coordinator.holds(partition));
      },
    });
    await settle(a, b);
    const share = b.coordinator.owned();
    const began = performance.now();
    await b.coordinator.drain();
    expect(what("drain")).toEqual(share);
    expect(heldWhileLettingGo).toEqual(share.map(() => true));
    await settle(a);
    expect(performance.now() - began).toBeLessThan(SLACK);
    expect(cluster.owners()).toEqual(placed("a"));
    expect(a.coordinator.members().map((m) => m.node)).toEqual(["a"]);
    expect(b.coordinator.owned()).toEqual([]);
    expect([a.errors, b.errors]).toEqual([[], []]);
    await b.coordinator.stop();
  });

  it("that drains last leaves everything free for the next one", async () => {
    const [a] = await startAll("a");
    await a!.coordinator.drain();
    const began = performance.now();
    const b = await start("b");
    await settle(b);
    expect(performance.now() - began).toBeLessThan(SLACK);
    expect(cluster.owners()).toEqual(placed("b"));
  });

  it("stops at its deadline though its host does not let go, and the others take over then", async () => {
    const a = await start("a");
    const b = await start("b", { onRelease: () => new Promise(() => {}), stopTimeoutMs: 300 });
    await settle(a, b);
    const began = performance.now();
    await b.coordinator.stop();
    expect(performance.now() - began).toBeGreaterThanOrEqual(299);
    expect(performance.now() - began).toBeLessThan(300 + SLACK);
    expect(b.errors).toEqual(["not everything was handed over: not within 300 ms"]);
    await settle(a);
    expect(cluster.owners()).toEqual(placed("a"));
  });

  it("leaves no timer, no listener and no consumer behind", async () => {
    const timers = () => process.getActiveResourcesInfo().filter((r) => r === "Timeout").length;
    const own = await server.connect();
    let open = 0;
    const onStatus = own.onStatus.bind(own);
    own.onStatus = (listener) => {
      const off = onStatus(listener);
      open++;
      return () => {
        open--;
        off();
      };
    };
    const subscribe = own.subscribe.bind(own);
    own.subscribe = (...args) => {
      const subscription = subscribe(...args);
      open++;
      return {
        unsubscribe: () => {
          open--;
          subscription.unsubscribe();
        },
      };
    };
    const before = timers();
    const long = { acquireTimeoutMs: 600_000, releaseTimeoutMs: 600_000, drainTimeoutMs: 600_000 };
    const a = await start("a", { bus: own, ...long });
    await settle(a);
    expect(open).toBe(4);
    await a.coordinator.drain();
    await expect.poll(() => open).toBe(0);
    const consumers = async (bucket: string) => {
      const answer = await own.request(`$JS.API.CONSUMER.NAMES.KV_${bucket}`, Buffer.from("{}"));
      return JSON.parse(Buffer.from(answer.data).toString()).consumers ?? [];
    };
    for (const bucket of Object.values(cluster.buckets))
      await expect.poll(() => consumers(bucket)).toEqual([]);
    // The sampler of the test and what the connection runs come and go.
    await expect.poll(timers, { timeout: 2_000 }).toBeLessThanOrEqual(before);
  });
});

describe("two nodes of one name", () => {
  it("are one: the second is refused", async () => {
    hurry();
    const [a] = await startAll("a");
    await expect(start("a")).rejects.toThrow(NodeNameTakenError);
    expect(a!.coordinator.owned()).toHaveLength(16);
    expect(a!.coordinator.status()).toMatchObject({ session: { begun: 1 } });
  });

  it("one after the other are let be when the first has crashed, and the first gives up when it returns", async () => {
    hurry();
    const [a] = await startAll("a");
    a!.link.hold();
    const b = await start("a");
    await settle(b);
    a!.link.go();
    await expect.poll(() => a!.failures, { timeout: 10_000 }).toEqual([expect.any(NodeNameTakenError)]);
    expect(b.coordinator.owned()).toHaveLength(16);
    expect(a!.coordinator.owned()).toEqual([]);
    expect(what("lost")).toHaveLength(16);
  });

  it("under one holder do not wait for a lapse", async () => {
    const a = await start("a", { holder: "disk" });
    await settle(a);
    a.coordinator.abandon();
    a.link.cut();
    // The process is gone: nobody asks it any more.
    cluster.nodes.splice(0);
    const began = performance.now();
    const again = await start("a", { holder: "disk" });
    await settle(again);
    expect(performance.now() - began).toBeLessThan(SLACK);
    await a.bus.close();
    await a.link.close();
  });

  it.each(["", "a b", "a.", ".", "ä", "a".repeat(129)])("are not %j", async (name) => {
    await expect(start(name)).rejects.toThrow(/can't name a node/);
  });
});

describe("trouble", () => {
  it("of the way to the server: the owner stops believing before the others take over", async () => {
    hurry();
    const [a, b] = await startAll("a", "b");
    const cut = performance.now();
    b!.link.hold();
    let believed = cut;
    while (cluster.owners().includes("b")) {
      believed = performance.now();
      await sleep(2);
    }
    expect(believed - cut).toBeGreaterThan(TTL / 4);
    expect(believed - cut).toBeLessThan(TTL + SLACK);
    await expect.poll(() => cluster.owners(), { timeout: 10_000, interval: 5 }).toEqual(placed("a"));
    const took = cluster.happened.filter((h) => h.what === "acquire" && h.at > cut);
    expect(Math.min(...took.map((h) => h.at))).toBeGreaterThan(believed);
    expect(what("lost")).toEqual(shareOf("b", "a", "b"));
    b!.link.go();
    await settle(a!, b!);
    await expect.poll(() => cluster.owners(), { timeout: 10_000 }).toEqual(placed("a", "b"));
    expect(b!.coordinator.status()).toMatchObject({ session: { begun: 2 } });
  });

  it("of the connection that is made anew in time costs nothing", async () => {
    cluster.options = { ttlMs: 1_500 };
    const [a, b] = await startAll("a", "b");
    const cut = performance.now();
    b!.link.cut();
    await sleep(3_000);
    expect(cluster.happened.filter((h) => h.at > cut)).toEqual([]);
    expect(cluster.owners()).toEqual(placed("a", "b"));
    const c = await start("c");
    await settle(a!, b!, c);
    expect(cluster.owners()).toEqual(placed("a", "b", "c"));
  });

  it("of the server that is restarted is over when it is back", async () => {
    const [a, b] = await startAll("a", "b");
    const restarted = new Promise((resolve) => server.server.onRestart(resolve));
    process.kill(server.server.pid!, "SIGKILL");
    await restarted;
    await settle(a!, b!);
    await expect.poll(() => cluster.owners(), { timeout: 10_000 }).toEqual(placed("a", "b"));
    await start("c").then((c) => settle(a!, b!, c));
    expect(cluster.owners()).toEqual(placed("a", "b", "c"));
  });

  it("of the server that stands still: nobody believes any more, and all join again", async () => {
    hurry();
    const [a, b] = await startAll("a", "b");
    const pid = server.server.pid!;
    process.kill(pid, "SIGSTOP");
    try {
      await expect.poll(() => cluster.owners(), { timeout: TTL + SLACK }).toEqual(placed());
      await sleep(2 * TTL);
      expect(cluster.owners()).toEqual(placed());
    } finally {
      process.kill(pid, "SIGCONT");
    }
    await expect.poll(() => cluster.owners(), { timeout: 10_000 }).toEqual(placed("a", "b"));
    await settle(a!, b!);
    expect(what("lost")).toEqual(shareOf("a", "a"));
  });

  it("of everybody's way to the server: nobody is taken for dead because nobody could be heard", async () => {
    hurry();
    const patience = TTL + 1_000;
    cluster.options = { ...cluster.options, skewMs: 1_000 };
    const [a, b] = await startAll("a", "b");
    for (const { link } of [a!, b!]) {
      link.hold();
      link.cut();
    }
    await expect.poll(() => cluster.owners(), { timeout: TTL + SLACK }).toEqual(placed());
    await sleep(patience + TTL);
    // One is back before the other, which all had time to judge meanwhile, had it counted.
    const back = performance.now();
    a!.link.go();
    const [first] = shareOf("a", "a", "b");
    await expect.poll(() => cluster.holders(first!), { interval: 5, timeout: 10_000 }).toEqual([a]);
    await sleep(patience / 2);
    b!.link.go();
    await expect.poll(() => cluster.owners(), { timeout: 10_000 }).toEqual(placed("a", "b"));
    await settle(a!, b!);
    for (const name of ["a", "b"]) {
      const took = cluster.happened.filter((h) => h.at > back && h.node === name && h.what === "acquire");
      expect(took.map((h) => h.partition).sort((x, y) => x - y)).toEqual(shareOf(name, "a", "b"));
    }
    expect(what("moved", back)).toEqual([]);
  });

  it("of a clock that jumps, as it does for a process that was paused: it holds nothing from that moment", async () => {
    const clock = new ShiftedClock();
    const a = await start("a", { clock });
    const b = await start("b");
    await settle(a, b);
    const mine = a.coordinator.owned()[0]!;
    expect(a.coordinator.holds(mine)).toBe(true);
    clock.advance(6_000);
    expect(a.coordinator.holds(mine, 0)).toBe(false);
    expect(a.coordinator.epochOf(mine)).toBeUndefined();
    expect(a.coordinator.owned()).toEqual([]);
    await expect.poll(() => what("lost")).toEqual(shareOf("a", "a", "b"));
    await settle(a, b);
    await expect.poll(() => cluster.owners(), { timeout: 10_000 }).toEqual(placed("a", "b"));
    expect(b.coordinator.status()).toMatchObject({ session: { begun: 1 } });
  });

  it("of a lease that somebody else wrote: it is lost at once, and taken again when it is open", async () => {
    const [a] = await startAll("a");
    const kv = await a!.bus.kv(cluster.buckets.leases);
    const before = performance.now();
    await kv.put(partitionKey(3), encode({ node: "x", session: "x", at: 1, since: 0 }));
    await expect.poll(() => what("lost", before), { interval: 2 }).toEqual([3]);
    await expect.poll(() => what("acquire", before)).toEqual([3]);
    expect(performance.now() - before).toBeLessThan(SLACK);
    expect(a!.coordinator.holds(3)).toBe(true);
  });

  it("of a host that fails to take a partition: it is free meanwhile, and tried again with growing waits", async () => {
    const tries: number[] = [];
    const a = await start("a", {
      onAcquire: async (partition) => {
        if (partition !== 5 || tries.push(performance.now()) > 4) return;
        throw new Error("no room");
      },
    });
    await settle(a);
    expect(tries).toHaveLength(5);
    expect(tries[4]! - tries[3]!).toBeGreaterThan(tries[1]! - tries[0]!);
    expect(a.errors).toEqual(Array(4).fill("partition 5 was not taken or released: no room"));
    // It held nothing, so there was nothing to release.
    expect(cluster.happened.filter((h) => h.partition === 5).map((h) => h.what)).toEqual(
      Array(5).fill("acquire"),
    );
  });

  it("of a host that takes too long to take or to let go is bounded", async () => {
    const slow = { acquireTimeoutMs: 100, releaseTimeoutMs: 100, maxRetryMs: 100 };
    let stuck = true;
    const a = await start("a", {
      ...slow,
      onAcquire: (partition) => (partition === 5 && stuck ? new Promise(() => {}) : Promise.resolve()),
      onRelease: (partition) => (partition === 6 ? new Promise(() => {}) : Promise.resolve()),
    });
    await expect.poll(() => what("lost")).toContain(5);
    stuck = false;
    await settle(a);
    expect(a.errors[0]).toBe(
      "partition 5 was not taken or released: partition 5 did not start within 100 ms",
    );
    await a.coordinator.drain();
    expect(a.errors.at(-1)).toBe("partition 6 was not let go of in order: not within 100 ms");
    expect(what("drain")).toEqual(shareOf("a", "a").filter((p) => p !== 6));
  });

  it("of a host that throws where it should have answered is the same as a failure", async () => {
    let first = true;
    const a = await start("a", {
      onAcquire: () => {
        if (!first) return Promise.resolve();
        first = false;
        throw new Error("not even a promise");
      },
    });
    await settle(a);
    expect(a.errors).toEqual([expect.stringMatching(/not even a promise/)]);
  });
});

it("tells of changes, of members and owners alike", async () => {
  hurry();
  let told = 0;
  const a = await start("a", { onChange: () => void told++ });
  await settle(a);
  expect(told).toBeGreaterThan(0);
  await sleep(2 * TTL);
  const quiet = told;
  await sleep(TTL);
  expect(told).toBe(quiet);
  await start("b").then((b) => settle(a, b));
  expect(told).toBeGreaterThan(quiet);
});
