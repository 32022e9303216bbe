import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startTestServer, type TestServer } from "../../runtime/bus/testing.ts";
import { systemClock } from "../../runtime/clock.ts";
import { openKeyRing, type WorkspaceKeyRing } from "../../runtime/log/keyring.ts";
import { type MemoryDb, openDatabase } from "./database.ts";
import { FactStore } from "./facts.ts";
import { TurnStore } from "./turns.ts";

let server: TestServer;
let dir: string;
let keys: WorkspaceKeyRing;
let db: MemoryDb;

beforeAll(async () => {
  server = await startTestServer();
  dir = mkdtempSync(join(tmpdir(), "memory-"));
  keys = await openKeyRing({ bus: await server.connect(), workspace: "main", dataDir: dir });
  db = await openDatabase(join(dir, "memory"));
});
afterAll(async () => {
  keys?.close();
  await db?.close();
  await server?.stop();
  rmSync(dir, { recursive: true, force: true });
});

it("destroying a customer's key takes with it what was said before he was known", async () => {
  const facts = new FactStore(db, keys, systemClock);
  const turns = new TurnStore(db, keys);
  await turns.add([{ conversation: "conv1", turn: 1, at: 1, text: "I am Ada", reply: "Hello Ada" }]);
  const source = { conversation: "conv1", at: 2 };
  await facts.remember({
    id: "f1",
    customer: "ada",
    type: "note",
    text: "likes engines",
    value: null,
    source,
  });
  await keys.wrapUnder("conv1", "ada");
  expect(await turns.of("conv1")).toHaveLength(1);

  await keys.destroy("ada");
  expect(await facts.all("ada")).toEqual([]);
  expect(await turns.of("conv1")).toEqual([]);
  const again = { id: "f2", customer: "ada", type: "note", text: "is back", value: null, source };
  expect(await facts.remember(again)).toEqual({ stored: false, reason: "erased" });
});
