/** Articles are found while they are indexed, with whatever of their vectors is there. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { type Encoder, type OpenEncoder, openEncoder, prepareModel } from "../encoder/index.ts";
import { key, type MemoryDb, openDatabase } from "../store/database.ts";
import { KnowledgeBase, type KnowledgeOptions } from "./base.ts";
import { Knowledge } from "./knowledge.ts";

const modelsDir = fileURLToPath(new URL("../../.bailiwick-cache/models", import.meta.url));
let encoder: OpenEncoder;
let dir: string;
let db: MemoryDb;
let base: KnowledgeBase | undefined;

beforeAll(async () => {
  await prepareModel(modelsDir);
  encoder = await openEncoder({ modelsDir });
});
afterAll(() => encoder?.close());
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "knowledge-"));
  await mkdir(join(dir, "articles"));
  db = await openDatabase(join(dir, "memory"));
  for (let i = 0; i < ARTICLES; i++)
    await write(i, `Parcels of kind ${i} are brought to the door by van ${i * 7}.`);
});
afterEach(async () => {
  await base?.close();
  base = undefined;
  await db.close();
  await rm(dir, { recursive: true });
});

const ARTICLES = 80;
const write = (i: number, text: string) =>
  writeFile(join(dir, "articles", `a${i}.md`), `---\nid: a${i}\ntitle: Kind ${i}\n---\n${text}\n`);
const open = async (options: Partial<KnowledgeOptions> = {}): Promise<KnowledgeBase> => {
  base = await KnowledgeBase.open({ db, encoder, dirs: [join(dir, "articles")], ...options });
  return base;
};
const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
};

/** The same encoder, which keeps whoever asks for many texts waiting until it is let go on. */
function held(): Encoder & { go(): void } {
  let go = (): void => {};
  const gate = new Promise<void>((resolve) => {
    go = resolve;
  });
  const encode: Encoder["encode"] = async (texts, signal) => {
    if (texts.length > 4) await gate;
    return encoder.encode(texts, signal);
  };
  return { id: encoder.id, dimension: encoder.dimension, encode, go };
}

it("opens in time, is searched by words meanwhile, and says how far it is", async () => {
  // What confidence is measured by is encoded once, before.
  await (await open()).close();
  await db.clear({ gte: "vectors", lt: "vectors~" });
  const slow = held();
  const told: number[] = [];
  const knowledge = await open({ encoder: slow, openWithinMs: 0, progress: (done) => told.push(done) });
  expect(knowledge.report).toMatchObject({
    articles: ARTICLES,
    passages: ARTICLES,
    encoded: 0,
    toEncode: ARTICLES,
  });
  expect((await knowledge.search("parcels of kind 17"))[0]!.articleId).toBe("a17");
  slow.go();
  await until(() => knowledge.report.toEncode < ARTICLES);
  expect((await knowledge.search("parcels of kind 17"))[0]!.articleId).toBe("a17");
  expect(await knowledge.reload()).toMatchObject({ articles: ARTICLES, toEncode: 0, problems: [] });
  // Nobody looks at the progress of a start any more.
  expect(Math.max(...told)).toBe(0);
  await knowledge.close();
  expect((await open()).report).toMatchObject({ encoded: 0, toEncode: 0 });
});

it("takes up what changes while it is indexed", async () => {
  const slow = held();
  const opening = open({ encoder: slow, openWithinMs: 0 });
  slow.go();
  const knowledge = await opening;
  await write(3, "Pianos are carried upstairs.");
  await rm(join(dir, "articles", "a4.md"));
  expect(await knowledge.reload()).toMatchObject({ articles: ARTICLES - 1, toEncode: 0 });
  const found = await knowledge.search("who carries a piano", 3);
  expect(found[0]).toMatchObject({ articleId: "a3", text: "Pianos are carried upstairs." });
  expect(knowledge.get("a4")).toBeUndefined();
});

it("finds by their words what cannot be encoded, says so, and tries it again", async () => {
  await (await open()).close();
  await db.clear({ gte: "vectors", lt: "vectors~" });
  let calls = 0;
  let broken = true;
  const encode: Encoder["encode"] = async (texts, signal) => {
    calls++;
    if (broken) throw new Error("out of order");
    return encoder.encode(texts, signal);
  };
  const failing: Encoder = { id: encoder.id, dimension: encoder.dimension, encode };
  const knowledge = await open({ encoder: failing, encodePausesMs: [1, 1] });
  expect(calls).toBeGreaterThanOrEqual(3);
  expect(knowledge.report).toMatchObject({ toEncode: ARTICLES });
  expect(knowledge.report.problems).toEqual([
    expect.stringMatching(/80 articles are found by their words.*out of order/),
  ]);
  expect((await knowledge.search("van 553"))[0]!.articleId).toBe("a79");
  broken = false;
  expect(await knowledge.reload()).toMatchObject({ toEncode: 0, encoded: ARTICLES, problems: [] });
});

it("computes again what is damaged or of an earlier layout", async () => {
  await (await open()).close();
  const all = await db.keys({ gte: "vectors.", lt: "vectors.~" }).all();
  const places = ["a1", "a2", "a3"].map((id) => all.find((at) => at.endsWith(`!${id}`))!);
  const bytes = await db.getMany<string, Uint8Array>(places, { valueEncoding: "view" });
  // The last number becomes none.
  bytes[0]!.set([0, 0, 0xc0, 0x7f], bytes[0]!.length - 4);
  await db.put<string, Uint8Array>(places[0]!, bytes[0]!, { valueEncoding: "view" });
  await db.put(places[1]!, '{"hash":"x","model":"y","dimension":512,"data":""}');
  // An earlier release had one place for each article, whatever the encoder.
  await db.put<string, Uint8Array>(key("vectors", "a3"), bytes[2]!, { valueEncoding: "view" });
  await db.del(places[2]!);
  const knowledge = await open();
  expect(knowledge.report).toMatchObject({ encoded: 2, toEncode: 0, problems: [] });
});

it("with another encoder the former one serves until all is encoded, also over a restart, and leaves nothing", async () => {
  const dirs = [join(dir, "articles")];
  let formerClosed = 0;
  const former = { ...named("former"), close: async () => void formerClosed++ };
  const find = async (id: string) => (id === "former" ? former : undefined);
  const rows = async (word: string) => (await db.keys({ gte: word, lt: `${word}~` }).all()).length;
  // What confidence is measured by is encoded once, before.
  await (await open()).close();
  const measured = `calibration!${encoder.id}`;
  for await (const [at, value] of db.iterator({ gte: `${measured}!`, lt: `${measured}~` }))
    for (const id of ["former", "new", "third"]) await db.put(at.replace(encoder.id, id), value);
  await db.clear({ gte: "vectors", lt: "vectors~" });
  let knowledge = await Knowledge.open({ db, encoder: former, dirs });
  expect(knowledge.isChanging).toBe(false);
  await knowledge.close();

  // The new one does not come to an end before the desk does.
  const stuck = { ...named("new"), encode: stalling(named("new")) };
  knowledge = await Knowledge.open({ db, encoder: stuck, former: find, dirs });
  await expect.poll(() => rows("vectors."), { timeout: 20_000 }).toBeGreaterThan(ARTICLES);
  expect(knowledge.isChanging).toBe(true);
  expect(knowledge.report.toEncode).toBeGreaterThan(0);
  const question = "How does a parcel of kind 7 come to me?";
  expect((await knowledge.search(question))[0]!.confidence).toBeGreaterThan(0);
  await knowledge.close();
  expect(formerClosed).toBe(1);

  const texts: string[] = [];
  const counted = named("new", (some) => texts.push(...some));
  knowledge = await Knowledge.open({ db, encoder: counted, former: find, dirs });
  await expect.poll(() => knowledge.isChanging, { timeout: 20_000 }).toBe(false);
  expect(knowledge.report).toMatchObject({ articles: ARTICLES, toEncode: 0, problems: [] });
  expect(texts.length).toBeLessThan(2 * ARTICLES);
  await expect.poll(() => formerClosed).toBe(2);
  expect((await knowledge.search(question))[0]!.articleId).toMatch(/^a\d+$/);
  expect(await rows("vectors.")).toBe(ARTICLES);
  await knowledge.close();

  // One that is gone for good does not serve: words do until the other is there.
  knowledge = await Knowledge.open({ db, encoder: named("third"), former: find, dirs });
  expect(knowledge.isChanging).toBe(false);
  await knowledge.reload();
  expect(await rows("vectors.")).toBe(ARTICLES);
  await knowledge.close();
}, 60_000);

it("is closed while it encodes", async () => {
  const slow = held();
  const opening = open({ encoder: slow, openWithinMs: 0 });
  setTimeout(slow.go, 2_000);
  const knowledge = await opening;
  await knowledge.close();
  expect(knowledge.report.articles).toBe(ARTICLES);
});

/** The encoder under another name: what it computes counts as another one's. */
function named(id: string, onEncode: (texts: readonly string[]) => void = () => {}): OpenEncoder {
  return {
    id,
    dimension: encoder.dimension,
    encode: (texts, signal) => {
      onEncode(texts);
      return encoder.encode(texts, signal);
    },
    health: () => encoder.health(),
    close: async () => {},
  };
}

/** Encodes the first call for articles, and none of the others. */
function stalling(of: OpenEncoder): OpenEncoder["encode"] {
  let calls = 0;
  return (texts, signal) => {
    const isForArticles = texts.some((text) => text.includes("brought to the door"));
    if (!isForArticles || calls++ === 0) return of.encode(texts, signal);
    return new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
  };
}
