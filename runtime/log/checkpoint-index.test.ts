/** What the index knows of checkpoints, and of records that have left the log. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Level } from "level";
import { afterEach, beforeEach, expect, it } from "vitest";
import { address } from "../address.ts";
import { dropLeft } from "./checkpoint-index.ts";
import { RecordIndex } from "./record-index.ts";

const a = address("counter", "k", "a");
const b = address("counter", "k", "b");

let dir: string;
let db: Level<string, string>;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "bw-index-"));
  db = new Level(dir);
  await db.open();
});
afterEach(async () => {
  await db.close();
  rmSync(dir, { recursive: true, force: true });
});

it("checkpoints are found before they are written and after, those that reach furthest first", async () => {
  const index = new RecordIndex(db);
  index.note(5, "five", a, 4);
  index.note(9, "nine", a, 8);
  index.note(10, "ten", b, 3);
  // Of a record that does not count there is no checkpoint.
  expect(index.note(11, "nine", a, 10)).toBe(false);
  const want = [
    { seq: 9, covers: 8 },
    { seq: 5, covers: 4 },
  ];
  expect(await index.checkpoints.of(a)).toEqual(want);
  await index.flush(12);
  expect(await index.checkpoints.of(a)).toEqual(want);
  expect(await index.checkpoints.ofKey("k")).toHaveLength(3);
  // And by who opens it next.
  expect(await new RecordIndex(db).checkpoints.of(a)).toEqual(want);
});

it("of what has left the ids stay, and that the actor was there", async () => {
  const index = new RecordIndex(db);
  for (let seq = 1; seq <= 9; seq++) index.note(seq, `id-${seq}`, seq < 6 ? a : b, seq === 5 ? 4 : undefined);
  await index.flush(10);
  expect(index.hasLeft(a)).toBe(false);
  index.left(8);
  expect(index.hasLeft(a)).toBe(true);
  expect(index.hasLeft(b)).toBe(false);
  expect(index.hasLeft(address("counter", "k", "never"))).toBe(false);
  await dropLeft(db, 8);
  expect(await index.ofActor(a)).toEqual([5]);
  expect(await index.ofActor(b)).toEqual([8, 9]);
  expect(index.hasLeft(a)).toBe(true);
  for (let seq = 1; seq <= 9; seq++) {
    expect(index.firstSeq(`id-${seq}`)).toBe(seq);
    expect(index.note(20 + seq, `id-${seq}`, a)).toBe(false);
  }
});
