/** The invariants of the log and the host (architecture section 3), each against a real server and a real LevelDB. */
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { address } from "../address.ts";
import { ShiftedClock } from "../clock.ts";
import { OverloadedError } from "../engine.ts";
import { newId } from "../ids.ts";
import { AskError, type Service } from "./service.ts";
import { channel, counter } from "./test-machines.ts";
import { TestDesk, type TestNodeOptions } from "./testing.ts";

const definitions = [counter, channel];
const c1 = address("counter", "c1");
let desk: TestDesk;

async function start(options: Partial<TestNodeOptions> = {}): Promise<TestDesk> {
  desk = await TestDesk.start({ definitions, ...options });
  return desk;
}
afterEach(() => desk?.stop());

async function context(to = c1): Promise<any> {
  return (await desk.node.read(to))?.view;
}

/** A service that notes each key it was called with. */
function echoService(calls: string[], behave: (input: any) => Promise<any> = async (i) => i): Service {
  return {
    name: "test",
    operations: {
      echo: async (input, { idempotencyKey }) => {
        calls.push(idempotencyKey);
        return behave(input);
      },
    },
  };
}

describe("the log", () => {
  it("L1: has a record, acknowledged, by the time that append answers", async () => {
    await start();
    const { seq } = await desk.send(c1, "add");
    expect(seq).toBe(1);
    expect((await desk.node.logState()).messages).toBe(1);
  });

  it("L2: is folded in order, one at a time per actor", async () => {
    await start();
    const ids = Array.from({ length: 300 }, () => newId());
    const sent: Promise<unknown>[] = [];
    for (const id of ids) {
      sent.push(desk.send(c1, "add", {}, id));
      if (sent.length % 20 === 0) {
        await Promise.all(sent);
        await desk.until(async () => (await context())?.seen.length === sent.length);
      }
    }
    const logged = (await desk.node.records(c1)).map((r) => r.id);
    expect((await context()).seen).toEqual(logged);
    expect(new Set(logged)).toEqual(new Set(ids));
  });

  it("counts the first occurrence of an id only, in one process and after a restart", async () => {
    await start();
    const id = newId();
    await desk.send(c1, "add", { n: 5 }, id);
    await desk.until(async () => (await context())?.total === 5);
    expect(await desk.send(c1, "add", { n: 5 }, id)).toMatchObject({ seq: 1, duplicate: true });
    await desk.crash();
    await desk.up();
    expect(await desk.send(c1, "add", { n: 5 }, id)).toMatchObject({ seq: 1, duplicate: true });
    // Past every window: a copy that another writer put into the log.
    const copy = await desk.bus.request("$JS.API.DIRECT.GET.BW_test_LOG", Buffer.from('{"seq":1}'));
    desk.bus.publish(copy.header("Nats-Subject")!, copy.data, { headers: { "Bw-To": "counter/c1/c1" } });
    await desk.send(c1, "add", { n: 1 });
    await desk.until(async () => (await context())?.total === 6);
    expect(desk.node.status()).toMatchObject({ host: { duplicates: 1 } });
  });

  it("L12: keeps no personal text in clear, in the stream or in LevelDB", async () => {
    await start();
    await desk.send(c1, "say", { text: "my-secret-street" });
    await desk.until(async () => (await desk.node.recordsOfKey("c1")).length === 2);
    await desk.node.stop();
    await desk.bus.close();
    const files = (dir: string): string[] =>
      readdirSync(dir).flatMap((name) => {
        const path = join(dir, name);
        return statSync(path).isDirectory() ? files(path) : [path];
      });
    const all = [...files(desk.dir), ...files(desk.server.dir)];
    expect(all.length).toBeGreaterThan(4);
    const secret = Buffer.from("my-secret-street");
    const encoded = Buffer.from(secret.toString("base64").slice(0, 18));
    for (const file of all) {
      const bytes = readFileSync(file);
      expect([file, bytes.includes(secret), bytes.includes(encoded)]).toEqual([file, false, false]);
    }
    await desk.up();
  });

  it("L12: an erased data subject can be read nowhere any more", async () => {
    await start();
    await desk.send(c1, "add");
    await desk.until(async () => (await context())?.total === 1);
    await desk.send(c1, "say", { text: "hello" });
    await desk.until(async () => (await desk.node.recordsOfKey("c1")).length === 3);
    await desk.keys.destroy("c1");
    expect(await desk.node.recordsOfKey("c1")).toEqual([]);
    await expect(desk.send(c1, "add")).rejects.toThrow(/destroyed/);
    await desk.crash();
    await desk.up();
    expect(await desk.node.read(c1)).toBeUndefined();
  });
});

describe("recovery", () => {
  it("L3, L4: state after crashes at any point is the fold of the log", async () => {
    await start({ host: { snapshotEveryMs: 20 } });
    const ids: string[] = [];
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 15; i++) {
        const id = newId();
        ids.push(id);
        await desk.send(c1, "add", {}, id);
        if (i % 3 === 0) await desk.send(c1, "forward", { to: "c2" });
      }
      await desk.crash();
      await desk.up();
    }
    await desk.until(async () => (await context())?.total === 60);
    expect((await context()).seen).toEqual(ids);
    await desk.until(async () => (await context(address("counter", "c2")))?.total === 20);
    expect(await desk.node.verify(c1)).toMatchObject({ same: true });
    expect(desk.node.status()).toMatchObject({ host: { deadLetters: 0 } });
  });

  it("L4: a lost LevelDB is rebuilt from the log, with no second effect", async () => {
    const calls: string[] = [];
    await start({ services: [echoService(calls)] });
    for (let i = 0; i < 10; i++) await desk.send(c1, "add");
    await desk.send(c1, "ask", { x: 1 });
    await desk.send(c1, "forward", { to: "c2" });
    await desk.until(async () => (await context())?.answers.length === 1);
    await desk.until(async () => (await context(address("counter", "c2")))?.total === 1);
    const before = await desk.node.logState();
    await desk.crash();
    rmSync(join(desk.dir, "engine"), { recursive: true });
    await desk.up({ services: [echoService(calls)] });
    expect(await desk.until(() => context())).toMatchObject({ total: 10, answers: [{ x: 1 }] });
    await desk.until(async () => (await context(address("counter", "c2")))?.total === 1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(calls).toHaveLength(1);
    expect((await desk.node.logState()).messages).toBe(before.messages);
  });

  it("shows its observers also what it folds while it starts", async () => {
    await start();
    for (let i = 0; i < 5; i++) await desk.send(c1, "add");
    await desk.until(async () => (await context())?.total === 5);
    await desk.crash();
    rmSync(join(desk.dir, "engine"), { recursive: true });
    const seen: number[] = [];
    await desk.up({ observers: [(record) => seen.push(record.seq)] });
    expect(seen).toEqual([1, 2, 3, 4, 5]);
  });

  it("L4: a damaged snapshot is reported, and the log wins", async () => {
    await start();
    for (let i = 0; i < 5; i++) await desk.send(c1, "add");
    await desk.until(async () => (await context())?.total === 5);
    await desk.node.stop();
    await desk.bus.close();
    const { Level } = await import("level");
    const db = new Level<string, string>(join(desk.dir, "engine"));
    await db.put("s!counter/c1/c1", Buffer.from("not a snapshot at all, nor sealed").toString("base64"));
    await db.close();
    await desk.up();
    expect((await context()).total).toBe(5);
    expect(desk.warnings.map((w) => w.message)).toContain("a snapshot is damaged, the log is read instead");
  });

  it("L4: a snapshot whose state is not that of its hash is reported, and the log wins", async () => {
    await start();
    for (let i = 0; i < 5; i++) await desk.send(c1, "add");
    await desk.until(async () => (await context())?.total === 5);
    await desk.node.stop();
    await desk.alter(c1, (state) => {
      (state.machine.snapshot as any).context.total = 6;
      return state;
    });
    await desk.bus.close();
    await desk.up();
    expect((await context()).total).toBe(5);
    expect(desk.warnings.map((w) => w.message)).toContain("a snapshot is damaged, the log is read instead");
  });

  it("goes on after kill -9 of the server", async () => {
    await start();
    await desk.send(c1, "add");
    await desk.until(async () => (await context())?.total === 1);
    process.kill(desk.server.server.pid!, "SIGKILL");
    let accepted = 1;
    await desk.until(async () => {
      await desk.send(c1, "add").then(
        () => accepted++,
        () => {},
      );
      return accepted >= 6;
    }, "appends to work again");
    await desk.until(async () => (await context())?.total >= 6);
    expect(desk.node.status()).toMatchObject({ host: { deadLetters: 0 } });
  });
});

describe("asks", () => {
  it("brings exactly one answer, from the service, into the log", async () => {
    const calls: string[] = [];
    await start({ services: [echoService(calls)] });
    await desk.send(c1, "ask", { question: 7 });
    await desk.until(async () => (await context())?.answers.length === 1);
    expect(await context()).toMatchObject({ answers: [{ question: 7 }], failures: [] });
    expect((await desk.node.recordsOfKey("c1")).map((r) => r.type)).toEqual([
      "ask",
      "host.ask",
      "host.answer",
    ]);
  });

  it("answers errors with their code, and time-outs", async () => {
    const service = echoService([], async (input) => {
      if (input.fail) throw new AskError("not_found", "no such thing");
      await new Promise((resolve) => setTimeout(resolve, 2_000));
    });
    await start({ services: [service] });
    await desk.send(c1, "ask", { fail: true });
    await desk.send(c1, "ask", { timeoutMs: 50 });
    await desk.send(c1, "ask", { operation: "nothing" });
    await desk.until(async () => (await context())?.failures.length === 3);
    expect((await context()).failures.map((f: any) => f.code).sort()).toEqual([
      "invalid",
      "not_found",
      "timeout",
    ]);
  });

  it("L3, L7: asks again after a crash under the same key, and takes one answer", async () => {
    const calls: string[] = [];
    let hang = true;
    const services = [
      echoService(calls, async (input) => (hang ? new Promise(() => {}) : { ...input, answered: true })),
    ];
    await start({ services });
    await desk.send(c1, "ask", { a: 1, timeoutMs: 60_000 });
    await desk.until(() => calls.length === 1);
    await desk.crash();
    hang = false;
    await desk.up({ services });
    await desk.until(async () => (await context())?.answers.length === 1);
    expect(calls).toHaveLength(2);
    expect(new Set(calls).size).toBe(1);
  });

  it("fails as unavailable when nobody serves it", async () => {
    await start();
    await desk.send(c1, "ask", { timeoutMs: 20_000 });
    await desk.until(async () => (await context())?.failures.length === 1);
    expect((await context()).failures).toMatchObject([{ code: "unavailable" }]);
  });
});

describe("timers", () => {
  it("L10: fires at the deadline, once, also after a crash in between", async () => {
    const clock = new ShiftedClock();
    await start({ clock });
    await desk.send(c1, "wait");
    await desk.until(async () => (await desk.node.read(c1))?.value === "waiting");
    await desk.crash();
    await desk.up({ clock });
    clock.advance(59_000);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await context()).fired).toHaveLength(0);
    clock.advance(2_000);
    await desk.until(async () => (await context())?.fired.length === 1);
    await desk.crash();
    await desk.up({ clock });
    await desk.until(async () => (await context())?.fired.length === 1);
    expect((await desk.node.recordsOfKey("c1")).filter((r) => r.type === "host.timer")).toHaveLength(1);
  });

  it("L10: a cancelled generation does not fire; one that was due while the node was down does", async () => {
    const clock = new ShiftedClock();
    await start({ clock });
    await desk.send(c1, "wait");
    await desk.send(c1, "cancel");
    await desk.send(c1, "wait");
    await desk.until(async () => (await desk.node.read(c1))?.value === "waiting");
    await desk.node.stop();
    await desk.bus.close();
    clock.advance(120_000);
    await desk.up({ clock });
    await desk.until(async () => (await context())?.fired.length === 1);
    expect((await desk.node.read(c1))?.value).toBe("idle");
  });
});

describe("timers that come late", () => {
  it.each([
    ["skip", 0, "waiting"],
    ["fire", 1, "idle"],
  ] as const)("%s, as the kind of the actor says by how late they are", async (what, fired, value) => {
    const clock = new ShiftedClock();
    const asked: [string, number][] = [];
    const late = (timer: string, lateMs: number) => {
      asked.push([timer, lateMs]);
      return lateMs > 30_000 ? what : "fire";
    };
    await start({ clock, definitions: [{ ...counter, late }, channel] });
    await desk.send(c1, "wait");
    await desk.until(async () => (await desk.node.read(c1))?.value === "waiting");
    await desk.node.stop();
    await desk.bus.close();
    clock.advance(120_000);
    await desk.up({ clock });
    const timers = async () => (await desk.node.recordsOfKey("c1")).filter((r) => r.type === "host.timer");
    const record = await desk.until(async () => (await timers())[0]);
    expect(record.clear.skipped).toBe(what === "skip" ? true : undefined);
    await desk.until(async () => (await desk.node.read(c1))!.seq >= record.seq);
    expect(await desk.node.read(c1)).toMatchObject({ value, view: { fired: { length: fired } } });
    expect(asked[0]![1]).toBeGreaterThan(30_000);
    // It is gone for good, and the fold of the log says the same.
    await desk.crash();
    await desk.up({ clock });
    await desk.until(async () => (await desk.node.read(c1))!.seq >= record.seq);
    expect(await desk.node.verify(c1)).toMatchObject({ same: true });
    expect(await desk.node.read(c1)).toMatchObject({ value, view: { fired: { length: fired } } });
    expect(await timers()).toHaveLength(1);
    // One that is set anew and on time fires.
    await desk.send(c1, what === "skip" ? "cancel" : "add");
    await desk.send(c1, "wait");
    await desk.until(async () => (await desk.node.read(c1))?.value === "waiting");
    clock.advance(61_000);
    await desk.until(async () => (await context()).fired.length === fired + 1);
  });
});

describe("crashing machines", () => {
  it("quarantines a record after its attempts, says so to the actor, and goes on", async () => {
    await start();
    await desk.send(c1, "add");
    await desk.send(c1, "crash", { text: "the text of a customer" });
    await desk.send(c1, "add");
    await desk.until(async () => (await context())?.quarantined === 1);
    expect(await context()).toMatchObject({ total: 2, quarantined: 1 });
    expect(desk.node.status()).toMatchObject({ host: { crashes: 3, quarantined: 1 } });
    const [letter] = await desk.node.deadLetters.list();
    expect(letter).toMatchObject({
      seq: 2,
      type: "crash",
      attempts: 3,
      reason: "this machine breaks on the text of a customer",
    });
    expect(JSON.stringify(desk.warnings)).not.toContain("customer");
  });

  it("obeys the decision in every later fold, without a snapshot too", async () => {
    await start();
    await desk.send(c1, "crash");
    await desk.send(c1, "add");
    await desk.until(async () => (await context())?.quarantined === 1);
    expect(await desk.node.verify(c1)).toMatchObject({ same: true });
    await desk.crash();
    rmSync(join(desk.dir, "engine"), { recursive: true });
    await desk.up();
    await desk.until(async () => (await context())?.total === 1);
    expect(await context()).toMatchObject({ quarantined: 1 });
  });

  it("retries a dead letter on demand, and drops it", async () => {
    await start();
    await desk.send(c1, "impure");
    await desk.until(async () => (await context())?.quarantined === 1);
    const [letter] = await desk.node.deadLetters.list();
    expect(letter?.reason).toMatch(/machines are pure/);
    await desk.node.retryDeadLetter(letter!.number);
    await desk.until(async () => (await context())?.quarantined === 2);
    const letters = await desk.node.deadLetters.list();
    expect(letters).toHaveLength(1);
    await desk.node.deadLetters.drop(letters[0]!.number);
    expect(await desk.node.deadLetters.count()).toBe(0);
  });

  it("makes a dead letter of what a foreign client wrote, and reads on", async () => {
    await start();
    desk.bus.publish("bw.test.log.0", Buffer.from("{not json"));
    desk.bus.publish("bw.test.log.1", Buffer.from(JSON.stringify({ v: 1, id: "x", type: "add" })));
    desk.bus.publish("bw.test.log.2", Buffer.from([0xff, 0xfe, 0x00]));
    await desk.send(c1, "add");
    await desk.until(async () => (await desk.node.deadLetters.count()) === 3);
    await desk.until(async () => (await context())?.total === 1);
  });
});

describe("admission", () => {
  it("L8: refuses before the append, and never loses what was accepted", async () => {
    await start({ admission: { maxWaiting: 8 } });
    const results = await Promise.allSettled(Array.from({ length: 200 }, () => desk.send(c1, "add")));
    const accepted = results.filter((r) => r.status === "fulfilled").length;
    const refused = results.filter(
      (r) => r.status === "rejected" && r.reason instanceof OverloadedError,
    ).length;
    expect(accepted + refused).toBe(200);
    expect(refused).toBeGreaterThan(0);
    await desk.until(async () => (await context())?.total === accepted);
    await desk.send(c1, "add");
  });
});

describe("reading", () => {
  it("sees an actor whose first record was acknowledged a moment ago", async () => {
    await start();
    for (let i = 0; i < 50; i++) {
      const to = address("counter", `fresh-${i}`);
      await desk.send(to, "add");
      expect((await desk.node.read(to))?.view).toMatchObject({ total: 1 });
    }
  });
});

describe("the live feed", () => {
  it("hands the records of a sink over in log order, and lists open actors", async () => {
    await start();
    const heard: number[] = [];
    desk.node.follow("c1", (record) => heard.push(record.seq));
    for (let i = 0; i < 20; i++) await desk.send(c1, "say", { text: `line ${i}` });
    await desk.until(() => heard.length === 20);
    expect(heard).toEqual([...heard].sort((a, b) => a - b));
    const stored = await desk.node.records(address("channel", "c1"));
    expect(stored.map((r) => r.seq)).toEqual(heard);
    expect(stored.map((r) => r.data.text)).toEqual(Array.from({ length: 20 }, (_, i) => `line ${i}`));
    expect((await desk.node.list("counter")).map((v) => v.address)).toEqual([c1]);
  });

  it("lets idle actors go when memory is short, and brings them back", async () => {
    // Always short: nothing is idle for long enough to leave otherwise.
    await start({ host: { maxHeapShare: 0, snapshotEveryMs: 10 } });
    for (let i = 0; i < 30; i++) await desk.send(address("counter", `m${i}`), "add");
    await desk.until(() => (desk.node.status().host as any).folded === 30);
    await desk.until(() => (desk.node.status().host as any).cells === 0);
    expect((await context(address("counter", "m7"))).total).toBe(1);
  });

  it("passivates idle actors and brings them back", async () => {
    await start({ host: { passivateAfterMs: 1, snapshotEveryMs: 10 } });
    await desk.send(c1, "add");
    await desk.until(() => (desk.node.status().host as any).cells === 0, "the cell to leave memory");
    await desk.send(c1, "add");
    await desk.until(async () => (await context())?.total === 2);
  });
});
