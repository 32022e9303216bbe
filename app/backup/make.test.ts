/** What belongs together is in an archive together, whatever happens while it is made. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Bus } from "../../runtime/bus/bus.ts";
import { startTestServer, type TestServer } from "../../runtime/bus/testing.ts";
import { openKeyRing, type WorkspaceKeyRing } from "../../runtime/log/keyring.ts";
import { ensureStream, purge } from "../../runtime/log/stream.ts";
import { archiveEntries } from "./archive.ts";
import { type BackupOptions, makeBackup } from "./make.ts";
import { MANIFEST, type Manifest } from "./manifest.ts";

let dir: string;
let server: TestServer;
let bus: Bus;
let keys: WorkspaceKeyRing;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "bw-make-"));
  server = await startTestServer();
  bus = await server.connect();
  keys = await openKeyRing({ bus, workspace: "main", dataDir: dir });
  await ensureStream(bus, "BW_main_LOG", ["bw.main.log.*"]);
  await ensureStream(bus, "BW_main_BODIES", ["bw.main.body.*.*"], { perSubject: 1 });
  for (let n = 0; n < 100; n++) await bus.request("bw.main.log.1", Buffer.from(`record ${n}`));
});
afterEach(async () => {
  keys.close();
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

async function made(options: BackupOptions): Promise<{ names: string[]; last: string; manifest: Manifest }> {
  const archive = makeBackup(
    {
      workspace: "main",
      dataDir: dir,
      version: "0.1.0",
      partitions: 32,
      keys,
      stores: [],
      connect: () => server.connect("backup"),
      erasures: async () => 0,
    },
    options,
  );
  const names: string[] = [];
  let last = "";
  for await (const { name, content } of archiveEntries(archive)) {
    names.push(name);
    last = content.toString();
  }
  return { names, last, manifest: names.at(-1) === MANIFEST ? JSON.parse(last) : undefined };
}

it("takes the log again when records have left it before their bodies were taken", async () => {
  let purged = 1;
  const leaving = (): Promise<void> => {
    purged += 10;
    return purge(bus, "BW_main_LOG", purged);
  };
  let left = Promise.resolve();
  let times = 0;
  const { manifest, names } = await made({
    // Twice records leave while the log is taken, then no more.
    progress: (what) => {
      if (what === "BW_main_BODIES" && ++times <= 2) left = leaving();
    },
  });
  await left;
  const log = manifest.streams.find(({ name }) => name === "BW_main_LOG")!;
  expect(log.entries[0]).toMatch(/^streams\/BW_main_LOG\.[23]\/000001$/);
  expect(log.state.first_seq).toBe(purged);
  expect(names).toContain("streams/BW_main_LOG/000001");
});

it("gives it up where records never stop to leave", async () => {
  let purged = 1;
  const ends: unknown[] = [];
  const { manifest, last } = await made({
    progress: (what) => {
      if (what === "BW_main_BODIES") void purge(bus, "BW_main_LOG", ++purged);
    },
    onEnd: (end) => ends.push(end),
  });
  expect(manifest).toBeUndefined();
  expect(last).toMatch(/records left the log \d times while it was taken/);
  expect(ends).toEqual([expect.any(Error)]);
});
