import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Bus } from "../bus/bus.ts";
import { startTestServer, type TestServer } from "../bus/testing.ts";
import { acknowledged, deleteMessage, ensureStream, messageAt, streamState } from "./stream.ts";
import { deleteStream, hasStream, restoreStream, SnapshotError, snapshotStream } from "./stream-snapshot.ts";

const COUNT = 20_000;
let server: TestServer;
let bus: Bus;

beforeAll(async () => {
  server = await startTestServer();
  bus = await server.connect();
  await ensureStream(bus, "KEPT", ["kept.*"]);
  let underWay: Promise<unknown>[] = [];
  for (let n = 1; n <= COUNT; n++) {
    underWay.push(put(n));
    if (underWay.length === 256) {
      await Promise.all(underWay);
      underWay = [];
    }
  }
  await Promise.all(underWay);
  await deleteMessage(bus, "KEPT", 7);
}, 60_000);
afterAll(() => server?.stop());

/** Not compressible, so that there are many chunks. */
const put = async (n: number): Promise<number> => {
  const text = `${n} ${randomBytes(300).toString("base64")}`;
  return acknowledged(await bus.request(`kept.${n % 8}`, Buffer.from(text), { timeoutMs: 10_000 })).seq;
};
const textAt = async (seq: number): Promise<string | undefined> => {
  const message = await messageAt(bus, "KEPT", seq);
  return message && Buffer.from(message.data).toString("utf8");
};

async function* from(chunks: readonly Uint8Array[]) {
  yield* chunks;
}

it("comes back as it was, with what was written while the snapshot was taken or without", async () => {
  const before = await Promise.all([1, 6, 7, 8, COUNT].map(textAt));
  let writing = true;
  const written: number[] = [];
  const writer = (async () => {
    while (writing) written.push(await put(COUNT + written.length + 1));
  })();
  const snapshot = (await snapshotStream(await server.connect(), "KEPT"))!;
  const chunks: Uint8Array[] = [];
  for await (const chunk of snapshot.chunks) chunks.push(chunk);
  writing = false;
  await writer;
  expect(chunks.length).toBeGreaterThan(20);
  const { created } = await streamState(bus, "KEPT");
  expect(snapshot.created).toBe(created);

  await deleteStream(bus, "KEPT");
  expect(await hasStream(bus, "KEPT")).toBe(false);
  const state = await restoreStream(bus, snapshot, from(chunks));
  expect(state).toMatchObject({ firstSeq: 1, created });
  expect(state.lastSeq).toBeGreaterThanOrEqual(Number(snapshot.state.last_seq));
  expect(state.lastSeq).toBeLessThanOrEqual(written.at(-1)!);
  expect(state.messages).toBe(state.lastSeq - 1);
  expect(await Promise.all([1, 6, 7, 8, COUNT].map(textAt))).toEqual(before);
  expect(before[2]).toBeUndefined();
  // It goes on where it ended.
  expect(await put(1)).toBe(state.lastSeq + 1);
}, 60_000);

it("says that there is no such stream", async () => {
  expect(await snapshotStream(bus, "NONE")).toBeUndefined();
});

it("is given up when nobody takes what comes", async () => {
  const snapshot = (await snapshotStream(bus, "KEPT", { maxWaitingBytes: 500_000 }))!;
  const slow = async (): Promise<void> => {
    for await (const _ of snapshot.chunks) await new Promise((resolve) => setTimeout(resolve, 300));
  };
  await expect(slow()).rejects.toThrow(/KEPT broke off: .* bytes wait to be written/);
});

it("ends at the server when whoever takes it has enough", async () => {
  const snapshot = (await snapshotStream(bus, "KEPT"))!;
  for await (const _ of snapshot.chunks) break;
  expect((await streamState(bus, "KEPT")).messages).toBeGreaterThan(COUNT);
});

it("leaves nothing behind of a snapshot that is damaged", async () => {
  const snapshot = (await snapshotStream(bus, "KEPT"))!;
  const chunks: Uint8Array[] = [];
  for await (const chunk of snapshot.chunks) chunks.push(chunk);
  await deleteStream(bus, "KEPT");
  const cut = chunks.slice(0, chunks.length / 2);
  await expect(restoreStream(bus, snapshot, from(cut))).rejects.toThrow(/restore/i);
  expect(await hasStream(bus, "KEPT")).toBe(false);
  await restoreStream(bus, snapshot, from(chunks));
}, 60_000);

it("ends with an error when the server goes away", async () => {
  const other = await startTestServer();
  try {
    const there = await other.connect();
    await ensureStream(there, "GONE", ["gone"]);
    const body = randomBytes(500_000);
    for (let n = 0; n < 40; n++) await there.request("gone", body, { timeoutMs: 10_000 });
    const snapshot = (await snapshotStream(there, "GONE"))!;
    const read = async (): Promise<void> => {
      for await (const _ of snapshot.chunks) await other.server.stop();
    };
    await expect(read()).rejects.toThrow(SnapshotError);
  } finally {
    await other.stop();
  }
}, 60_000);
