import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { asset } from "../../runtime/config/paths.ts";
import { readRecordings } from "./read.ts";
import { linesOf, type Recording } from "./recording.ts";

const SHIPPED = asset("scenarios", "shop", "recordings", "cancel-order.confirmed.scenario.jsonl");

let dir: string;
let lines: string[];
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "recordings-"));
  lines = (await readFile(SHIPPED, "utf8")).trimEnd().split("\n");
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function read(text: string | readonly string[]): Promise<Recording[]> {
  const file = join(dir, "x.scenario.jsonl");
  await writeFile(file, typeof text === "string" ? text : `${text.join("\n")}\n`);
  const found: Recording[] = [];
  for await (const recording of readRecordings(file)) found.push(recording);
  return found;
}

describe("recordings", () => {
  it("are written as they were read", async () => {
    const [recording] = await read(lines);
    expect(recording!.header).toMatchObject({
      bailiwick: 1,
      id: "cancel-order.confirmed",
      records: lines.length - 1,
    });
    expect(linesOf(recording!)).toEqual(lines);
  });

  it("lie in one file one after the other, with empty lines between them", async () => {
    expect(await read([...lines, "", ...lines])).toHaveLength(2);
  });

  it("that are cut off are refused with the line", async () => {
    await expect(read(lines.slice(0, -2))).rejects.toThrow(
      new RegExp(
        `x\\.scenario\\.jsonl:${lines.length - 2}: ends after ${lines.length - 3} of ${lines.length - 1} records: it is cut off`,
      ),
    );
    const half = lines.at(-1)!.slice(0, 40);
    await expect(read([...lines.slice(0, -1), half])).rejects.toThrow(
      new RegExp(`:${lines.length}: is no JSON`),
    );
    await expect(read("")).rejects.toThrow(/is empty/);
  });

  it("whose lines changed places are refused with the line", async () => {
    const [header, a, b, ...rest] = lines;
    await expect(read([header!, b!, a!, ...rest])).rejects.toThrow(/:3: record \d+ comes after \d+/);
  });

  it("of a newer release, and what is none, are refused", async () => {
    const newer = { ...JSON.parse(lines[0]!), bailiwick: 2 };
    await expect(read([JSON.stringify(newer), ...lines.slice(1)])).rejects.toThrow(
      /:1: is of a newer release \(format 2, this one reads up to 1\)/,
    );
    await expect(read('{"domain":"retail","messages":[]}')).rejects.toThrow(/:1: is no recording/);
    await expect(read([JSON.stringify({ bailiwick: 1, id: "x" })])).rejects.toThrow(/:1: source: /);
  });

  it("that were edited to say what no record can be are refused by member", async () => {
    const edit = (change: object): string[] => [
      lines[0]!,
      JSON.stringify({ ...JSON.parse(lines[1]!), ...change }),
      ...lines.slice(2),
    ];
    await expect(read(edit({ to: "nowhere" }))).rejects.toThrow(/:2: to: address "nowhere"/);
    await expect(read(edit({ at: "yesterday" }))).rejects.toThrow(/:2: at: /);
    await expect(read(edit({ said: true }))).rejects.toThrow(/:2: .*said/);
    await expect(read(edit({ to: "conversation/other/other" }))).rejects.toThrow(/:2: to: belongs to other/);
  });
});
