/** Nodes that come, go, crash and are cut off in any order: never two owners of a partition, and at last one. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startTestServer, type TestServer } from "../bus/testing.ts";
import { placementOfAll } from "./placement.ts";
import { TestCluster, type TestNode } from "./testing.ts";

const TTL = 500;
const EVENTS = 26;
const NAMES = ["a", "b", "c", "d", "e"];

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ restartWaitMs: 20, unhealthyAfterMs: 60_000 });
});
afterAll(() => server?.stop());

/** To the server as it runs now, if it does. */
function signal(name: NodeJS.Signals, pid = server.server.pid): number | undefined {
  try {
    if (pid !== undefined) process.kill(pid, name);
  } catch {
    // It has ended by itself.
  }
  return pid;
}

/** Numbers from 0 to 1 that follow from the seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

it.each([1, 2, 3])(
  "schedule %i",
  async (seed) => {
    const random = randomOf(seed);
    const upTo = (n: number) => Math.floor(random() * n);
    const cluster = new TestCluster(server, `S${seed}`, {
      ttlMs: TTL,
      skewMs: 120,
      marginMs: 40,
      partitions: 12,
      releaseTimeoutMs: 1_000,
      onAcquire: () => sleep(upTo(30)),
      onRelease: () => sleep(upTo(60)),
    });
    const alive = new Map<string, TestNode>();
    const underWay: Promise<void>[] = [];
    const story: string[] = [];
    const busy = new Set<string>();

    const join = async (name: string) => {
      const node = await cluster.start(name).catch((error: Error) => {
        story.push(`${name} did not join: ${error.message}`);
        return undefined;
      });
      if (node) alive.set(name, node);
    };
    const events: Record<string, (name: string, node: TestNode | undefined) => Promise<void> | undefined> = {
      join: (name, node) => (node ? undefined : join(name)),
      stop: (name, node) => {
        if (!node || alive.size < 2) return undefined;
        alive.delete(name);
        return node.coordinator.stop();
      },
      crash: (name, node) => {
        if (!node || alive.size < 2) return undefined;
        alive.delete(name);
        node.coordinator.abandon();
        node.link.cut();
        return Promise.resolve();
      },
      pause: (_, node) => {
        node?.link.hold();
        return node && sleep(TTL * (0.2 + 2 * random())).then(() => node.link.go());
      },
      cut: (_, node) => node && Promise.resolve(node.link.cut()),
      restart: () => {
        signal("SIGKILL");
        return Promise.resolve();
      },
      freeze: () => {
        const pid = signal("SIGSTOP");
        return sleep(TTL * (0.2 + 1.5 * random())).then(() => void signal("SIGCONT", pid));
      },
    };
    const kinds = [
      ...["join", "join", "join", "join", "stop", "stop", "crash", "crash"],
      ...["pause", "pause", "pause", "cut", "restart", "freeze"],
    ];

    try {
      await join("a");
      await join("b");
      let done = 0;
      let servers = 0;
      while (done < EVENTS) {
        const kind = kinds[upTo(kinds.length)]!;
        const name = NAMES[upTo(NAMES.length)]!;
        const ofServer = kind === "restart" || kind === "freeze";
        if (busy.has(ofServer ? "server" : name) || (ofServer && servers++ >= 3)) {
          await sleep(5);
          continue;
        }
        const key = ofServer ? "server" : name;
        const event = events[kind]!(name, alive.get(name));
        if (!event) continue;
        done++;
        story.push(`${Math.round(performance.now())} ${kind} ${ofServer ? "" : name}`);
        busy.add(key);
        underWay.push(event.finally(() => busy.delete(key)));
        await sleep(upTo(0.8 * TTL));
      }
      await Promise.all(underWay);
      const want = placementOfAll(cluster.partitions, [...alive.keys()]);
      await expect.poll(() => cluster.owners(), { timeout: 20_000, interval: 20 }).toEqual(want);
      for (const { coordinator } of alive.values()) expect(await coordinator.settled(5_000)).toBe(true);
      expect(cluster.wrongs).toEqual([]);
    } catch (error) {
      const errors = cluster.nodes.map((node) => `${node.name}: ${node.errors.slice(-3).join("; ")}`);
      throw new Error([(error as Error).message, ...story, ...errors].join("\n"), { cause: error });
    } finally {
      await cluster.close();
    }
    const acquired = cluster.happened.filter((h) => h.what === "acquire");
    expect(acquired.length).toBeGreaterThan(cluster.partitions);
  },
  90_000,
);
