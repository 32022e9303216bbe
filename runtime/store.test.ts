import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openStore } from "./store.ts";

let dir: string;
const reasons: string[] = [];
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "bw-store-"));
  reasons.length = 0;
  const store = await openStore(dir);
  await store.batch(
    Array.from({ length: 200 }, (_, i) => ({ type: "put", key: `k${i}`, value: "x".repeat(500) }) as const),
  );
  // Not in the types of `level`, which are those of every store.
  await (store as unknown as { compactRange(from: string, to: string): Promise<void> }).compactRange(
    "k",
    "l",
  );
  await store.put("late", "1");
  await store.close();
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const file = (pattern: RegExp) => join(dir, readdirSync(dir).find((name) => pattern.test(name))!);
const reopen = () => openStore(dir, (reason) => reasons.push(reason));

it.each([
  ["its list of files", /^MANIFEST/, 3],
  ["the name of that list", /^CURRENT/, 3],
  ["a table", /\.ldb$/, 100],
])("a store that lost the end of %s is built anew, and said to be damaged", async (_what, pattern, bytes) => {
  truncateSync(file(pattern), bytes);
  const store = await reopen();
  expect(reasons).toHaveLength(1);
  expect(await store.keys().all()).toEqual([]);
  await store.put("a", "1");
  await store.close();
});

it("a store without one of its tables is built anew", async () => {
  rmSync(file(/\.ldb$/));
  const store = await reopen();
  expect(reasons).toHaveLength(1);
  await store.close();
});

it("what was written last may be missing after a crash: that is no damage", async () => {
  const log = file(/\.log$/);
  truncateSync(log, Math.floor(statSync(log).size / 2));
  const store = await reopen();
  expect(reasons).toEqual([]);
  expect(store.getSync("k7")).toBe("x".repeat(500));
  expect(store.getSync("late")).toBeUndefined();
  await store.close();
});

it("a store that somebody else has open is left alone", async () => {
  const store = await reopen();
  await expect(reopen()).rejects.toMatchObject({ cause: { code: "LEVEL_LOCKED" } });
  expect(reasons).toEqual([]);
  expect(store.getSync("k7")).toBe("x".repeat(500));
  await store.close();
});
