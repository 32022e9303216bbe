import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Level } from "level";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { address } from "../address.ts";
import type { Bus } from "../bus/bus.ts";
import { startTestServer, type TestServer } from "../bus/testing.ts";
import { HEADER_ID, HEADER_TO } from "./codec.ts";
import { RecordIndex } from "./record-index.ts";
import { deleteMessage, ensureStream, jetStreamApi } from "./stream.ts";

const a = address("counter", "k", "a");
const b = address("channel", "k", "b");
const longer = address("counter", "k-2", "a");

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

describe("what was noted", () => {
  it("is found by id and by actor, before it is written and after", async () => {
    const index = new RecordIndex(db);
    expect(index.note(1, "one", a)).toBe(true);
    expect(index.note(2, "two", b)).toBe(true);
    expect(index.note(3, "three", longer)).toBe(true);
    const look = async () => [
      index.firstSeq("one"),
      index.firstSeq("none"),
      await index.ofActor(a),
      await index.ofKey("k"),
      await index.ofKey("k", 1),
    ];
    const want = [
      1,
      undefined,
      [1],
      [
        { seq: 1, kind: "counter", id: "a" },
        { seq: 2, kind: "channel", id: "b" },
      ],
      [{ seq: 2, kind: "channel", id: "b" }],
    ];
    expect(await look()).toEqual(want);
    await index.flush(4);
    expect(await look()).toEqual(want);
  });

  it("is told by kind, the latest first, before it is written and after", async () => {
    const index = new RecordIndex(db);
    for (const [n, to] of [a, b, longer, a].entries()) index.note(n + 1, `id ${n}`, to);
    const want = [
      { to: a, seq: 4 },
      { to: longer, seq: 3 },
    ];
    expect(await index.latest("counter", 10)).toEqual(want);
    await index.flush(5);
    expect(await index.latest("counter", 10)).toEqual(want);
    index.note(5, "later", longer);
    expect(await index.latest("counter", 1)).toEqual([{ to: longer, seq: 5 }]);
    expect(await index.latest("nobody", 10)).toEqual([]);
  });

  it("is found behind what was asked for, also by an index of an older release without the highest sequences", async () => {
    await db.put("k!k!counter!a!00000000000001", "");
    await db.put("m!log", "");
    const index = new RecordIndex(db);
    index.note(2, "two", a);
    await index.flush(3);
    expect(await index.ofActor(a)).toEqual([1, 2]);
    expect(await index.ofActor(a, 1)).toEqual([2]);
    expect(await index.ofActor(a, 2)).toEqual([]);
  });

  it("counts an id once: its first place stands, however often and by whomever it is noted", async () => {
    const index = new RecordIndex(db);
    expect(index.note(5, "one", a)).toBe(true);
    expect(index.note(5, "one", a)).toBe(true);
    expect(index.note(9, "one", a)).toBe(false);
    await index.flush(10);
    expect(index.note(9, "one", a)).toBe(false);
    expect(index.note(5, "one", a)).toBe(true);
    expect(await index.ofActor(a)).toEqual([5]);
  });

  it("is not lost when it is noted while a flush is under way", async () => {
    const index = new RecordIndex(db);
    for (let seq = 1; seq <= 500; seq++) {
      index.note(seq, `id${seq}`, seq % 2 ? a : b);
      if (seq % 50 === 0) void index.flush(seq + 1);
    }
    await index.flush(501);
    const again = new RecordIndex(db);
    expect((await again.ofKey("k")).map((r) => r.seq)).toEqual(Array.from({ length: 500 }, (_, i) => i + 1));
    expect(again.firstSeq("id500")).toBe(500);
  });
});

describe("following the log", () => {
  let server: TestServer;
  let bus: Bus;
  let n = 0;
  let stream: string;
  let index: RecordIndex;
  beforeAll(async () => {
    server = await startTestServer();
    bus = await server.connect();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    stream = `L${++n}`;
    await ensureStream(bus, stream, [`l${n}.*`]);
    index = new RecordIndex(db);
  });
  afterEach(() => index.abandon());

  const put = async (id: string, to = "counter/k/a"): Promise<void> => {
    const headers = { [HEADER_ID]: id, [HEADER_TO]: to };
    await bus.request(`l${n}.0`, Buffer.from("x"), { headers });
  };
  const follow = () => index.follow(bus, stream, `l${n}.*`);

  it("has what was in the log when it is ready, and follows what comes", async () => {
    for (let i = 0; i < 20; i++) await put(`id${i}`);
    await put("foreign", "no address at all");
    await follow();
    expect(index.head).toBe(20);
    expect(await index.ofActor(a)).toHaveLength(20);
    await put("later");
    await expect.poll(() => index.firstSeq("later")).toBe(22);
  });

  it("goes on from where it was written, also after a crash", async () => {
    for (let i = 0; i < 5; i++) await put(`id${i}`);
    await follow();
    await put("unwritten");
    await expect.poll(() => index.firstSeq("unwritten")).toBe(6);
    await index.abandon();
    index = new RecordIndex(db);
    expect(index.firstSeq("unwritten")).toBeUndefined();
    await put("meanwhile");
    await follow();
    expect(index.firstSeq("unwritten")).toBe(6);
    expect(await index.ofActor(a)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it("tells up to where it is complete, though a reader of one partition is ahead", async () => {
    for (let i = 0; i < 3; i++) await put(`id${i}`);
    await follow();
    expect([index.head, index.complete]).toEqual([3, 3]);
    index.note(9, "read ahead", a);
    expect([index.head, index.complete]).toEqual([9, 3]);
    await put("id3");
    await expect.poll(() => index.complete).toBe(4);
  });

  it("is ready although the end of the log was deleted", async () => {
    for (let i = 0; i < 3; i++) await put(`id${i}`);
    await deleteMessage(bus, stream, 3);
    await follow();
    expect(await index.ofActor(a)).toEqual([1, 2]);
  });

  it("begins anew over a log that is another one, longer or shorter, and forgets what was kept of the old", async () => {
    for (let i = 0; i < 3; i++) await put(`id${i}`);
    await follow();
    await index.stop();
    await db.put("s!counter/k/a", "a snapshot of the old log");
    await jetStreamApi(bus, `STREAM.DELETE.${stream}`, undefined);
    await ensureStream(bus, stream, [`l${n}.*`]);
    for (let i = 0; i < 9; i++) await put(`new${i}`);
    index = new RecordIndex(db);
    await follow();
    expect(index.firstSeq("id0")).toBeUndefined();
    expect(await index.ofActor(a)).toHaveLength(9);
    expect(await db.get("s!counter/k/a")).toBeUndefined();
  });

  it("is noted again as a whole, wherever in the middle of a flush the process ended", async () => {
    const records = Array.from({ length: 600 }, (_, i) => ({
      seq: i + 1,
      id: `id${i + 1}`,
      to: address("counter", `k${i % 150}`, "a"),
    }));
    for (let writes = 0; ; writes++) {
      await db.clear();
      const first = new RecordIndex(endingAfter(db, writes));
      for (const { seq, id, to } of records) first.note(seq, id, to);
      const whole = await first.flush(601).then(
        () => true,
        () => false,
      );
      const again = new RecordIndex(db);
      for (const { seq, id, to } of records) expect(again.note(seq, id, to)).toBe(true);
      await again.flush(601);
      for (const key of ["k0", "k77", "k149"])
        expect((await again.ofKey(key)).map((r) => r.seq)).toEqual(
          records.filter((r) => r.to.key === key).map((r) => r.seq),
        );
      if (!whole) continue;
      expect(writes).toBeGreaterThan(3);
      return;
    }
  });
});

/** A database that takes so many writes and no more. */
function endingAfter(db: Level<string, string>, writes: number): Level<string, string> {
  let left = writes;
  return new Proxy(db, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (name !== "batch" && name !== "put") return typeof value === "function" ? value.bind(target) : value;
      return (...args: unknown[]) =>
        left-- > 0 ? value.apply(target, args) : Promise.reject(new Error("the process ended"));
    },
  });
}
