/** A desk is backed up at work, its archive is restored elsewhere, and a desk there goes on where the first one was. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Customer, Order } from "../../actors/skills/backoffice/types.ts";
import { defaultEraseList } from "../../memory/control/erase-list.ts";
import { startTestServer } from "../../runtime/bus/testing.ts";
import { configSchema } from "../../runtime/config/schema.ts";
import { deleteStream, hasStream } from "../../runtime/log/stream-snapshot.ts";
import { START_MS, say, TestedDesk } from "../testing.ts";
import { restore } from "./restore.ts";
import { takeArchive } from "./take.ts";
import { download } from "./testing.ts";
import { verifyArchive } from "./verify.ts";

const WISH = "I prefer delivery to the locker behind the aquarium";
const ABOUT = "Which pick-up locker can you send my parcels to?";

let base: string;
let desk: TestedDesk;
let customer: Customer;
let order: Order;
let conversation: string;
let archive: string;
let key: string;

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), "bw-backup-"));
  desk = await TestedDesk.start({ dataDir: join(base, "desk") });
  ({ customer, order } = await desk.customerWith((o) => o.status === "processed"));
  const driver = await desk.conversation(customer.id);
  conversation = driver.id;
  await say(driver, `${WISH}.`);
  await desk.desk.backOffice.write("test-key", "test.change", {}, Date.now(), async (tx) => {
    const { ...record } = (await tx.get("orders", order.id))!;
    tx.put("orders", { ...record, status: "cancelled" });
    return { done: true };
  });
  mkdirSync(join(desk.dataDir, "imports", "main"), { recursive: true });
  copyFileSync("package.json", join(desk.dataDir, "imports", "main", "original.json"));
  archive = join(base, "desk.tar");
  // While customers write.
  let writing = true;
  const busy = (async () => {
    const other = await desk.conversation();
    while (writing) await say(other, "Do you ship abroad?");
  })();
  await takeArchive(archive, await download(desk));
  writing = false;
  await busy;
  key = join(base, "kept-apart.key");
  copyFileSync(join(desk.dataDir, "workspace.key"), key);
}, START_MS);
afterAll(async () => {
  await desk?.remove();
  rmSync(base, { recursive: true, force: true });
});

/** Of a desk that is not the first one's. */
const configOf = (dataDir: string, more: object = {}) => configSchema.parse({ dataDir, ...more });

describe("a backup", () => {
  it("is a private file, with what there is in it and no word that anybody said", async () => {
    expect(statSync(archive).mode & 0o777).toBe(0o600);
    expect(readdirSync(base).filter((name) => name.includes("partial"))).toEqual([]);
    const manifest = await verifyArchive(archive);
    expect(manifest.streams.map(({ name }) => name)).toEqual([
      "BW_main_LOG",
      "BW_main_BODIES",
      "BW_main_DEAD",
      "BW_main_MEMORY",
      "KV_BW_main_KEYS",
    ]);
    expect(manifest.stores.map(({ name }) => name)).toEqual(["backoffice", "imports"]);
    const bytes = readFileSync(archive);
    for (const word of ["aquarium", customer.lastName, customer.email])
      expect(bytes.includes(word)).toBe(false);
    expect(bytes.includes(readFileSync(key, "utf8").trim())).toBe(false);
  });

  it("is one at a time, and of one that nobody takes any more the next does not wait for long", async () => {
    const first = await download(desk);
    const one = first[Symbol.asyncIterator]();
    await one.next();
    expect((await desk.call("POST", "/v1/admin/backup", {})).status).toBe(409);
    await one.return?.();
    await expect
      .poll(async () => (await desk.call("POST", "/v1/admin/backup", {})).status, { timeout: 10_000 })
      .toBe(200);
  });

  it("replaces no file unless it is told to, and leaves the one there as it was when it fails", async () => {
    const before = readFileSync(archive);
    await expect(takeArchive(archive, await download(desk))).rejects.toThrow(/is there already.*--force/);
    const broken = async function* () {
      yield before.subarray(0, 100_000);
    };
    await expect(takeArchive(archive, broken(), { force: true })).rejects.toThrow(/damaged|cut off/);
    const abort = new AbortController();
    const interrupted = takeArchive(archive, await download(desk), {
      force: true,
      signal: abort.signal,
      progress: () => abort.abort(new Error("enough")),
    });
    await expect(interrupted).rejects.toThrow(/enough/);
    expect(readFileSync(archive).equals(before)).toBe(true);
    expect(readdirSync(base).filter((name) => name.includes("partial"))).toEqual([]);
  });
});

describe("a restored desk", () => {
  let second: TestedDesk;
  afterAll(() => second?.remove());

  it(
    "answers, shows the conversation, remembers, and has the records of the back office",
    async () => {
      const into = join(base, "second");
      const report = await restore({
        file: archive,
        config: configOf(into),
        key,
        eraseList: defaultEraseList(desk.dataDir),
      });
      expect(report).toMatchObject({ into, erased: 0, key });
      expect(report.records.opened).toBeGreaterThan(5);
      expect(report.records.opened).toBe(report.records.looked);
      expect(readdirSync(into).sort()).toEqual(["backoffice", "imports", "nats", "workspace.key"]);
      expect(readdirSync(join(into, "nats"))).toEqual(["store"]);
      expect(readFileSync(join(into, "imports", "main", "original.json"))).toEqual(
        readFileSync("package.json"),
      );
      expect(statSync(into).mode & 0o777).toBe(0o700);

      second = await TestedDesk.start({ dataDir: into });
      const { body } = await second.call("GET", `/v1/conversations/${conversation}`);
      expect(JSON.stringify(body.transcript)).toContain(WISH);
      const open = await second.call("GET", "/v1/admin/status");
      expect(open.status).toBe(200);
      const facts = await second.call("GET", `/v1/admin/memory/${customer.id}/facts`);
      expect(facts.body.facts).toMatchObject([{ text: WISH, source: { conversation } }]);
      expect(await say(await second.conversation(customer.id), ABOUT)).toContain(WISH);
      expect(await second.desk.backOffice.get("orders", order.id)).toMatchObject({ status: "cancelled" });
      // What was done once stays done: its key is known.
      expect(await second.desk.backOffice.lookup("test-key")).toMatchObject({ outcome: "applied" });
    },
    START_MS,
  );

  it(
    "is itself backed up and restored",
    async () => {
      const file = join(base, "second.tar");
      await takeArchive(file, await download(second));
      const into = join(base, "third");
      await restore({ file, config: configOf(second.dataDir), into });
      expect(existsSync(join(into, "workspace.key"))).toBe(true);
    },
    START_MS,
  );
});

describe("a restore", () => {
  const refused = async (more: Partial<Parameters<typeof restore>[0]>, message: RegExp): Promise<void> => {
    const into = join(base, "refused");
    await expect(
      restore({ file: archive, config: configOf(into), key, withoutEraseList: true, ...more }),
    ).rejects.toThrow(message);
    expect(readdirSync(base).filter((name) => name.startsWith("refused"))).toEqual([]);
  };

  it(
    "needs the key that the archive was sealed with",
    async () => {
      await refused({ key: undefined }, /sealed with a workspace key that is not in it .*--key FILE/);
      const other = join(base, "other.key");
      copyFileSync(key, other);
      writeFileSync(other, `${"ab".repeat(32)}\n`);
      await refused({ key: other }, /another workspace's key/);
      await refused({ key: join(base, "none.key") }, /there is no such file/);
      // Without being told, it takes the one of the desk that is configured.
      const into = join(base, "by-configuration");
      const report = await restore({ file: archive, config: configOf(desk.dataDir), into });
      expect(report.key).toBe(join(desk.dataDir, "workspace.key"));
      rmSync(into, { recursive: true });
    },
    START_MS,
  );

  it(
    "has the key with it when that was asked for",
    async () => {
      const file = join(base, "with-key.tar");
      await takeArchive(file, await download(desk, { withKey: true }));
      const into = join(base, "with-key");
      const report = await restore({ file, config: configOf(into), withoutEraseList: true });
      expect(report.key).toBe(file);
      rmSync(into, { recursive: true });
    },
    START_MS,
  );

  it("overwrites nothing, and is of one workspace and one log", async () => {
    await expect(
      restore({ file: archive, config: configOf(desk.dataDir), withoutEraseList: true }),
    ).rejects.toThrow(/is not empty, and a restore overwrites nothing/);
    await refused({ config: configOf(join(base, "refused"), { workspace: "other" }) }, /--workspace main/);
    await refused({ config: configOf(join(base, "refused"), { log: { partitions: 8 } }) }, /set it to 32/);
  });

  it("wants to know who was erased since", async () => {
    await refused(
      { withoutEraseList: false },
      /no list of erasures at .*refused-erased.jsonl.*--without-erase-list/,
    );
  });

  it(
    "leaves nothing behind when it is interrupted, wherever it is",
    async () => {
      let told = 0;
      let all = 0;
      const into = join(base, "whole");
      await restore({
        file: archive,
        config: configOf(into),
        key,
        withoutEraseList: true,
        progress: () => all++,
      });
      rmSync(into, { recursive: true });
      expect(all).toBeGreaterThan(1);
      for (let after = 1; after <= all; after++) {
        const abort = new AbortController();
        told = 0;
        const progress = (): void => {
          if (++told === after) abort.abort(new Error("enough"));
        };
        await refused({ signal: abort.signal, progress }, /enough/);
      }
    },
    START_MS,
  );

  it(
    "clears away what a killed one has left, and nothing else",
    async () => {
      const into = join(base, "refused");
      mkdirSync(`${into}.partial`);
      await expect(
        restore({ file: archive, config: configOf(into), key, withoutEraseList: true }),
      ).rejects.toThrow(/in the way, and no restore made it/);
      writeFileSync(
        join(`${into}.partial`, "restoring.json"),
        JSON.stringify({ pid: 999_999, identity: "gone" }),
      );
      writeFileSync(join(`${into}.partial`, "half"), "half");
      await restore({ file: archive, config: configOf(into), key, withoutEraseList: true });
      expect(existsSync(join(into, "half"))).toBe(false);
      expect(existsSync(`${into}.partial`)).toBe(false);
      rmSync(into, { recursive: true });
    },
    START_MS,
  );
});

describe("a restore into an outside server", () => {
  it(
    "fills it where it has none of the streams, and refuses where it has one",
    async () => {
      const server = await startTestServer();
      try {
        const { url, user, pass } = server;
        const nats = { url, user, password: pass };
        const bus = await server.connect();
        const into = join(base, "outside");
        const options = { file: archive, config: configOf(into, { nats }), key, withoutEraseList: true };
        const abort = new AbortController();
        const progress = (what: string, done = 0, all = 1): void => {
          if (what === "restoring" && done === all) abort.abort(new Error("enough"));
        };
        await expect(restore({ ...options, signal: abort.signal, progress })).rejects.toThrow(/enough/);
        for (const name of ["BW_main_LOG", "KV_BW_main_KEYS"]) expect(await hasStream(bus, name)).toBe(false);
        expect(existsSync(into)).toBe(false);

        const report = await restore(options);
        expect(report.nats).toBe(url);
        expect(readdirSync(into).sort()).toEqual(["backoffice", "imports", "workspace.key"]);
        const again = { ...options, into: join(base, "outside2") };
        await expect(restore(again)).rejects.toThrow(/has workspace main already \(its stream BW_main_LOG\)/);
        expect(existsSync(again.into)).toBe(false);

        const third = await TestedDesk.start({ dataDir: into, nats });
        const { body } = await third.call("GET", `/v1/conversations/${conversation}`);
        expect(JSON.stringify(body.transcript)).toContain(WISH);
        // A desk on an outside server is backed up over the same way.
        const file = join(base, "outside.tar");
        await takeArchive(file, await download(third));
        await third.stop();
        const names = (await verifyArchive(file)).streams.map(({ name }) => name);
        for (const name of names) await deleteStream(bus, name);
        rmSync(into, { recursive: true });
        await restore({
          ...options,
          file,
          eraseList: defaultEraseList(desk.dataDir),
          withoutEraseList: false,
        });
      } finally {
        await server.stop();
      }
    },
    START_MS,
  );
});
