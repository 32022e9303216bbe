/** A process that is stopped by a signal and goes on after its lease has lapsed: the one case that no timer can catch. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startTestServer, type TestServer } from "../bus/testing.ts";
import { type CompiledProgram, compileForNode } from "../bus/testing-node.ts";
import { placementOfAll } from "./placement.ts";
import { TestCluster } from "./testing.ts";

const TTL = 800;
const SKEW = 200;
const PARTITIONS = 8;

interface Said {
  readonly at: number;
  readonly what: string;
  readonly partition?: number;
  readonly epoch?: number;
  readonly before?: boolean;
  readonly after?: boolean;
}

let program: CompiledProgram;
let server: TestServer;
let child: ChildProcess | undefined;
beforeAll(async () => {
  [program, server] = await Promise.all([
    compileForNode("runtime/cluster/paused.fixture.ts"),
    startTestServer(),
  ]);
});
afterAll(async () => {
  child?.kill("SIGKILL");
  await server?.stop();
  program?.remove();
});

const now = () => Number(process.hrtime.bigint()) / 1e6;

it("finds on its return that it holds nothing, and is given its share back under a higher epoch", async () => {
  const taken: { readonly partition: number; readonly epoch: number; readonly at: number }[] = [];
  const cluster = new TestCluster(server, "PAUSED", {
    partitions: PARTITIONS,
    ttlMs: TTL,
    skewMs: SKEW,
    onAcquire: async (partition, epoch) => void taken.push({ partition, epoch, at: now() }),
  });
  try {
    const a = await cluster.start("a");
    const { url, user, pass } = server;
    const settings = {
      url,
      user,
      pass,
      node: "b",
      buckets: cluster.buckets,
      partitions: PARTITIONS,
      ttlMs: TTL,
    };
    child = spawn(process.execPath, [program.file, JSON.stringify({ ...settings, skewMs: SKEW })], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const said: Said[] = [];
    createInterface({ input: child.stdout! }).on("line", (line) => said.push(JSON.parse(line)));
    await expect.poll(() => said.some((s) => s.what === "ready"), { timeout: 20_000 }).toBe(true);
    expect(await a.coordinator.settled(5_000)).toBe(true);
    const share = placementOfAll(PARTITIONS, ["a", "b"]).flatMap((node, p) => (node === "b" ? [p] : []));
    const epochs = new Map(said.flatMap((s) => (s.what === "acquire" ? [[s.partition!, s.epoch!]] : [])));
    expect([...epochs.keys()].sort()).toEqual(share);

    taken.splice(0);
    await sleep(TTL / 2);
    const paused = now();
    child.stdin!.write("pause\n");
    await expect.poll(() => taken.map((t) => t.partition).sort(), { timeout: 10_000 }).toEqual(share);
    // Not before the last renewal that it can have sent had run out.
    expect(Math.min(...taken.map((t) => t.at)) - paused).toBeGreaterThan(TTL / 3);
    for (const { partition, epoch } of taken) expect(epoch).toBeGreaterThan(epochs.get(partition)!);
    expect(cluster.owners()).toEqual(Array(PARTITIONS).fill("a"));
    const mark = said.length;
    child.kill("SIGCONT");

    await expect
      .poll(() => said.slice(mark)[0])
      .toMatchObject({ what: "returned", before: true, after: false });
    const lost = () => said.slice(mark).filter((s) => s.what === "lost");
    await expect
      .poll(() =>
        lost()
          .map((s) => s.partition)
          .sort(),
      )
      .toEqual(share);
    const back = () => said.slice(mark).filter((s) => s.what === "acquire");
    await expect
      .poll(
        () =>
          back()
            .map((s) => s.partition)
            .sort(),
        { timeout: 10_000 },
      )
      .toEqual(share);
    for (const { partition, epoch } of back()) {
      expect(epoch).toBeGreaterThan(taken.find((t) => t.partition === partition)!.epoch);
    }
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    expect((await ended)[0]).toBe(0);
    await expect.poll(() => cluster.owners()).toEqual(Array(PARTITIONS).fill("a"));
  } finally {
    await cluster.close();
  }
  expect(cluster.wrongs).toEqual([]);
}, 60_000);
