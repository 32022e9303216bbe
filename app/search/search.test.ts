/** What a person who answers for data protection sees before and after an erasure, in the desk, its files and its backups. */
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Customer } from "../../actors/skills/backoffice/types.ts";
import { defaultEraseList } from "../../memory/control/erase-list.ts";
import { configSchema } from "../../runtime/config/schema.ts";
import { restore } from "../backup/restore.ts";
import { takeArchive } from "../backup/take.ts";
import { download } from "../backup/testing.ts";
import { START_MS, say, TestedDesk } from "../testing.ts";
import { searchArchive } from "./archives.ts";
import { needlesOf } from "./needles.ts";
import type { SearchReport } from "./search.ts";

const WORD = "aquarium";
const WISH = `I prefer delivery to the locker behind the ${WORD}`;
/** Said before it was known who says it. */
const BEFORE = "velociraptor";

let base: string;
let desk: TestedDesk;
let customer: Customer;
let other: Customer;
/** Made before it was known whose the second conversation is. */
let early: string;
let late: string;
let anonymous: string;

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), "bw-search-"));
  desk = await TestedDesk.start({ dataDir: join(base, "desk") });
  const { order, ...found } = await desk.customerWith((o) => o.status === "delivered");
  customer = found.customer;
  ({ customer: other } = await desk.customerWith(
    (o) => o.status === "delivered" && o.customerId !== customer.id,
  ));
  const said = await desk.conversation(customer.id);
  await say(said, `${WISH}.`);
  // What was said is given to memory when a conversation comes to rest.
  await say(said, "Thanks, that is all. Bye");
  await say(await desk.conversation(other.id), `${WISH.replace(WORD, "planetarium")}.`);
  const driver = await desk.conversation();
  anonymous = driver.id;
  await say(driver, `Do you sell ${BEFORE} costumes?`);
  early = join(base, "early.tar");
  await takeArchive(early, await download(desk));
  await say(driver, `Where is my order ${order.id}? My e-mail is ${customer.email}`);
  late = join(base, "late.tar");
  await takeArchive(late, await download(desk));
}, START_MS);
afterAll(async () => {
  await desk?.remove();
  rmSync(base, { recursive: true, force: true });
});

const searched = async (text: string, at = desk): Promise<SearchReport> =>
  (await at.call("POST", "/v1/admin/memory-verify", { text })).body;
const stores = (report: SearchReport): string[] =>
  report.opened
    .filter(({ found }) => found > 0)
    .map(({ store }) => store)
    .sort();

it("finds what the desk may read in each of its stores, and in no file", async () => {
  const everywhere = ["facts", "log", "memory's stream", "states", "turns"];
  await expect.poll(async () => stores(await searched(WORD)), { timeout: 20_000 }).toEqual(everywhere);
  const report = await searched(WORD);
  expect(report.files.found).toEqual([]);
  expect(report.files.unread).toEqual([]);
  const looked = report.files.looked.map(({ store }) => store);
  for (const store of [
    "stream BW_main_LOG",
    "stream KV_BW_main_KEYS",
    "engine (LevelDB)",
    "memory (LevelDB)",
    "diagnostic logs",
  ])
    expect(looked).toContain(store);
  expect(JSON.stringify(report)).not.toContain(WORD);
  for (const file of [early, late]) {
    const archive = await searchArchive(file, needlesOf(WORD), desk.dataDir);
    expect(archive).toMatchObject({ found: [], sealed: [] });
    expect(archive.looked.length).toBeGreaterThan(5);
  }
  // The search itself works.
  expect((await searchArchive(early, needlesOf("customer.message"), desk.dataDir)).found).not.toEqual([]);
});

it("finds a person in the back office, which is a system of its own, also inside an archive", async () => {
  const report = await searched(customer.email);
  expect(stores(report)).toContain("back office");
  expect(report.files.found.map(({ store }) => store)).toEqual(["back office (LevelDB)"]);
  expect(JSON.stringify(report)).not.toContain(customer.email);
  const { found } = await searchArchive(late, needlesOf(customer.email), desk.dataDir);
  expect(found.map(({ store }) => store)).toEqual(["archive: stores/backoffice"]);
  // Without the key an archive says nothing.
  const nothing = await searchArchive(late, needlesOf(customer.email), base);
  expect(nothing).toMatchObject({ found: [], sealed: expect.arrayContaining(["stores/backoffice"]) });
});

it("finds what should not be there, in whatever form", async () => {
  const file = join(desk.dataDir, "logs", "leak.log");
  appendFileSync(file, `{"text":"${Buffer.from("xx locker behind the octopus").toString("base64")}"}\n`);
  const { files, found } = await searched("octopus");
  expect(files.found).toEqual([
    { store: "diagnostic logs", path: "logs/leak.log", count: 1, forms: { base64: 1 } },
  ]);
  expect(found).toBe(1);
  rmSync(file);
  expect((await searched("octopus")).found).toBe(0);
});

it("refuses to look for what is everywhere", async () => {
  expect((await desk.call("POST", "/v1/admin/memory-verify", { text: "a" })).status).toBe(400);
});

it("erases nothing where that can't be noted", async () => {
  // What lies in the way of the list's file.
  const list = defaultEraseList(desk.dataDir);
  const before = readFileSync(list);
  rmSync(list);
  mkdirSync(list);
  const refused = await desk.call("DELETE", `/v1/admin/memory/${customer.id}`);
  expect(refused.status).toBe(507);
  expect(refused.body.detail).toMatch(
    /nothing was erased: the list of erasures .* cannot be written .*backup\.eraseList/,
  );
  expect(stores(await searched(WORD))).toContain("facts");
  rmdirSync(list);
  writeFileSync(list, before);
});

it(
  "finds nothing anywhere after an erasure, nor in what is restored of a backup made before it, whoever knew then whose it was",
  async () => {
    expect(stores(await searched(BEFORE))).toContain("log");
    const { status, body } = await desk.call("DELETE", `/v1/admin/memory/${customer.id}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ erased: true, facts: 1, noted: true, keys: 2 });
    expect(body.receipt).toMatch(/^[\w-]{22}$/);
    expect(JSON.stringify(body)).not.toContain(customer.id);
    const gone = async (at: TestedDesk): Promise<void> => {
      for (const word of [WORD, BEFORE]) {
        // Cells in memory go with the next look at their key.
        await expect.poll(async () => stores(await searched(word, at)), { timeout: 20_000 }).toEqual([]);
        expect((await searched(word, at)).found).toBe(0);
      }
      expect(stores(await searched("planetarium", at))).toContain("facts");
    };
    await gone(desk);
    const list = readFileSync(defaultEraseList(desk.dataDir), "utf8");
    expect(list).toContain(anonymous);
    for (const file of [early, late]) {
      const into = join(base, "restored");
      const report = await restore({ file, config: configSchema.parse({ dataDir: desk.dataDir }), into });
      expect(report).toMatchObject({ erased: 1, eraseLists: [defaultEraseList(desk.dataDir)] });
      const restored = await TestedDesk.start({ dataDir: into });
      await gone(restored);
      const facts = await restored.call("GET", `/v1/admin/memory/${customer.id}/facts`);
      expect(facts.body.facts).toEqual([]);
      // What was erased there is on the list of the restored desk, too.
      expect(readFileSync(defaultEraseList(into), "utf8")).toContain(anonymous);
      await restored.remove();
    }
  },
  3 * START_MS,
);

it(
  "without the list of erasures all of it would be back, and a restore says so",
  async () => {
    const into = join(base, "without");
    const config = configSchema.parse({ dataDir: desk.dataDir });
    const report = await restore({ file: early, config, into, withoutEraseList: true });
    expect(report).toMatchObject({ erased: 0, eraseLists: [] });
    const restored = await TestedDesk.start({ dataDir: into });
    expect(stores(await searched(WORD, restored))).toContain("facts");
    await restored.remove();
  },
  START_MS,
);

it(
  "a list that knows fewer than the archive is refused",
  async () => {
    const file = join(base, "after.tar");
    await takeArchive(file, await download(desk));
    const short = join(base, "short.jsonl");
    writeFileSync(short, "");
    const config = configSchema.parse({ dataDir: desk.dataDir });
    await expect(restore({ file, config, into: join(base, "short"), eraseList: short })).rejects.toThrow(
      /knows 0 erasures of workspace main, but 1 were known/,
    );
  },
  START_MS,
);
