/** What is wrong with an archive is said before anything is changed. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startTestServer, type TestServer } from "../../runtime/bus/testing.ts";
import { configSchema } from "../../runtime/config/schema.ts";
import { openKeyRing, type WorkspaceKeyRing } from "../../runtime/log/keyring.ts";
import { ensureStream } from "../../runtime/log/stream.ts";
import type { Row } from "../../runtime/rows.ts";
import { type ArchiveEntry, ArchiveWriter, archiveEntries, sha256 } from "./archive.ts";
import { type BackupSource, makeBackup } from "./make.ts";
import type { Manifest } from "./manifest.ts";
import { restore } from "./restore.ts";
import { verifyArchive } from "./verify.ts";

let base: string;
let server: TestServer;
let keys: WorkspaceKeyRing;
/** A whole archive, as its entries. */
let entries: ArchiveEntry[];
let manifest: Manifest;

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), "bw-damaged-"));
  server = await startTestServer();
  const bus = await server.connect();
  keys = await openKeyRing({ bus, workspace: "main", dataDir: base });
  await keys.sealer("somebody", { create: true });
  await ensureStream(bus, "BW_main_LOG", ["bw.main.log.*"]);
  for (let n = 0; n < 2_000; n++)
    await bus.request("bw.main.log.1", Buffer.from(`{"n":${n},"more":"${"x".repeat(300)}"}`));
  const rows = async function* (): AsyncGenerator<Row> {
    for (let n = 0; n < 1_000; n++) yield [`row ${n}`, Buffer.from(`Ada Lovelace ${n}`)];
  };
  entries = [];
  const archive = makeBackup({
    ...sourceOf(),
    stores: [{ name: "backoffice", rows }],
  });
  for await (const entry of archiveEntries(archive)) entries.push(entry);
  manifest = JSON.parse(entries.at(-1)!.content.toString());
}, 60_000);
afterAll(async () => {
  keys?.close();
  await server?.stop();
  rmSync(base, { recursive: true, force: true });
});

/** A desk without stores. */
function sourceOf(): BackupSource {
  return {
    workspace: "main",
    dataDir: base,
    version: "0.1.0",
    partitions: 32,
    keys,
    stores: [],
    connect: () => server.connect("backup"),
    erasures: async () => 0,
  };
}

async function packed(all: readonly ArchiveEntry[]): Promise<Buffer> {
  const writer = new ArchiveWriter(new Date());
  const parts: Buffer[] = [];
  const reading = (async () => {
    for await (const part of writer.stream) parts.push(part as Buffer);
  })();
  for (const { name, content } of all) await writer.put(name, content);
  writer.end();
  await reading;
  return Buffer.concat(parts);
}

const withManifest = (change: (manifest: any) => void): ArchiveEntry[] => {
  const changed = structuredClone(manifest) as any;
  change(changed);
  return [...entries.slice(0, -1), { name: "manifest.json", content: Buffer.from(JSON.stringify(changed)) }];
};
/** With a manifest whose checksums are right again, as somebody would make it who changes an archive on purpose. */
const forged = (name: string, content: Buffer): ArchiveEntry[] =>
  withManifest((changed) => {
    const entry = changed.entries.find((each: { name: string }) => each.name === name);
    Object.assign(entry, { bytes: content.length, sha256: sha256(content) });
  }).map((entry) => (entry.name === name ? { name, content } : entry));
const changed = (name: string, change: (content: Buffer) => Buffer): ArchiveEntry[] =>
  entries.map((entry) =>
    entry.name === name ? { name, content: change(Buffer.from(entry.content)) } : entry,
  );

async function refused(content: Uint8Array, message: RegExp): Promise<void> {
  const file = join(base, "archive.tar");
  writeFileSync(file, content);
  const into = join(base, "into");
  const options = { file, config: configSchema.parse({ dataDir: into }), key: join(base, "workspace.key") };
  await expect(restore({ ...options, withoutEraseList: true })).rejects.toThrow(message);
  await expect(restore({ ...options, withoutEraseList: true })).rejects.toThrow(file);
  expect(readdirSync(base).sort()).toEqual(["archive.tar", "workspace.key"]);
}

const LOG_PART = "streams/BW_main_LOG/000001";
const STORE_PART = "stores/backoffice/000001";

it("one that is whole is restored", async () => {
  const file = join(base, "archive.tar");
  writeFileSync(file, await packed(entries));
  expect((await verifyArchive(file)).id).toBe(manifest.id);
  const into = join(base, "into");
  const options = { file, config: configSchema.parse({ dataDir: into }), key: join(base, "workspace.key") };
  const { records } = await restore({ ...options, withoutEraseList: true });
  // They are no records at all, which is no damage: a desk has them as dead letters.
  expect(records).toMatchObject({ opened: 0, malformed: 200 });
  rmSync(into, { recursive: true });
  rmSync(file);
});

it("no archive: empty, text, compressed, an archive of something else", async () => {
  await refused(Buffer.alloc(0), /cut off, or no archive of a desk/);
  await refused(Buffer.from("a shopping list ".repeat(100)), /damaged, cut off, or no archive at all/);
  await refused(gzipSync(await packed(entries)), /no archive at all/);
  await refused(
    await packed([{ name: "photo.jpg", content: Buffer.alloc(5_000) }]),
    /its last entry is no manifest/,
  );
});

it("cut off, wherever that is", async () => {
  const whole = await packed(entries);
  for (let n = 1; n < 16; n++)
    await refused(whole.subarray(0, Math.floor((whole.length * n) / 16)), /cut off/);
  // At the border of an entry nothing is amiss with the tar file itself.
  await refused(
    await packed(entries.slice(0, -1)),
    /cut off, or no archive of a desk: its last entry is no manifest/,
  );
});

it("damaged, wherever that is", async () => {
  const whole = await packed(entries);
  const content = whole.length - 1_024;
  for (let n = 0; n < 24; n++) {
    const at = Math.floor((content * n) / 24) + 7;
    const damaged = Buffer.from(whole);
    damaged[at]! ^= 0x55;
    // What no entry has is filled up with zeros, which say nothing.
    if (whole[at] === 0) continue;
    await refused(damaged, /damaged|missing|no snapshot|cut off|does not know|was changed|not know/);
  }
});

it("with parts that are missing, too many, or in the wrong order", async () => {
  await refused(
    await packed(entries.filter(({ name }) => name !== STORE_PART)),
    /entry stores\/backoffice\/000001 is missing/,
  );
  await refused(
    await packed([{ name: "more", content: Buffer.alloc(3) }, ...entries]),
    /entry streams\/BW_main_LOG\/000001 is missing/,
  );
  const [first, second, ...rest] = entries;
  await refused(await packed([second!, first!, ...rest]), /is missing/);
  await refused(
    await packed(entries.slice(0, -1).concat({ name: "more", content: Buffer.alloc(3) }, entries.at(-1)!)),
    /an entry that the manifest does not know: more/,
  );
});

it("of another release, another workspace, or without what a desk needs", async () => {
  await refused(
    await packed(
      withManifest((m) => {
        m.format = 2;
        m.bailiwick = "9.0.0";
      }),
    ),
    /format 2 \(written by release 9.0.0\), and this release reads 1/,
  );
  await refused(
    await packed(
      withManifest((m) => {
        delete m.streams;
      }),
    ),
    /its manifest is damaged \(streams/,
  );
  await refused(
    await packed(
      withManifest((m) => {
        m.streams.pop();
      }),
    ),
    /KV_BW_main_KEYS is not in it/,
  );
  const file = join(base, "archive.tar");
  writeFileSync(file, await packed(entries));
  const config = configSchema.parse({ dataDir: join(base, "into"), workspace: "other" });
  await expect(restore({ file, config, withoutEraseList: true })).rejects.toThrow(/is of workspace main/);
});

it("that was not finished when it was made", async () => {
  await refused(
    await packed([...entries.slice(0, 1), { name: "failed.txt", content: Buffer.from("the disk is full") }]),
    /was not finished when it was made: the disk is full/,
  );
});

it("that somebody has changed on purpose, checksums and all", async () => {
  await refused(
    await packed(
      withManifest((m) => {
        m.erasures = 0;
        m.at = "2020-01-01T00:00:00.000Z";
      }),
    ),
    /was changed after it was written/,
  );
  const other = forged(STORE_PART, Buffer.from("nothing that anybody sealed"));
  await refused(await packed(other), /was changed after it was written/);
  await refused(await packed(changed(STORE_PART, (content) => content.reverse())), /has not the checksum/);
});

it("with a snapshot that the server could not finish", async () => {
  const part = entries.find(({ name }) => name === LOG_PART)!.content;
  await refused(
    await packed(forged(LOG_PART, part.subarray(0, part.length - 20))),
    /BW_main_LOG is no snapshot of a stream: .*cut off/,
  );
  await refused(
    await packed(forged(LOG_PART, Buffer.from("nonsense nonsense"))),
    /is no snapshot of a stream/,
  );
});

it("says why where it can't be made", async () => {
  const archive = makeBackup({
    ...sourceOf(),
    erasures: async () => {
      throw new Error("the list of erasures cannot be written");
    },
  });
  const parts: Buffer[] = [];
  for await (const part of archive) parts.push(part as Buffer);
  await refused(Buffer.concat(parts), /was not finished when it was made: the list of erasures/);
  expect(readFileSync(join(base, "workspace.key"))).toHaveLength(65);
});
