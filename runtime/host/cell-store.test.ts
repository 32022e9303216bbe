/** Rows of actors in LevelDB: what a tenure that is over still had on its way does not undo what was taken over since. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Level } from "level";
import { afterEach, beforeEach, expect, it } from "vitest";
import { address } from "../address.ts";
import { aesSealer, type KeyRing } from "../log/sealer.ts";
import { type CellState, CellStore, type Kept } from "./cell-store.ts";

const to = address("counter", "c1");
/** What another node left of it: open again, and in need of the log from record 9 on. */
const adopted: Kept = { to, open: true, base: 9 };
const state: CellState = {
  version: 1,
  seq: 5,
  at: 5,
  startedAt: 1,
  extent: { first: 1, base: 6, folded: 5, covers: 5 },
  asks: [],
  machine: { snapshot: {}, timers: [] } as unknown as CellState["machine"],
  hash: "",
};
const sealer = aesSealer(new Uint8Array(32));

let dir: string;
let db: Level<string, string>;
/** What a write waits for on its way. */
let gate: Promise<unknown>;
let open: () => void;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "bw-cells-"));
  db = new Level(dir);
  await db.open();
  gate = new Promise<void>((resolve) => {
    open = resolve;
  });
});
afterEach(async () => {
  await db.close();
  rmSync(dir, { recursive: true });
});

const storeOver = (level: Level<string, string>, get: () => Promise<void>) => {
  const keys = { cached: () => undefined, sealer: () => get().then(() => sealer) };
  return new CellStore(level, keys as unknown as KeyRing, () => 0);
};

it("a state whose key came when its partition had been let go of is not written", async () => {
  const store = storeOver(db, () => gate.then(() => {}));
  const cell = { gone: false };
  // It had closed when it was here.
  const late = store.write([{ cell, to, state, closed: true }], new Map());
  cell.gone = true;
  await store.adopt(0, 20, [adopted]);
  open();
  await late;
  expect(await store.summary(0)).toEqual({ position: 20, kept: [adopted] });
  expect(await db.get(`s!counter/c1/c1`)).toBeUndefined();
});

it("what is being written is on disk before a partition's rows are replaced", async () => {
  let held = 0;
  const slow = new Proxy(db, {
    get(target, name) {
      if (name === "batch" && held++ === 0)
        return async (...args: Parameters<typeof db.batch>) => gate.then(() => target.batch(...args));
      const member = Reflect.get(target, name, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
  const store = storeOver(slow, async () => {});
  const cell = { gone: false };
  const late = store.write([{ cell, to, state, closed: true }], new Map());
  while (held === 0) await new Promise((resolve) => setImmediate(resolve));
  cell.gone = true;
  const adopting = store.adopt(0, 20, [adopted]);
  // As long as it would take, did it not wait.
  await Promise.race([adopting, new Promise((resolve) => setTimeout(resolve, 50))]);
  open();
  await Promise.all([late, adopting]);
  expect(await store.summary(0)).toEqual({ position: 20, kept: [adopted] });
});
