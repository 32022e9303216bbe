/** Which records that do not count hold the log, and which do not. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Level } from "level";
import { afterEach, beforeEach, expect, it } from "vitest";
import { address } from "../address.ts";
import { RecordIndex } from "./record-index.ts";

let dir: string;
let db: Level<string, string>;
let index: RecordIndex;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "bw-repeats-"));
  db = new Level(dir);
  await db.open();
  index = new RecordIndex(db);
});
afterEach(async () => {
  await db.close();
  rmSync(dir, { recursive: true, force: true });
});

/** The ids of a log, one a record. */
function note(ids: string): void {
  for (const [n, id] of [...ids].entries()) index.note(n + 1, id, address("counter", "c1"));
}

it("a record leaves with all that repeat it, and with what lies between them", async () => {
  note("abcbdaefeg");
  expect(await index.repeats.spared(1, 10)).toBe(10);
  // e at 7 and 9.
  expect(await index.repeats.spared(1, 8)).toBe(7);
  expect(await index.repeats.spared(1, 7)).toBe(7);
  // b at 2 and 4, between the two of a.
  expect(await index.repeats.spared(1, 3)).toBe(1);
  expect(await index.repeats.spared(1, 6)).toBe(1);
});

it("a chain of them is spared as a whole", async () => {
  note("abacbdc");
  expect(await index.repeats.spared(1, 7)).toBe(1);
  expect(await index.repeats.spared(1, 8)).toBe(8);
});

it("it is known to who opens the index next, and read again it is the same", async () => {
  note("abca");
  await index.flush(5);
  note("abca");
  expect(await new RecordIndex(db).repeats.spared(1, 3)).toBe(1);
});

it("what repeats a record that has left holds nothing", async () => {
  note("abcadb");
  expect(await index.repeats.spared(3, 5)).toBe(5);
  // Nor is it kept in mind for longer than the log has it.
  await index.repeats.spared(6, 6);
  expect(await db.keys({ gte: "d!", lt: "d!~" }).all()).toHaveLength(1);
});
