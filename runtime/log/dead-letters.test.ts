import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Bus } from "../bus/bus.ts";
import { startTestServer, type TestServer } from "../bus/testing.ts";
import { DeadLetters } from "./dead-letters.ts";
import { openKeyRing, type WorkspaceKeyRing } from "./keyring.ts";
import { ensureStream, messageAt } from "./stream.ts";

const dir = mkdtempSync(join(tmpdir(), "bw-dead-"));
let server: TestServer;
let bus: Bus;
let keys: WorkspaceKeyRing;
let letters: DeadLetters;
beforeAll(async () => {
  server = await startTestServer();
  bus = await server.connect();
  keys = await openKeyRing({ bus, workspace: "test", dataDir: dir });
  await ensureStream(bus, "LOG", ["log.*"]);
  letters = new DeadLetters(bus, keys, { stream: "DEAD", subject: "dead", log: "LOG" });
  await letters.open();
});
afterAll(async () => {
  keys.close();
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

const original = Buffer.from([0, 255, 1, 2]);

it("are kept once, listed oldest first, shown and dropped", async () => {
  const first = { recordId: "r1", seq: 1, to: "a/b/c", type: "add", attempts: 3, reason: "it broke" };
  await letters.put({ ...first, original, key: "b" });
  await letters.put({ ...first, original, key: "b" });
  await letters.put({ seq: 2, attempts: 0, reason: "no JSON", original });
  const all = await letters.list();
  expect(all.map((l) => [l.number, l.recordId, l.reason])).toEqual([
    [1, "r1", "it broke"],
    [2, undefined, "no JSON"],
  ]);
  expect(await letters.show(1)).toMatchObject(first);
  expect(Buffer.from((await letters.original(1))!)).toEqual(original);
  await letters.drop(1);
  expect(await letters.show(1)).toBeUndefined();
  expect(await letters.original(1)).toBeUndefined();
  expect((await letters.list()).map((l) => l.number)).toEqual([2]);
  expect(await letters.count()).toBe(1);
});

it("keep a reason, which may quote somebody, under his key only", async () => {
  await letters.put({ recordId: "r3", seq: 3, attempts: 1, reason: "of Ada Lovelace", original, key: "ada" });
  const [letter] = (await letters.list()).slice(-1);
  expect(letter!.reason).toBe("of Ada Lovelace");
  const raw = Buffer.from((await messageAt(bus, "DEAD", letter!.number))!.data).toString();
  expect(raw).not.toContain("Lovelace");
  await keys.destroy("ada");
  expect((await letters.show(letter!.number))!.reason).toBe("erased");
  // Nor is one written in clear for somebody who is erased already.
  await letters.put({ recordId: "r4", seq: 4, attempts: 1, reason: "of Ada Lovelace", original, key: "ada" });
  const [late] = (await letters.list()).slice(-1);
  expect(late!.reason).toBe("erased");
});

it("fit, however large the record and its reason", async () => {
  const large = Buffer.alloc(bus.maxPayload - 100, 7);
  const answer = await bus.request("log.0", large);
  const { seq } = JSON.parse(Buffer.from(answer.data).toString());
  await letters.put({ seq, attempts: 0, reason: "x".repeat(2_000_000), original: large });
  const [letter] = (await letters.list()).slice(-1);
  expect(letter!.reason).toHaveLength(8_000);
  expect(Buffer.from((await letters.original(letter!.number))!)).toEqual(large);
});
