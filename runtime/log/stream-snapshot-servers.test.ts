/** Snapshots of streams with copies: taken of a cluster of servers, restored on one, and the other way round. */
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Bus } from "../bus/bus.ts";
import { startTestServer, type TestServer } from "../bus/testing.ts";
import { startTestServers, type TestServers } from "../cluster/testing-servers.ts";
import { ensureStream, messageAt } from "./stream.ts";
import { deleteStream, restoreStream, snapshotStream } from "./stream-snapshot.ts";

const COUNT = 3_000;
let three: TestServers;
let one: TestServer;
let cluster: Bus;
let single: Bus;

beforeAll(async () => {
  three = await startTestServers();
  one = await startTestServer();
  cluster = await three.connect("test");
  single = await one.connect();
}, 120_000);
afterAll(async () => {
  await three?.stop();
  await one?.stop();
});

/** Takes a stream here, and makes it there with so many copies. */
async function move(from: Bus, to: Bus, replicas: number): Promise<void> {
  const snapshot = (await snapshotStream(from, "KEPT"))!;
  const chunks: Uint8Array[] = [];
  for await (const chunk of snapshot.chunks) chunks.push(chunk);
  const head = { ...snapshot, config: { ...snapshot.config, num_replicas: replicas } };
  const state = await restoreStream(
    to,
    head,
    (async function* () {
      yield* chunks;
    })(),
  );
  expect(state).toMatchObject({ firstSeq: 1, lastSeq: COUNT, messages: COUNT });
  for (const seq of [1, COUNT / 2, COUNT])
    expect(Buffer.from((await messageAt(to, "KEPT", seq))!.data).toString()).toMatch(new RegExp(`^${seq} `));
}

it("goes from three copies to one, and to three again", async () => {
  await ensureStream(cluster, "KEPT", ["kept"], { replicas: 3 });
  for (let n = 1; n <= COUNT; n++)
    await cluster.request("kept", Buffer.from(`${n} ${"x".repeat(n % 700)}`), { timeoutMs: 10_000 });
  await move(cluster, single, 1);
  await deleteStream(cluster, "KEPT");
  await move(single, cluster, 3);
  // It has a leader that takes what is new.
  const answer = await cluster.request("kept", Buffer.from("more"), { timeoutMs: 10_000 });
  expect(JSON.parse(Buffer.from(answer.data).toString())).toMatchObject({ seq: COUNT + 1 });
}, 120_000);
