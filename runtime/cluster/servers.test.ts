/** Three servers with three copies of each bucket, one of which is killed. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import type { Bus, Kv } from "../bus/index.ts";
import { Coordinator } from "./coordinator.ts";
import { placementOfAll } from "./placement.ts";
import { joinParty, lagging, type Party } from "./testing-party.ts";
import { startTestServers, type TestServers } from "./testing-servers.ts";
import { timingsOf } from "./timings.ts";

const PARTITIONS = 16;
/** The servers agree on a new leader in four to nine seconds. */
const TTL = 2_000;

interface Node {
  readonly name: string;
  readonly coordinator: Coordinator;
}

let servers: TestServers;
const nodes: Node[] = [];
const wrongs: string[] = [];
const epochs = new Map<number, number>();
let sampler: NodeJS.Timeout;
beforeAll(async () => {
  servers = await startTestServers(3);
  sampler = setInterval(look, 5);
}, 60_000);
afterEach(() => expect(wrongs).toEqual([]));
afterAll(async () => {
  clearInterval(sampler);
  await Promise.all(nodes.map(({ coordinator }) => coordinator.stop()));
  await servers?.stop();
});

function holders(partition: number): string[] {
  return nodes.filter(({ coordinator }) => coordinator.holds(partition, 0)).map(({ name }) => name);
}

function look(): void {
  for (let p = 0; p < PARTITIONS; p++)
    if (holders(p).length > 1) wrongs.push(`partition ${p}: ${holders(p)}`);
}

const owners = () => Array.from({ length: PARTITIONS }, (_, p) => holders(p)[0]);

async function start(name: string, bus: Bus): Promise<void> {
  const coordinator = await Coordinator.start({
    bus,
    buckets: { leases: "LEASES", members: "MEMBERS" },
    replicas: 3,
    node: name,
    partitions: PARTITIONS,
    ttlMs: TTL,
    onAcquire: async (partition, epoch) => {
      if (epoch <= (epochs.get(partition) ?? 0))
        wrongs.push(`epoch ${epoch} of partition ${partition} is not new`);
      epochs.set(partition, epoch);
      look();
    },
    onRelease: async () => {},
  });
  nodes.push({ name, coordinator });
}

it("gives a partition to one of several that take it at the same moment", async () => {
  const timings = timingsOf({ ttlMs: 60_000, heartbeatMs: 500 });
  const parties: Party[] = [];
  try {
    for (const name of ["a", "b", "c"]) {
      const bus = await servers.connect(name);
      const members = await bus.kv("M", { replicas: 3 });
      // What was written last is not known before it has been heard.
      const leases = lagging(await bus.kv("L", { replicas: 3 }), { ms: 20 });
      parties.push(await joinParty(name, { members, leases, timings }));
    }
    for (let round = 0; round < 30; round++) {
      const tries = await Promise.allSettled(parties.map(({ leases, session }) => leases.take(0, session)));
      const winners = parties.filter(({ leases }) => leases.holds(0, 0));
      expect(tries.filter((t) => t.status === "fulfilled")).toHaveLength(1);
      expect(winners).toHaveLength(1);
      const { leases, session } = winners[0]!;
      leases.withdraw(0);
      await leases.release(0, session);
      const { epoch } = leases.of(0)!;
      await expect
        .poll(() => parties.map((p) => p.leases.of(0)!.epoch), { interval: 2 })
        .toEqual(Array(3).fill(epoch));
    }
  } finally {
    for (const party of parties) party.leave();
  }
}, 60_000);

it("lets one of several begin that take a name at the same moment", async () => {
  const timings = timingsOf({ ttlMs: 1_500 });
  let waiting: (() => void)[] = [];
  /** The first write of each waits until all are there, or a moment. */
  const together = (kv: Kv): Kv => {
    let first = true;
    const update: Kv["update"] = async (...args) => {
      if (first) {
        first = false;
        const met = new Promise<void>((resolve) => waiting.push(resolve));
        if (waiting.length === 3) for (const go of waiting.splice(0)) go();
        await Promise.race([met, sleep(500)]);
      }
      return kv.update(...args);
    };
    return new Proxy(kv, { get: (_, name: keyof Kv) => (name === "update" ? update : kv[name].bind(kv)) });
  };
  const ways: { members: Kv; leases: Kv }[] = [];
  for (const name of ["a", "b", "c"]) {
    const bus = await servers.connect(name);
    const members = lagging(await bus.kv("M2", { replicas: 3 }), { ms: 20 });
    ways.push({ members, leases: await bus.kv("L2", { replicas: 3 }) });
  }
  for (let round = 0; round < 6; round++) {
    const first = await joinParty("same", { ...ways[0]!, timings });
    await first.session.leave();
    first.leave();
    waiting = [];
    const tries = await Promise.allSettled(
      ways.map(({ members, leases }) => joinParty("same", { members: together(members), leases, timings })),
    );
    const parties = tries.flatMap((t) => (t.status === "fulfilled" ? [t.value] : []));
    const alive = parties.filter(({ session }) => session.remainingMs() > 0);
    for (const party of parties) {
      await party.session.leave();
      party.leave();
    }
    expect([parties.length, alive.length]).toEqual([1, 1]);
  }
}, 60_000);

it("is shared out, and shared out again when the server that leads the buckets is killed", async () => {
  for (const [i, name] of ["a", "b", "c"].entries()) await start(name, await servers.connect(name, i));
  const want = placementOfAll(PARTITIONS, ["a", "b", "c"]);
  await expect.poll(owners, { timeout: 10_000 }).toEqual(want);

  const leader = (await servers.leaderOf("KV_MEMBERS"))!;
  await servers.kill(leader);
  await expect.poll(owners, { timeout: 30_000, interval: 5 }).not.toEqual(want);
  await expect.poll(owners, { timeout: 60_000 }).toEqual(want);
  await sleep(2 * TTL);
  expect(owners()).toEqual(want);
}, 120_000);
