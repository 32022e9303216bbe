/** What is old enough to leave the log, where the clocks of those who wrote it did not agree. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { address } from "../address.ts";
import type { Bus } from "../bus/bus.ts";
import { subjectsOf } from "../bus/index.ts";
import { startTestServer, type TestServer } from "../bus/testing.ts";
import { newId } from "../ids.ts";
import { OldRecords } from "./age.ts";
import { Appender } from "./appender.ts";
import { Bodies } from "./bodies.ts";
import { WorkspaceKeyRing } from "./keyring.ts";
import { ensureStream, streamState } from "./stream.ts";

const DAY = 24 * 3_600_000;
const to = address("counter", "c1");

let server: TestServer;
let bus: Bus;
let keys: WorkspaceKeyRing;
let dir: string;
let logs = 0;
beforeAll(async () => {
  server = await startTestServer();
  dir = mkdtempSync(join(tmpdir(), "bw-age-"));
  bus = await server.connect();
  keys = await WorkspaceKeyRing.open({ bus, dataDir: dir, workspace: "test" });
});
afterAll(async () => {
  await keys?.close();
  await server?.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** A log of records that say they are of these days from now on; answers from where on it is not older than a day. */
async function logOf(days: readonly number[]) {
  const started = Date.now();
  const stream = `AGE_${++logs}`;
  await ensureStream(bus, stream, [`age.${logs}`]);
  const appender = new Appender(bus, keys, {
    bodies: new Bodies(bus, subjectsOf("test")),
    subject: () => `age.${logs}`,
    partitions: 1,
  });
  for (const day of days) {
    const at = started + day * DAY;
    await appender.append({ id: newId(), type: "add", from: to, to, at, epoch: 0, clear: {}, data: {} });
  }
  const old = new OldRecords(bus, stream);
  const state = await streamState(bus, stream);
  return (since: number, now: number) => old.below(state, started + since * DAY, started + now * DAY);
}

const many = (day: number): number[] => Array.from({ length: 100 }, () => day);

it("what lies behind a younger record is not older than that, whatever it says", async () => {
  const below = await logOf([1, 20, ...many(2)]);
  expect(await below(10, 40)).toBe(2);
  expect(await below(21, 51)).toBe(103);
});

it("of a record that is said to be of a time to come the server knows when it came", async () => {
  const below = await logOf([1, 4_000, ...many(2)]);
  expect(await below(10, 40)).toBe(103);
  expect(await below(-1, 29)).toBe(1);
});

it("a record that is said to be older than it can be is as old as the server knows", async () => {
  const below = await logOf([-400, ...many(-300)]);
  expect(await below(-30, 0)).toBe(1);
  expect(await below(1, 31)).toBe(102);
});

it("when the clock is put back, what was old by it is looked at again", async () => {
  const below = await logOf([...many(1), ...many(12)]);
  expect(await below(20, 50)).toBe(201);
  expect(await below(10, 40)).toBe(101);
  expect(await below(11, 41)).toBe(101);
});
