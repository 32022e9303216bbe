/** When bodies leave their stream, against a real server. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { BodyLostError } from "./bodies.ts";
import { BodyMarks } from "./body-marks.ts";
import { streamState } from "./stream.ts";
import { BodiesDesk, large, names } from "./testing-bodies.ts";

let desk: BodiesDesk;
beforeEach(async () => {
  desk = await BodiesDesk.start();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await desk.stop();
});

describe("bodies leave the stream", () => {
  it("when no record refers to them any more, and not before", async () => {
    const marks = new BodyMarks(desk.bus, names, 0);
    const one = await desk.say("one");
    for (let i = 0; i < 3; i++) await marks.pass(1);
    const two = await desk.say("two");
    for (let i = 0; i < 3; i++) await marks.pass(1);
    expect(await desk.stored()).toHaveLength(2);
    await marks.pass(one + 1);
    expect(await desk.stored()).toHaveLength(1);
    expect((await desk.read(two))!.data).toEqual(large("two"));
    await expect(desk.read(one)).rejects.toThrow(BodyLostError);
    await marks.pass(two + 1);
    expect(await desk.stored()).toHaveLength(0);
  });

  it("not while a later record refers to them", async () => {
    const marks = new BodyMarks(desk.bus, names, 0);
    const one = await desk.say("one");
    for (let i = 0; i < 3; i++) await marks.pass(1);
    const again = await desk.say("one");
    for (let i = 0; i < 3; i++) await marks.pass(one + 1);
    expect((await desk.read(again))!.data).toEqual(large("one"));
    await marks.pass(again + 1);
    expect(await desk.stored()).toHaveLength(0);
  });

  it("not while a record may still come that put its body before: what is under way settles first", async () => {
    const marks = new BodyMarks(desk.bus, names, 1_000);
    const now = vi.spyOn(performance, "now").mockReturnValue(5_000);
    let said = 0;
    desk.before = async (subject) => {
      if (!subject.startsWith("bw.test.log.") || said !== 0) return;
      said = -1;
      // Its body is there, it is not, and the log goes on meanwhile.
      for (let i = 0; i < 3; i++) await marks.pass(1);
      desk.before = () => {};
      await desk.bus.request("bw.test.log.0", Buffer.from("another"));
    };
    said = await desk.say("one");
    now.mockReturnValue(6_000);
    for (let i = 0; i < 3; i++) await marks.pass(said);
    expect((await desk.read(said))!.data).toEqual(large("one"));
    await marks.pass(said + 1);
    expect(await desk.stored()).toHaveLength(0);
  });

  it("not while a record may still come that put its body while others settled", async () => {
    const marks = new BodyMarks(desk.bus, names, 1_000);
    const now = vi.spyOn(performance, "now").mockReturnValue(5_000);
    await desk.say("one");
    await marks.pass(1);
    desk.before = async (subject) => {
      if (!subject.startsWith("bw.test.log.")) return;
      desk.before = () => {};
      now.mockReturnValue(6_000);
      await marks.pass(1);
    };
    const two = await desk.say("two");
    await marks.pass(two);
    expect((await desk.read(two))!.data).toEqual(large("two"));
    expect(await desk.stored()).toHaveLength(1);
    // It has its turn when it has settled, though nothing comes after it.
    await marks.pass(two);
    now.mockReturnValue(7_000);
    await marks.pass(two);
    await marks.pass(two + 1);
    expect(await desk.stored()).toHaveLength(0);
  });

  it("also those that nobody ever referred to", async () => {
    const marks = new BodyMarks(desk.bus, names, 0);
    await desk.bus.request("bw.test.log.0", Buffer.from("the last of the log"));
    desk.before = (subject) => {
      if (subject.startsWith("bw.test.log.")) throw new Error("the node is no more");
    };
    await expect(desk.say("one")).rejects.toThrow("the node is no more");
    desk.before = () => {};
    for (let i = 0; i < 3; i++) await marks.pass(1);
    expect(await desk.stored()).toHaveLength(1);
    await marks.pass(2);
    expect(await desk.stored()).toHaveLength(0);
  });

  it("whoever goes on with it: what was noted is in the stream, and the server may die in between", async () => {
    const earlier = new BodyMarks(desk.bus, names, 0);
    const one = await desk.say("one");
    for (let i = 0; i < 3; i++) await earlier.pass(1);
    await new BodyMarks(desk.bus, names, 0).pass(one + 1);
    expect(await desk.stored()).toHaveLength(0);
    const { lastSeq } = await streamState(desk.bus, names.bodiesStream);
    process.kill(desk.server.server.pid!, "SIGKILL");
    await expect
      .poll(() => streamState(desk.bus, names.bodiesStream).catch(() => undefined), { timeout: 10_000 })
      .toMatchObject({ lastSeq });
    const two = await desk.say("two");
    for (let i = 0; i < 3; i++) await new BodyMarks(desk.bus, names, 0).pass(two);
    expect((await desk.read(two))!.data).toEqual(large("two"));
  });

  it("and what is idle writes nothing", async () => {
    const marks = new BodyMarks(desk.bus, names, 0);
    await marks.pass(1);
    expect((await streamState(desk.bus, names.bodiesStream)).lastSeq).toBe(0);
    const one = await desk.say("one");
    for (let i = 0; i < 4; i++) await marks.pass(one + 1);
    const { lastSeq } = await streamState(desk.bus, names.bodiesStream);
    for (let i = 0; i < 4; i++) await marks.pass(one + 1);
    expect((await streamState(desk.bus, names.bodiesStream)).lastSeq).toBe(lastSeq);
  });
});
