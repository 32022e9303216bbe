/** Reading single messages of a stream, from copies that lag behind too. */
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Bus } from "../bus/bus.ts";
import { startTestServers, type TestServers } from "../cluster/testing-servers.ts";
import { deleteMessage, ensureStream, lastOf, messageAt, messageFrom } from "./stream.ts";

const DIRECT = "$JS.API.DIRECT.GET.";
let servers: TestServers;
let bus: Bus;
/** Answers direct gets as a copy does that has nothing yet: what it says is the server's own answer for a sequence far ahead. */
let behind: Bus;
let missed = 0;

beforeAll(async () => {
  servers = await startTestServers();
  bus = await servers.connect("test");
  await ensureStream(bus, "KEPT", ["kept.>"], { replicas: 3 });
  const headers = { "Bw-Id": "m2", "Bw-Note": "a: b" };
  await bus.request("kept.a", Buffer.from("one"), { timeoutMs: 10_000 });
  await bus.request("kept.a", Buffer.from("two"), { headers, timeoutMs: 10_000 });
  await bus.request("kept.b", Buffer.from("three"), { timeoutMs: 10_000 });
  await bus.request("kept.b", new Uint8Array(), { timeoutMs: 10_000 });
  await deleteMessage(bus, "KEPT", 3);
  behind = Object.create(bus) as Bus;
  behind.request = (subject, data, options) => {
    if (!subject.startsWith(DIRECT)) return bus.request(subject, data, options);
    missed++;
    return bus.request(`${DIRECT}KEPT`, Buffer.from('{"seq":1000000}'), options);
  };
}, 120_000);
afterAll(() => servers?.stop());

it("has what the leader has where a copy lags behind", async () => {
  const second = (await messageAt(behind, "KEPT", 2))!;
  expect(Buffer.from(second.data).toString()).toBe("two");
  expect(second.header("bw-id")).toBe("m2");
  expect(second.header("Bw-Note")).toBe("a: b");
  expect(second.header("Bw-None")).toBeUndefined();
  expect(second.takenAt).toBe((await messageAt(bus, "KEPT", 2))!.takenAt);
  expect((await messageFrom(behind, "KEPT", 3))?.seq).toBe(4);
  expect(await lastOf(behind, "KEPT", "kept.a")).toMatchObject({ seq: 2, data: second.data });
  expect((await messageAt(behind, "KEPT", 4))?.data).toHaveLength(0);
  expect(missed).toBe(4);
});

it("has nothing where there is none", async () => {
  for (const by of [bus, behind]) {
    expect(await messageAt(by, "KEPT", 3)).toBeUndefined();
    expect(await messageFrom(by, "KEPT", 5)).toBeUndefined();
    expect(await lastOf(by, "KEPT", "kept.none")).toBeUndefined();
  }
});
