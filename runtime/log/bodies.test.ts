/** Bodies that lie apart from the log, against a real server. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { address } from "../address.ts";
import type { Bus, BusMessage } from "../bus/bus.ts";
import { subjectsOf } from "../bus/index.ts";
import { startTestServer, type TestServer } from "../bus/testing.ts";
import type { Envelope } from "../envelope.ts";
import { newId } from "../ids.ts";
import type { JsonObject } from "../json.ts";
import { Appender, BODY_FRESH_MS, type BodyOptions, RecordTooLargeError } from "./appender.ts";
import { Bodies, BodyLostError } from "./bodies.ts";
import { BodyMarks } from "./body-marks.ts";
import { openKeyRing, type WorkspaceKeyRing } from "./keyring.ts";
import { readRecord } from "./read.ts";
import { ensureStream, jetStreamApi, messageAt, purge, streamState, subjectsIn } from "./stream.ts";

const names = subjectsOf("test");
const SECRET = "Winterfeldtstr. 12";
const large = (mark: string): JsonObject => ({ text: `${SECRET} ${mark} ${"x".repeat(70_000)}` });

let server: TestServer;
let bus: Bus;
let dir: string;
let keys: WorkspaceKeyRing;
let bodies: Bodies;
/** Called before each request that the appender makes. */
let before: (subject: string) => Promise<void> | void = () => {};

beforeEach(async () => {
  before = () => {};
  dir = mkdtempSync(join(tmpdir(), "bw-bodies-"));
  server = await startTestServer();
  bus = await server.connect();
  keys = await openKeyRing({ bus, workspace: "test", dataDir: dir });
  await ensureStream(bus, names.logStream, [names.logAll]);
  bodies = new Bodies(bus, names);
  await bodies.open();
});
afterEach(async () => {
  vi.restoreAllMocks();
  keys.close();
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

function appender(body?: BodyOptions): Appender {
  const watched = new Proxy(bus, {
    get(target, name) {
      if (name === "request")
        return async (subject: string, ...rest: [Uint8Array]): Promise<BusMessage> => {
          await before(subject);
          return target.request(subject, ...rest);
        };
      const member = Reflect.get(target, name, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
  return new Appender(watched, keys, {
    bodies: new Bodies(watched, names),
    subject: names.log,
    partitions: 1,
    body,
  });
}

function record(data: JsonObject, to = "ada", id = newId()): Envelope {
  const from = address("test", "test");
  return { id, type: "said", from, to: address("counter", to), at: Date.now(), epoch: 0, clear: {}, data };
}
const read = (seq: number) => readRecord({ bus, stream: names.logStream, keys, bodies }, seq);
const stored = async (): Promise<string[]> =>
  (await subjectsIn(bus, names.bodiesStream, names.bodyAll)).sort();

describe("a large body", () => {
  it("is stored once by its content, whichever record has it, and read as it was", async () => {
    const a = appender();
    const first = record(large("one"));
    const { seq } = await a.append(first);
    // The same record once more, another one that says the same, and one that says something else.
    expect(await a.append(first)).toMatchObject({ seq, duplicate: true });
    const second = await a.append(record(large("one")));
    expect(await stored()).toHaveLength(1);
    const third = await a.append(record(large("two")));
    expect(await stored()).toHaveLength(2);
    expect((await streamState(bus, names.bodiesStream)).messages).toBe(2);
    expect((await read(seq))!.data).toEqual(large("one"));
    expect((await read(second.seq))!.data).toEqual(large("one"));
    expect((await read(third.seq))!.data).toEqual(large("two"));
  });

  it("lies apart from 64 KiB on, or from wherever it is said", async () => {
    // `{"t":""}` has eight bytes.
    const of = (bytes: number) => record({ t: "x".repeat(bytes - 8) });
    await appender().append(of(65_536));
    expect(await stored()).toHaveLength(0);
    await appender().append(of(65_537));
    expect(await stored()).toHaveLength(1);
    await appender({ inlineBytes: 100 }).append(of(101));
    expect(await stored()).toHaveLength(2);
    const { data } = (await messageAt(bus, names.logStream, 2))!;
    expect(data.byteLength).toBeLessThan(1_000);
  });

  it("L1: is durable before its record is in the log", async () => {
    const seen: string[] = [];
    before = async (subject) => {
      if (!subject.startsWith("bw.test.log.")) return;
      seen.push(...(await stored()));
    };
    await appender().append(record(large("one")));
    expect(seen).toHaveLength(1);
  });

  it("L1: that took so long that it may have left is stored again before its record counts", async () => {
    before = async (subject) => {
      if (!subject.startsWith("bw.test.log.")) return;
      await purge(bus, names.bodiesStream, 2);
      const now = performance.now();
      vi.spyOn(performance, "now").mockReturnValue(now + BODY_FRESH_MS + 1);
    };
    const { seq } = await appender().append(record(large("one")));
    expect((await read(seq))!.data).toEqual(large("one"));
  });

  it("L9: may be stored while the right to write goes: then its record is not written", async () => {
    const may = (): void => {
      throw new Error("its lease is over");
    };
    await expect(appender().append(record(large("one")), may)).rejects.toThrow("its lease is over");
    expect((await streamState(bus, names.logStream)).messages).toBe(0);
  });

  it("L12: shows nothing of itself, nor that somebody else has said the same", async () => {
    const a = appender();
    await a.append(record(large("one"), "ada"));
    await a.append(record(large("one"), "bob"));
    const subjects = await stored();
    expect(subjects).toHaveLength(2);
    expect(new Set(subjects.map((subject) => subject.split(".").at(-1))).size).toBe(2);
    for (const stream of [names.logStream, names.bodiesStream])
      for (const seq of [1, 2]) {
        const { data } = (await messageAt(bus, stream, seq))!;
        for (const form of ["utf8", "base64", "hex"] as const)
          expect(Buffer.from(data).toString("latin1")).not.toContain(
            Buffer.from(SECRET).toString(form).slice(0, 16),
          );
      }
  });

  it("L12: opens under a key that was wrapped anew, and is deleted with a key that was destroyed", async () => {
    const a = appender();
    const [one, other] = [await a.append(record(large("one"))), await a.append(record(large("one"), "bob"))];
    await keys.sealer("customer", { create: true });
    await keys.wrapUnder("ada", "customer");
    expect((await read(one.seq))!.data).toEqual(large("one"));
    await a.append(record(large("one")));
    expect(await stored()).toHaveLength(2);
    // The key above it: whatever it wraps goes with it.
    await keys.destroy("customer");
    await bodies.dropErased(keys);
    expect(await stored()).toEqual([expect.stringMatching(/^bw\.test\.body\.bob\./)]);
    expect(await read(one.seq)).toBeUndefined();
    expect((await read(other.seq))!.data).toEqual(large("one"));
  });

  it("that is deleted as its data subject is erased is no loss, also where the key is still in memory", async () => {
    const { seq } = await appender().append(record(large("one")));
    await jetStreamApi(bus, `STREAM.PURGE.${names.bodiesStream}`, undefined);
    const destroyed = vi.spyOn(keys, "sealer").mockResolvedValue(undefined);
    expect(keys.cached("ada")).toBeDefined();
    expect(await read(seq)).toBeUndefined();
    expect(destroyed).toHaveBeenCalled();
  });

  it.each([
    ["missing", async () => {}],
    [
      "damaged",
      async (subject: string) => {
        await bus.request(subject, Buffer.alloc(70_000, 7));
      },
    ],
    [
      "damaged",
      async (subject: string) => {
        // Another content of the same subject, in its place.
        await appender().append(record(large("two")));
        const other = (await stored()).find((each) => each !== subject)!;
        const { seq } = (
          await jetStreamApi(bus, `STREAM.MSG.GET.${names.bodiesStream}`, { last_by_subj: other })
        ).message;
        await bus.request(subject, (await messageAt(bus, names.bodiesStream, seq))!.data);
      },
    ],
  ])("that is %s is an error that says of which record, and what to do", async (what, harm) => {
    const { seq } = await appender().append(record(large("one"), "ada", "r1"));
    const [subject] = await stored();
    await jetStreamApi(bus, `STREAM.PURGE.${names.bodiesStream}`, undefined);
    await harm(subject!);
    const error = await read(seq).catch((e) => e);
    expect(error).toBeInstanceOf(BodyLostError);
    expect(error.message).toBe(
      `the body of record r1 (${seq}, said to counter/ada/ada) is ${what}: bring the stream BW_test_BODIES back from a ` +
        "backup of the server, then retry the dead letter of this record",
    );
  });

  it("can't be passed off as one that lies in the record, nor the other way round", async () => {
    const a = appender();
    for (const data of [large("one"), { text: "short" }]) {
      const { seq } = await a.append(record(data));
      const { apart, ...wire } = JSON.parse(
        Buffer.from((await messageAt(bus, names.logStream, seq))!.data).toString(),
      );
      const forged = { ...wire, ...(apart ? {} : { apart: true }) };
      const answer = await bus.request("bw.test.log.0", Buffer.from(JSON.stringify(forged)));
      expect(await read(JSON.parse(Buffer.from(answer.data).toString()).seq)).toBeUndefined();
    }
  });

  it("has a limit, and nothing of what is above it is written", async () => {
    const above = record({ t: "é".repeat(500_000) });
    expect(() => appender().check(above)).toThrow(
      /1000008 bytes, at most 1000000 are taken \(log.maxBodyBytes\)/,
    );
    await expect(appender().append(above)).rejects.toThrow(RecordTooLargeError);
    // Where the server takes less that counts.
    const most = appender({ maxBytes: 50_000_000 });
    await expect(most.append(record({ t: "x".repeat(bus.maxPayload) }))).rejects.toThrow(RecordTooLargeError);
    expect((await streamState(bus, names.logStream)).messages).toBe(0);
    expect(await stored()).toHaveLength(0);
    const fits = record({ t: "x".repeat(bus.maxPayload - 2_000) });
    most.check(fits);
    const { seq } = await most.append(fits);
    expect((await read(seq))!.data).toEqual(fits.data);
  });
});

describe("bodies leave the stream", () => {
  /** Each call is a pass; what is under way settles at once. */
  const pass = (marks: BodyMarks, first: number) => marks.pass(first);
  const say = async (mark: string, to = "ada") => (await appender().append(record(large(mark), to))).seq;

  it("when no record refers to them any more, and not before", async () => {
    const marks = new BodyMarks(bus, names, 0);
    const one = await say("one");
    for (let i = 0; i < 3; i++) await pass(marks, 1);
    const two = await say("two");
    for (let i = 0; i < 3; i++) await pass(marks, 1);
    expect(await stored()).toHaveLength(2);
    await pass(marks, one + 1);
    expect(await stored()).toHaveLength(1);
    expect((await read(two))!.data).toEqual(large("two"));
    await expect(read(one)).rejects.toThrow(BodyLostError);
    await pass(marks, two + 1);
    expect(await stored()).toHaveLength(0);
  });

  it("not while a later record refers to them", async () => {
    const marks = new BodyMarks(bus, names, 0);
    const one = await say("one");
    for (let i = 0; i < 3; i++) await pass(marks, 1);
    const again = await say("one");
    for (let i = 0; i < 3; i++) await pass(marks, one + 1);
    expect((await read(again))!.data).toEqual(large("one"));
    await pass(marks, again + 1);
    expect(await stored()).toHaveLength(0);
  });

  it("not while a record may still come that put its body before: what is under way settles first", async () => {
    const marks = new BodyMarks(bus, names, 1_000);
    const now = vi.spyOn(performance, "now").mockReturnValue(5_000);
    let record = 0;
    before = async (subject) => {
      if (!subject.startsWith("bw.test.log.") || record > 0) return;
      record = -1;
      // Its body is there, it is not, and the log goes on meanwhile.
      for (let i = 0; i < 3; i++) await pass(marks, 1);
      before = () => {};
      await bus.request("bw.test.log.0", Buffer.from("another"));
    };
    record = await say("one");
    now.mockReturnValue(6_000);
    for (let i = 0; i < 3; i++) await pass(marks, record);
    expect((await read(record))!.data).toEqual(large("one"));
    await pass(marks, record + 1);
    expect(await stored()).toHaveLength(0);
  });

  it("also those that nobody ever referred to", async () => {
    const marks = new BodyMarks(bus, names, 0);
    await bus.request("bw.test.log.0", Buffer.from("the last of the log"));
    before = (subject) => {
      if (subject.startsWith("bw.test.log.")) throw new Error("the node is no more");
    };
    await expect(say("one")).rejects.toThrow("the node is no more");
    before = () => {};
    for (let i = 0; i < 3; i++) await pass(marks, 1);
    expect(await stored()).toHaveLength(1);
    await pass(marks, 2);
    expect(await stored()).toHaveLength(0);
  });

  it("whoever goes on with it: what was noted is in the stream, and the server may die in between", async () => {
    const before = new BodyMarks(bus, names, 0);
    const one = await say("one");
    for (let i = 0; i < 3; i++) await pass(before, 1);
    await pass(new BodyMarks(bus, names, 0), one + 1);
    expect(await stored()).toHaveLength(0);
    const { lastSeq } = await streamState(bus, names.bodiesStream);
    process.kill(server.server.pid!, "SIGKILL");
    await expect
      .poll(() => streamState(bus, names.bodiesStream).catch(() => undefined), { timeout: 10_000 })
      .toMatchObject({ lastSeq });
    const two = await say("two");
    for (let i = 0; i < 3; i++) await pass(new BodyMarks(bus, names, 0), two);
    expect((await read(two))!.data).toEqual(large("two"));
  });

  it("and what is idle writes nothing", async () => {
    const marks = new BodyMarks(bus, names, 0);
    await pass(marks, 1);
    expect((await streamState(bus, names.bodiesStream)).lastSeq).toBe(0);
    const one = await say("one");
    for (let i = 0; i < 4; i++) await pass(marks, one + 1);
    const { lastSeq } = await streamState(bus, names.bodiesStream);
    for (let i = 0; i < 4; i++) await pass(marks, one + 1);
    expect((await streamState(bus, names.bodiesStream)).lastSeq).toBe(lastSeq);
  });
});
