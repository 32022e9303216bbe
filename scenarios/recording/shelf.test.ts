import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { asset } from "../../runtime/config/paths.ts";
import type { Recording } from "./recording.ts";
import { Shelf } from "./shelf.ts";

const SHIPPED = asset("scenarios", "shop", "recordings", "cancel-order.confirmed.scenario.jsonl");

let dir: string;
let file: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "shelf-"));
  file = join(dir, "x.scenario.jsonl");
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function read(shelf: Shelf): Promise<Recording[]> {
  const found: Recording[] = [];
  for await (const recording of shelf.recordings(file)) found.push(recording);
  return found;
}

it("reads a recording once", async () => {
  await copyFile(SHIPPED, file);
  const shelf = new Shelf();
  const first = await read(shelf);
  expect(first.map(({ header }) => header.id)).toEqual(["cancel-order.confirmed"]);
  await rm(file);
  expect(await read(shelf)).toEqual(first);
});

it("keeps nothing that there is no room for, nor what was not read to its end", async () => {
  for (const room of [0, 100]) {
    await copyFile(SHIPPED, file);
    const shelf = new Shelf(room);
    expect(await read(shelf)).toHaveLength(1);
    await rm(file);
    await expect(read(shelf)).rejects.toThrow("no such file");
  }
  await copyFile(SHIPPED, file);
  const shelf = new Shelf();
  for await (const _ of shelf.recordings(file)) break;
  await rm(file);
  await expect(read(shelf)).rejects.toThrow("no such file");
});
