/** Decoders against what the real writers make: LevelDB with and without compression, nats-server's snapshots. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Level } from "level";
import { extract } from "tar-stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startTestServer } from "../../runtime/bus/testing.ts";
import { ensureStream } from "../../runtime/log/stream.ts";
import { snapshotStream } from "../../runtime/log/stream-snapshot.ts";
import { LevelFileError, logRecords, tableEntries } from "./leveldb-files.ts";
import { decodeBlock, decodeS2, S2Error } from "./s2.ts";

/** What `level` is on Node. */
interface ClassicLevel {
  compactRange(from: string, to: string): Promise<void>;
}

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "bw-formats-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const filesOf = (pattern: RegExp): Buffer[] =>
  readdirSync(dir)
    .filter((name) => pattern.test(name))
    .map((name) => readFileSync(join(dir, name)));

describe("LevelDB's files", () => {
  it.each([true, false])("tables are read entry by entry (compressed: %s)", async (compression) => {
    const db = new Level(dir, { compression, valueEncoding: "utf8" });
    await db.open();
    const rows = new Map<string, string>();
    for (let n = 0; n < 3_000; n++) {
      const key = `customer!${String(n).padStart(6, "0")}!fact`;
      rows.set(
        key,
        `${n % 3 === 0 ? randomBytes(200).toString("base64") : "again and again ".repeat(20)}${n}`,
      );
    }
    await db.batch([...rows].map(([key, value]) => ({ type: "put" as const, key, value })));
    await db.del("customer!000007!fact");
    // Writes everything into tables.
    await (db as unknown as ClassicLevel).compactRange("a", "z");
    const found = new Map<string, string>();
    for (const table of filesOf(/\.ldb$/)) {
      for (const { key, value } of tableEntries(table)) {
        const name = key.subarray(0, -8).toString();
        if (name.startsWith("customer!")) found.set(name, value.toString());
      }
    }
    // What was deleted is still there until its table is written anew: that is what is looked for.
    expect(found).toEqual(rows);
    expect(await db.get("customer!000007!fact")).toBeUndefined();
    await db.close();
  });

  it("logs are read across their blocks, while the database is open", async () => {
    const db = new Level(dir, { valueEncoding: "utf8" });
    await db.open();
    const values = [10, 40_000, 32_768, 100_000, 3].map((length) => randomBytes(length).toString("hex"));
    for (const [n, value] of values.entries()) await db.put(`k${n}`, value);
    const records = filesOf(/\.log$/).flatMap((file) => [...logRecords(file)]);
    expect(records).toHaveLength(values.length);
    for (const [n, value] of values.entries()) expect(records[n]!.includes(value)).toBe(true);
    expect(filesOf(/^MANIFEST/).flatMap((file) => [...logRecords(file)]).length).toBeGreaterThan(0);
    await db.close();
  });

  it("a table that was cut off is none", () => {
    expect(() => [...tableEntries(randomBytes(500))]).toThrow(LevelFileError);
  });
});

describe("S2", () => {
  it("decodes a stream's snapshot, which is a tar file of message blocks", async () => {
    const server = await startTestServer();
    try {
      const bus = await server.connect();
      await ensureStream(bus, "ONE", ["one"]);
      const texts = Array.from(
        { length: 2_000 },
        (_, n) => `${n} ${"the same words ".repeat(n % 40)}${randomBytes(99).toString("base64")}`,
      );
      for (const text of texts) await bus.request("one", Buffer.from(text));
      const { chunks } = (await snapshotStream(bus, "ONE"))!;
      const content = new Map<string, Buffer>();
      const tar = extract();
      void (async () => {
        for await (const part of decodeS2(chunks)) tar.write(part);
        tar.end();
      })();
      for await (const entry of tar) {
        const parts: Buffer[] = [];
        for await (const part of entry) parts.push(part);
        content.set(entry.header.name, Buffer.concat(parts));
      }
      expect([...content.keys()]).toContain("meta.inf");
      const blocks = Buffer.concat(
        [...content].filter(([name]) => name.endsWith(".blk")).map(([, bytes]) => bytes),
      );
      for (const text of texts) expect(blocks.includes(text)).toBe(true);
    } finally {
      await server.stop();
    }
  });

  it("repeats the last distance, and copies what it is just writing", () => {
    // Length 12; "abc"; copy 3 from 3 back (two-byte form); repeat with 4; and two more, written over themselves.
    const block = Buffer.from([12, 2 << 2, 0x61, 0x62, 0x63, (2 << 2) | 2, 3, 0, 1, 0, (1 << 2) | 2, 1, 0]);
    expect(decodeBlock(block).toString()).toBe("abcabcabcaaa");
  });

  it("says when it is damaged, cut off, or something else", async () => {
    const all = async (...parts: Buffer[]) => {
      let n = 0;
      for await (const part of decodeS2(
        (async function* () {
          yield* parts;
        })(),
      ))
        n += part.length;
      return n;
    };
    const head = Buffer.from("ff0600005332735477 4f".replace(" ", ""), "hex");
    expect(await all(head, Buffer.from([1, 5, 0, 0, 0, 0, 0, 0, 65]))).toBe(1);
    await expect(all(head, Buffer.from([1, 5, 0, 0, 0]))).rejects.toThrow(/cut off/);
    await expect(all(Buffer.from("this is a text, not a stream"))).rejects.toThrow(S2Error);
    await expect(all()).rejects.toThrow(/cut off/);
    for (let n = 0; n < 2_000; n++) {
      try {
        decodeBlock(randomBytes(n % 64));
      } catch (error) {
        expect(error).toBeInstanceOf(S2Error);
      }
    }
  });
});
