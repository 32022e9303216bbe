/** Bodies that lie apart from the log, against a real server. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { BODY_FRESH_MS, RecordTooLargeError } from "./appender.ts";
import { BodyLostError } from "./bodies.ts";
import { jetStreamApi, messageAt, purge, streamState } from "./stream.ts";
import { BodiesDesk, large, names, record, SECRET } from "./testing-bodies.ts";

let desk: BodiesDesk;
beforeEach(async () => {
  desk = await BodiesDesk.start();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await desk.stop();
});

describe("a large body", () => {
  it("is stored once by its content, whichever record has it, and read as it was", async () => {
    const a = desk.appender();
    const first = record(large("one"));
    const { seq } = await a.append(first);
    // The same record once more, another one that says the same, and one that says something else.
    expect(await a.append(first)).toMatchObject({ seq, duplicate: true });
    const second = await a.append(record(large("one")));
    expect(await desk.stored()).toHaveLength(1);
    const third = await a.append(record(large("two")));
    expect(await desk.stored()).toHaveLength(2);
    expect((await streamState(desk.bus, names.bodiesStream)).messages).toBe(2);
    expect((await desk.read(seq))!.data).toEqual(large("one"));
    expect((await desk.read(second.seq))!.data).toEqual(large("one"));
    expect((await desk.read(third.seq))!.data).toEqual(large("two"));
  });

  it("lies apart from 64 KiB on, or from wherever it is said", async () => {
    // `{"t":""}` has eight bytes.
    const of = (bytes: number) => record({ t: "x".repeat(bytes - 8) });
    await desk.appender().append(of(65_536));
    expect(await desk.stored()).toHaveLength(0);
    await desk.appender().append(of(65_537));
    expect(await desk.stored()).toHaveLength(1);
    await desk.appender({ inlineBytes: 100 }).append(of(101));
    expect(await desk.stored()).toHaveLength(2);
    const { data } = (await messageAt(desk.bus, names.logStream, 2))!;
    expect(data.byteLength).toBeLessThan(1_000);
  });

  it("L1: is durable before its record is in the log", async () => {
    const seen: string[] = [];
    desk.before = async (subject) => {
      if (!subject.startsWith("bw.test.log.")) return;
      seen.push(...(await desk.stored()));
    };
    await desk.appender().append(record(large("one")));
    expect(seen).toHaveLength(1);
  });

  it("L1: that took so long that it may have left is stored again before its record counts", async () => {
    desk.before = async (subject) => {
      if (!subject.startsWith("bw.test.log.")) return;
      await purge(desk.bus, names.bodiesStream, 2);
      const now = performance.now();
      vi.spyOn(performance, "now").mockReturnValue(now + BODY_FRESH_MS + 1);
    };
    const { seq } = await desk.appender().append(record(large("one")));
    expect((await desk.read(seq))!.data).toEqual(large("one"));
  });

  it("L9: may be stored while the right to write goes: then its record is not written", async () => {
    const may = (): void => {
      throw new Error("its lease is over");
    };
    await expect(desk.appender().append(record(large("one")), may)).rejects.toThrow("its lease is over");
    expect((await streamState(desk.bus, names.logStream)).messages).toBe(0);
  });

  it("L12: shows nothing of itself, nor that somebody else has said the same", async () => {
    const a = desk.appender();
    await a.append(record(large("one"), "ada"));
    await a.append(record(large("one"), "bob"));
    const subjects = await desk.stored();
    expect(subjects).toHaveLength(2);
    expect(new Set(subjects.map((subject) => subject.split(".").at(-1))).size).toBe(2);
    for (const stream of [names.logStream, names.bodiesStream])
      for (const seq of [1, 2]) {
        const { data } = (await messageAt(desk.bus, stream, seq))!;
        for (const form of ["utf8", "base64", "hex"] as const)
          expect(Buffer.from(data).toString("latin1")).not.toContain(
            Buffer.from(SECRET).toString(form).slice(0, 16),
          );
      }
  });

  it("L12: opens under a key that was wrapped anew, and is deleted with a key that was destroyed", async () => {
    const a = desk.appender();
    const [one, other] = [await a.append(record(large("one"))), await a.append(record(large("one"), "bob"))];
    await desk.keys.sealer("customer", { create: true });
    await desk.keys.wrapUnder("ada", "customer");
    expect((await desk.read(one.seq))!.data).toEqual(large("one"));
    await a.append(record(large("one")));
    expect(await desk.stored()).toHaveLength(2);
    // The key above it: whatever it wraps goes with it.
    await desk.keys.destroy("customer");
    await desk.bodies.dropErased(desk.keys);
    expect(await desk.stored()).toEqual([expect.stringMatching(/^bw\.test\.body\.bob\./)]);
    expect(await desk.read(one.seq)).toBeUndefined();
    expect((await desk.read(other.seq))!.data).toEqual(large("one"));
  });

  it("that is deleted as its data subject is erased is no loss, also where the key is still in memory", async () => {
    const { seq } = await desk.appender().append(record(large("one")));
    const sealer = desk.keys.cached("ada")!;
    await desk.keys.destroy("ada");
    await desk.bodies.dropErased(desk.keys);
    // The broadcast is late.
    vi.spyOn(desk.keys, "cached").mockReturnValue(sealer);
    expect(await desk.read(seq)).toBeUndefined();
  });

  it("stays where its key is only missing: it may be brought back", async () => {
    await desk.appender().append(record(large("one")));
    await jetStreamApi(desk.bus, `STREAM.PURGE.KV_${names.keysBucket}`, undefined);
    await desk.bodies.dropErased(desk.keys);
    expect(await desk.stored()).toHaveLength(1);
  });

  it.each([
    ["missing", async () => {}],
    [
      "damaged",
      async (subject: string) => {
        await desk.bus.request(subject, Buffer.alloc(70_000, 7));
      },
    ],
    [
      "damaged",
      async (subject: string) => {
        // Another content of the same subject, in its place.
        await desk.appender().append(record(large("two")));
        const other = (await desk.stored()).find((each) => each !== subject)!;
        const { seq } = (
          await jetStreamApi(desk.bus, `STREAM.MSG.GET.${names.bodiesStream}`, { last_by_subj: other })
        ).message;
        await desk.bus.request(subject, (await messageAt(desk.bus, names.bodiesStream, seq))!.data);
      },
    ],
  ])("that is %s is an error that says of which record, and what to do", async (what, harm) => {
    const { seq } = await desk.appender().append(record(large("one"), "ada", "r1"));
    const [subject] = await desk.stored();
    await jetStreamApi(desk.bus, `STREAM.PURGE.${names.bodiesStream}`, undefined);
    await harm(subject!);
    const error = await desk.read(seq).catch((e) => e);
    expect(error).toBeInstanceOf(BodyLostError);
    expect(error.message).toBe(
      `the body of record r1 (${seq}, said to counter/ada/ada) is ${what}: bring the stream BW_test_BODIES back from a ` +
        "backup of the server, then retry the dead letter of this record",
    );
  });

  it("can't be passed off as one that lies in the record, nor the other way round", async () => {
    const a = desk.appender();
    for (const data of [large("one"), { text: "short" }]) {
      const { seq } = await a.append(record(data));
      const { apart, ...wire } = JSON.parse(
        Buffer.from((await messageAt(desk.bus, names.logStream, seq))!.data).toString(),
      );
      const forged = { ...wire, ...(apart ? {} : { apart: true }) };
      const answer = await desk.bus.request("bw.test.log.0", Buffer.from(JSON.stringify(forged)));
      expect(await desk.read(JSON.parse(Buffer.from(answer.data).toString()).seq)).toBeUndefined();
    }
  });

  it("has a limit, and nothing of what is above it is written", async () => {
    const above = record({ t: "é".repeat(500_000) });
    expect(() => desk.appender().check(above)).toThrow(
      /1000008 bytes, at most 1000000 are taken \(log.maxBodyBytes\)/,
    );
    await expect(desk.appender().append(above)).rejects.toThrow(RecordTooLargeError);
    // Where the server takes less that counts.
    const most = desk.appender({ maxBytes: 50_000_000 });
    await expect(most.append(record({ t: "x".repeat(desk.bus.maxPayload) }))).rejects.toThrow(
      RecordTooLargeError,
    );
    expect((await streamState(desk.bus, names.logStream)).messages).toBe(0);
    expect(await desk.stored()).toHaveLength(0);
    const fits = record({ t: "x".repeat(desk.bus.maxPayload - 2_000) });
    most.check(fits);
    const { seq } = await most.append(fits);
    expect((await desk.read(seq))!.data).toEqual(fits.data);
  });
});
