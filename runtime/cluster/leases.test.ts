/** Sessions and leases by themselves, without the coordinator that drives them. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Bus, Kv, KvWatch } from "../bus/bus.ts";
import { startTestServer, type TestServer } from "../bus/testing.ts";
import { type Clock, ShiftedClock } from "../clock.ts";
import { LeaseTakenError, NodeNameTakenError, PartitionCountError } from "./errors.ts";
import { encode, nodeKey, partitionKey } from "./records.ts";
import { joinParty, lagging, type Party, type PartyOptions } from "./testing-party.ts";
import { timingsOf } from "./timings.ts";

const TTL = 600;
const SKEW = 150;
const timings = timingsOf({ ttlMs: TTL, skewMs: SKEW, marginMs: 50 });

let server: TestServer;
let bus: Bus;
let count = 0;
let kvs: { members: Kv; leases: Kv };
const parties: Party[] = [];
const watches: KvWatch[] = [];
beforeAll(async () => {
  server = await startTestServer();
  bus = await server.connect();
});
afterAll(() => server?.stop());
beforeEach(async () => {
  const name = `L${++count}`;
  const options = { attemptMs: timings.attemptMs };
  kvs = { members: await bus.kv(`${name}_M`, options), leases: await bus.kv(`${name}_L`, options) };
});
afterEach(() => {
  for (const party of parties.splice(0)) party.leave();
  for (const watch of watches.splice(0)) watch.stop();
});

async function join(node: string, options: Partial<PartyOptions> = {}): Promise<Party> {
  const party = await joinParty(node, { ...kvs, timings, ...options });
  parties.push(party);
  return party;
}

/** The bucket, with something done to its answers to updates. */
function updatesThrough(kv: Kv, passed: (revision: number) => Promise<number>): Kv {
  return new Proxy(kv, {
    get: (_, name: keyof Kv) => {
      if (name !== "update") return kv[name].bind(kv);
      return async (...args: Parameters<Kv["update"]>) => passed(await kv.update(...args));
    },
  });
}

const held = ({ leases }: Party, partition = 0) => leases.holds(partition, 0);

describe("a session", () => {
  it("is renewed: it outlives its time to live, and one write serves all partitions", async () => {
    const a = await join("a");
    for (let p = 0; p < 4; p++) await a.leases.take(p, a.session);
    const written: string[] = [];
    const watch = kvs.leases.watch({ onAll: () => {}, onEntry: (e) => void written.push(e.key) });
    watches.push(watch);
    const first = (await kvs.members.get(nodeKey("a")))!.revision;
    for (const end = performance.now() + 2.5 * TTL; performance.now() < end; await sleep(10)) {
      for (let p = 0; p < 4; p++) expect(a.leases.holds(p, timings.marginMs)).toBe(true);
    }
    const renewals = (await kvs.members.get(nodeKey("a")))!.revision - first;
    expect(renewals).toBeGreaterThanOrEqual(5);
    expect(renewals).toBeLessThanOrEqual(9);
    expect(written).toEqual([]);
  });

  it("tells the others what the node says of itself", async () => {
    await join("a");
    const b = await join("b.example-1");
    const told = b.members.list();
    expect(told.map(({ node, state, info }) => ({ node, state, info }))).toEqual([
      { node: "a", state: "live", info: { gateway: "http://a" } },
      { node: "b.example-1", state: "live", info: { gateway: "http://b.example-1" } },
    ]);
  });

  it("of a name that is alive is refused", async () => {
    const a = await join("a");
    await expect(join("a")).rejects.toThrow(NodeNameTakenError);
    await expect(join("a")).rejects.toThrow(/a node named "a" is running already/);
    expect(a.session.remainingMs()).toBeGreaterThan(0);
    expect(a.lost).toEqual([]);
  });

  it("of a name whose last session was left begins at once", async () => {
    const a = await join("a");
    expect(await a.session.leave()).toBe(true);
    expect(a.session.remainingMs()).toBe(0);
    const began = performance.now();
    await join("a");
    expect(performance.now() - began).toBeLessThan(TTL / 2);
  });

  it("of a name that crashed begins when the lost one has lapsed", async () => {
    const a = await join("a");
    await a.leases.take(0, a.session);
    a.session.abandon();
    const began = performance.now();
    const again = await join("a");
    expect(performance.now() - began).toBeGreaterThan(TTL / 2);
    expect(performance.now() - began).toBeLessThan(TTL + SKEW + 1_000);
    expect(held(a)).toBe(false);
    expect(again.leases.isTakeable(0, again.session)).toBe(true);
  });

  it("under the same holder begins without waiting: the earlier process has ended", async () => {
    const a = await join("a", { holder: "disk 1" });
    const epoch = await a.leases.take(0, a.session);
    a.session.abandon();
    const began = performance.now();
    const again = await join("a", { holder: "disk 1" });
    expect(await again.leases.take(0, again.session)).toBeGreaterThan(epoch);
    expect(performance.now() - began).toBeLessThan(TTL / 2);
  });

  it("of two that begin at once under one name is one", async () => {
    const both = await Promise.allSettled([join("a"), join("a")]);
    expect(both.map((r) => r.status).sort()).toEqual(["fulfilled", "rejected"]);
  });

  it("goes on when the answer to a renewal is lost", async () => {
    let lose = 0;
    const flaky = updatesThrough(kvs.members, async (revision) => {
      if (lose-- > 0) throw new Error("the answer was lost");
      return revision;
    });
    const a = await join("a", { members: flaky });
    lose = 2;
    await sleep(2 * TTL);
    expect(a.lost).toEqual([]);
    expect(a.session.remainingMs()).toBeGreaterThan(0);
    expect(lose).toBeLessThan(0);
  });

  it("counts from when a renewal was sent, not from when it was answered", async () => {
    let late = 0;
    const slow = updatesThrough(kvs.members, async (revision) => {
      await sleep(late);
      return revision;
    });
    const a = await join("a", { members: slow });
    late = TTL / 3;
    const began = performance.now();
    while (performance.now() - began < 2 * TTL) {
      expect(a.session.remainingMs()).toBeLessThanOrEqual(TTL);
      await sleep(5);
      // The renewal under way was sent after the one that counts, and no answer comes sooner than it may.
      if (performance.now() - began > TTL) expect(a.session.remainingMs()).toBeLessThan(TTL - late + 50);
    }
    expect(a.lost).toEqual([]);
  });

  it("that is over stays over, though a renewal is acknowledged later", async () => {
    let late = 0;
    const slow = updatesThrough(kvs.members, async (revision) => {
      await sleep(late);
      return revision;
    });
    const a = await join("a", { members: slow });
    // Sent before its time was up, answered after, and before the time that it would have brought was up.
    late = 0.8 * TTL;
    await expect.poll(() => a.lost, { timeout: 5_000 }).toEqual(["it was not renewed in time"]);
    for (const end = performance.now() + 2 * TTL; performance.now() < end; await sleep(5)) {
      expect(a.session.remainingMs()).toBe(0);
    }
  });

  it("is not judged by one who has missed its renewals: the judgement expects what was seen", async () => {
    const a = await join("a");
    const lag = { ms: 0 };
    const b = await join("b", { members: lagging(kvs.members, lag) });
    lag.ms = 2 * TTL;
    for (const end = performance.now() + 4 * TTL; performance.now() < end; await sleep(10)) {
      expect(a.session.remainingMs()).toBeGreaterThan(0);
      expect(b.members.list()[0]).toMatchObject({ node: "a", state: "live" });
    }
    expect(a.lost).toEqual([]);
  });

  it("is lost at once when somebody else writes it", async () => {
    const a = await join("a");
    await a.leases.take(0, a.session);
    const stranger = { id: "x", state: "live", ttlMs: TTL, holder: "x", since: 0, info: {} } as const;
    await kvs.members.put(nodeKey("a"), encode(stranger));
    await expect.poll(() => held(a), { interval: 2, timeout: TTL / 2 }).toBe(false);
    await expect.poll(() => a.lost).toEqual(["another session began under this node's name"]);
  });

  it("is judged by the others when it is silent, and not before its own node has stopped believing", async () => {
    const [a, b] = [await join("a"), await join("b")];
    await a.leases.take(0, a.session);
    a.session.abandon();
    const silent = performance.now();
    while (b.members.session("a")?.record?.state !== "lapsed") {
      if (held(a)) expect(b.leases.isTakeable(0, b.session)).toBe(false);
      expect(performance.now() - silent).toBeLessThan(TTL + SKEW + 2_000);
      await sleep(1);
    }
    expect(performance.now() - silent).toBeGreaterThan(TTL / 3);
    expect(held(a)).toBe(false);
    expect(b.leases.isTakeable(0, b.session)).toBe(true);
  });

  it("whose record vanished is judged all the same", async () => {
    const [a, b] = [await join("a"), await join("b")];
    await a.leases.take(0, a.session);
    a.session.abandon();
    await kvs.members.purge(nodeKey("a"));
    await expect.poll(() => b.leases.isTakeable(0, b.session), { timeout: TTL + SKEW + 2_000 }).toBe(true);
    expect(held(a)).toBe(false);
  });
});

describe("the clock", () => {
  it("decides at the call: a process that comes back after its time does not believe, whatever it has heard", async () => {
    const clock = new ShiftedClock();
    const [a, b] = [await join("a", { clock }), await join("b")];
    await a.leases.take(0, a.session);
    expect(a.leases.holds(0, timings.marginMs)).toBe(true);
    clock.advance(TTL - timings.marginMs);
    expect([a.leases.holds(0, timings.marginMs), held(a)]).toEqual([false, true]);
    clock.advance(timings.marginMs);
    expect(held(a)).toBe(false);
    // What is over does not come back, though nobody has judged it and its renewals would be taken.
    await sleep(TTL / 2);
    expect(held(a)).toBe(false);
    expect(a.lost).toEqual(["it was not renewed in time"]);
    expect(b.members.session("a")?.record?.state).toBe("live");
    // Nor did it judge the others by its clock.
    expect(b.session.remainingMs()).toBeGreaterThan(0);
  });

  it("of the wall counts as well: the monotonic one stands still while a machine is suspended", async () => {
    let slept = 0;
    const clock: Clock = { monotonic: () => performance.now(), now: () => Date.now() + slept };
    const a = await join("a", { clock });
    await a.leases.take(0, a.session);
    slept = TTL;
    expect(held(a)).toBe(false);
    await expect.poll(() => a.lost).toHaveLength(1);
  });
});

describe("a lease", () => {
  it("is had by one, and its epochs grow from owner to owner", async () => {
    const [a, b] = [await join("a"), await join("b")];
    const first = await a.leases.take(0, a.session);
    expect([held(a), held(b)]).toEqual([true, false]);
    expect(a.leases.epochOf(0)).toBe(first);
    await expect.poll(() => b.leases.ownerOf(0)).toMatchObject({ node: "a", epoch: first });
    expect(b.leases.isTakeable(0, b.session)).toBe(false);
    a.leases.withdraw(0);
    await a.leases.release(0, a.session);
    await expect.poll(() => b.leases.isTakeable(0, b.session)).toBe(true);
    const second = await b.leases.take(0, b.session);
    expect(second).toBeGreaterThan(first);
    expect([held(a), held(b)]).toEqual([false, true]);
    expect(JSON.parse(Buffer.from((await kvs.leases.get(partitionKey(0)))!.value).toString())).toMatchObject({
      node: "b",
      session: b.session.id,
      since: expect.any(Number),
    });
  });

  it("is taken by one of many that try at once", async () => {
    for (const name of ["a", "b", "c", "d"]) await join(name);
    for (let round = 0; round < 10; round++) {
      const tries = await Promise.allSettled(parties.map(({ leases, session }) => leases.take(0, session)));
      expect(tries.filter((t) => t.status === "fulfilled")).toHaveLength(1);
      const winner = tries.findIndex((t) => t.status === "fulfilled");
      expect(parties.map((p) => held(p))).toEqual(parties.map((_, i) => i === winner));
      for (const t of tries) if (t.status === "rejected") expect(t.reason).toBeInstanceOf(LeaseTakenError);
      const { leases, session } = parties[winner]!;
      leases.withdraw(0);
      await leases.release(0, session);
      for (const p of parties) await p.leases.view.settled();
    }
  });

  it("is not open to one who has not heard of its session yet", async () => {
    const b = await join("b", { members: lagging(kvs.members, { ms: 200 }) });
    const a = await join("a");
    const epoch = await a.leases.take(0, a.session);
    await expect.poll(() => b.leases.of(0)).toMatchObject({ node: "a", epoch });
    expect(b.members.session("a")).toBeUndefined();
    while (!b.members.session("a")) {
      expect(b.leases.isTakeable(0, b.session)).toBe(false);
      await sleep(5);
    }
    expect(b.leases.isTakeable(0, b.session)).toBe(false);
  });

  it("is not released while it is believed in", async () => {
    const a = await join("a");
    await a.leases.take(0, a.session);
    await expect(a.leases.release(0, a.session)).rejects.toThrow(/while it is believed in/);
  });

  it("ends with the session, for its own node before for the others", async () => {
    const [a, b] = [await join("a"), await join("b")];
    const epoch = await a.leases.take(0, a.session);
    const leave = a.session.leave();
    expect(held(a)).toBe(false);
    await leave;
    await expect.poll(() => b.leases.isTakeable(0, b.session)).toBe(true);
    expect(await b.leases.take(0, b.session)).toBeGreaterThan(epoch);
  });

  it("that was written by somebody else is worth nothing", async () => {
    const a = await join("a");
    await a.leases.take(0, a.session);
    await kvs.leases.put(partitionKey(0), encode({ node: "x", session: "x", at: 1, since: 0 }));
    await expect.poll(() => a.leases.isUsurped(0)).toBe(true);
  });

  it("is for a number of partitions that is fixed by the first", async () => {
    await join("a", { partitions: 4 });
    await expect(join("b", { partitions: 8 })).rejects.toThrow(PartitionCountError);
    await expect(join("b", { partitions: 8 })).rejects.toThrow(/has 4 partitions.*configured for 8/);
  });
});
