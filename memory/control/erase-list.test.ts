import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { defaultEraseList, EraseList, EraseListError, readErasures } from "./erase-list.ts";

let base: string;
let list: EraseList;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "bw-erased-"));
  list = new EraseList(join(base, "lists", "erased.jsonl"), "main");
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

it("keeps who was erased, readable for its owner alone, without a name", () => {
  const at = new Date("2026-11-29T10:00:00Z");
  list.note("hash1", ["conv1", "conv2"], at);
  list.note("hash2", [], at);
  expect(list.all()).toEqual([
    { workspace: "main", customer: "hash1", conversations: ["conv1", "conv2"], at: at.toISOString() },
    { workspace: "main", customer: "hash2", conversations: [], at: at.toISOString() },
  ]);
  expect(statSync(list.file).mode & 0o777).toBe(0o600);
});

it("takes what another node has erased once, however often it hears of it, and what belongs to it later", () => {
  const at = Date.UTC(2026, 10, 29);
  list.note("hash1", ["conv1"]);
  list.heard("hash1", ["conv1"], at);
  list.heard("hash2", ["conv2"], at);
  list.heard("hash2", [], at);
  new EraseList(list.file, "main").heard("hash2", ["conv2"], at);
  expect(list.all().map(({ customer }) => customer)).toEqual(["hash1", "hash2"]);
  expect(list.all()[1]!.at).toBe("2026-11-29T00:00:00.000Z");
  list.heard("hash2", ["conv2", "conv3"], at);
  expect(list.all()[2]).toMatchObject({ customer: "hash2", conversations: ["conv2", "conv3"] });
});

it("is of one workspace, whoever else writes into the file", () => {
  new EraseList(list.file, "other").note("hash1", []);
  list.note("hash2", []);
  expect(list.all().map(({ customer }) => customer)).toEqual(["hash2"]);
  expect(readErasures(list.file)).toHaveLength(2);
});

it("counts customers, and takes what another list knows once", () => {
  list.note("hash1", []);
  list.note("hash1", ["conv1"]);
  expect(list.count).toBe(1);
  const copy = new EraseList(join(base, "copy.jsonl"), "main");
  expect(copy.adopt(list.all())).toBe(2);
  expect(copy.adopt(list.all())).toBe(0);
  expect(copy.all()).toEqual(list.all());
});

it("is empty when it was made and nobody was erased, which is not the same as missing", () => {
  expect(readErasures(list.file)).toBeUndefined();
  list.ensure();
  list.ensure();
  expect(readErasures(list.file)).toEqual([]);
});

it("goes on behind a line that a crash cut off, and says so of one that is damaged", () => {
  list.note("hash1", []);
  appendFileSync(list.file, '\n{"workspace":"main","cust');
  list.note("hash2", []);
  expect(list.all().map(({ customer }) => customer)).toEqual(["hash1", "hash2"]);
  writeFileSync(
    list.file,
    readFileSync(list.file, "utf8").replace('"customer":"hash1"', '"customer:"hash1"'),
  );
  expect(() => list.all()).toThrow(/line 2 is damaged/);
  writeFileSync(list.file, '{"workspace":"main"}\n');
  expect(() => list.all()).toThrow(EraseListError);
});

it("says where it can't be written, and how to mend it", () => {
  writeFileSync(join(base, "file"), "");
  const closed = new EraseList(join(base, "file", "erased.jsonl"), "main");
  expect(() => closed.note("hash1", [])).toThrow(/cannot be written .*backup\.eraseList/);
  expect(existsSync(closed.file)).toBe(false);
});

it("lies beside the data directory", () => {
  expect(defaultEraseList("/srv/desk/.bailiwick/")).toBe("/srv/desk/.bailiwick-erased.jsonl");
});
