import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Level } from "level";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { address, partitionOf } from "../address.ts";
import type { Kv } from "../bus/bus.ts";
import { startTestServer, type TestServer } from "../bus/testing.ts";
import { WorkspaceKeyRing } from "../log/keyring.ts";
import { type CellState, CellStore } from "./cell-store.ts";
import { Handover } from "./handover.ts";

const PARTITIONS = 2;
const of = (to: { key: string }): number => partitionOf(to.key, PARTITIONS);
/** Of partition 0. */
const actors = Array.from({ length: 60 }, (_, i) => address("counter", `n${i}`)).filter((to) => of(to) === 0);

let server: TestServer;
let kv: Kv;
let keys: WorkspaceKeyRing;
let dir: string;
const open: Level<string, string>[] = [];
let buckets = 0;
let epoch = 0;
const fence = (more: { log?: string; head?: number } = {}) => ({
  epoch: ++epoch,
  log: "one",
  head: 1_000,
  ...more,
});
beforeAll(async () => {
  server = await startTestServer();
  dir = mkdtempSync(join(tmpdir(), "handover-"));
  keys = await WorkspaceKeyRing.open({ bus: await server.connect(), dataDir: dir, workspace: "test" });
});
afterAll(async () => {
  await keys?.close();
  await server?.stop();
  rmSync(dir, { recursive: true, force: true });
});
beforeEach(async () => {
  kv = await (await server.connect()).kv(`HANDOVER_${++buckets}`);
});
afterEach(async () => {
  for (const db of open.splice(0)) await db.close();
});

/** What one node has, with what it leaves. */
async function node(options: { perPart?: number; mostChanges?: number; kv?: Kv } = {}) {
  const db = new Level<string, string>(join(dir, `${buckets}-${open.length}`));
  await db.open();
  open.push(db);
  const store = new CellStore(db, keys, of);
  await store.open();
  return { store, handover: new Handover({ kv, store, partitionOf: of, ...options }) };
}

const state = (seq: number, deadline: number | undefined, covered: boolean): CellState => ({
  version: 1,
  seq,
  at: seq,
  startedAt: 1,
  extent: { first: 1, base: seq, folded: seq, covers: covered ? seq : 0 },
  asks: [],
  machine: {
    snapshot: {},
    timers: deadline === undefined ? [] : [{ key: "patience", generation: 1, deadline }],
  } as unknown as CellState["machine"],
  hash: "",
});
const written = (
  seq: number,
  to = actors[0]!,
  { closed = false, covered = true, deadline = seq * 10 } = {},
) => [{ to, state: state(seq, closed ? undefined : deadline, covered), closed }] as const;

async function shown(store: CellStore) {
  const { position, kept } = await store.summary(0);
  const rows = kept.map(({ to, open, waiting, base }) => [to.id, open, waiting?.timers[0]?.deadline, base]);
  return { position, kept: rows.sort() };
}

it("a node goes on from what another one left, and from its changes since", async () => {
  const a = await node();
  await a.handover.adopt(0, fence());
  await a.store.write([...written(1), ...written(2, actors[1]), ...written(3, actors[2])], new Map([[0, 4]]));
  await a.handover.leave([0]);
  await a.store.write([...written(5), ...written(6, actors[1], { closed: true })], new Map([[0, 7]]));
  await a.handover.leave([0]);
  const b = await node();
  expect(await b.handover.adopt(0, fence())).toBe(false);
  expect(await shown(b.store)).toEqual({
    position: 7,
    kept: [
      [actors[0]!.id, true, 50, 5],
      [actors[2]!.id, true, 30, 3],
    ].sort(),
  });
  // And the next one from what that one made of it.
  await b.store.write(written(8, actors[3]), new Map([[0, 9]]));
  await b.handover.leave([0]);
  const c = await node();
  await c.handover.adopt(0, fence());
  expect(await shown(c.store)).toEqual(await shown(b.store));
});

it("an actor that has closed and has no checkpoint of it yet still needs its records, at the next node as well", async () => {
  const a = await node();
  await a.handover.adopt(0, fence());
  await a.store.write(written(3, actors[0], { closed: true, covered: false }), new Map([[0, 4]]));
  await a.handover.leave([0]);
  const b = await node();
  await b.handover.adopt(0, fence());
  expect((await shown(b.store)).kept).toEqual([[actors[0]!.id, false, undefined, 3]]);
  expect((await b.store.needs.lowest(0, 1)).take()).toBe(3);
  expect((await b.store.needs.lowest(0, 4)).take()).toBe(Number.POSITIVE_INFINITY);
});

it("whatever the number of actors and of changes, nothing of it is lost", async () => {
  const a = await node({ perPart: 3, mostChanges: 4 });
  await a.handover.adopt(0, fence());
  for (let seq = 1; seq <= 40; seq++) {
    const to = actors[(seq * 7) % actors.length]!;
    await a.store.write(written(seq, to, { closed: seq % 5 === 0 }), new Map([[0, seq + 1]]));
    if (seq % 2 === 0) await a.handover.leave([0]);
    if (seq % 6 !== 0) continue;
    const b = await node();
    await b.handover.adopt(0, fence());
    expect(await shown(b.store)).toEqual(await shown(a.store));
  }
});

it("a node that knows more keeps what it has, and what it had of a partition that others went on with is replaced", async () => {
  const a = await node();
  const b = await node();
  await a.handover.adopt(0, fence());
  await a.store.write([...written(1), ...written(2, actors[1])], new Map([[0, 3]]));
  await a.handover.leave([0]);
  await a.store.write(written(4), new Map([[0, 5]]));
  // It died before it could leave that, and is back.
  await a.handover.adopt(0, fence());
  expect((await shown(a.store)).position).toBe(5);
  await a.handover.leave([0]);
  await a.store.write(written(6), new Map([[0, 7]]));
  await a.handover.leave([0]);
  await b.handover.adopt(0, fence());
  await b.store.write(written(8, actors[1], { closed: true }), new Map([[0, 9]]));
  await b.handover.leave([0]);
  await a.handover.adopt(0, fence());
  expect(await shown(a.store)).toEqual({ position: 9, kept: [[actors[0]!.id, true, 60, 6]] });
});

it("says when the tenure before got nowhere", async () => {
  const a = await node();
  expect(await a.handover.adopt(0, fence())).toBe(false);
  expect(await a.handover.adopt(0, fence())).toBe(true);
  await a.store.write(written(1), new Map([[0, 2]]));
  expect(await a.handover.adopt(0, fence())).toBe(false);
});

it("says so of nodes, too, that did not live to share how far they were", async () => {
  const [a, b] = [await node(), await node()];
  await a.store.write(written(1), new Map([[0, 5]]));
  await b.store.write(written(1), new Map([[0, 3]]));
  expect(await a.handover.adopt(0, fence())).toBe(false);
  for (const { handover } of [b, a, b, a]) expect(await handover.adopt(0, fence())).toBe(true);
  await b.store.write(written(6), new Map([[0, 7]]));
  expect(await b.handover.adopt(0, fence())).toBe(false);
  expect(await b.handover.adopt(0, fence({ log: "two" }))).toBe(false);
});

it("counts attempts at a record for all of its owners together", async () => {
  const all = [await node(), await node()];
  const owner = (n: number) => all[n % 2]!.handover.attemptsIn(0);
  expect(await owner(0).countAttempt("x")).toBe(1);
  expect(await owner(1).countAttempt("x")).toBe(2);
  // Whoever has an earlier position tries others before it.
  const third = owner(2);
  expect(await third.countAttempt("y")).toBe(1);
  await third.clearAttempt("y");
  expect(await third.countAttempt("x")).toBe(3);
  await third.clearAttempt("x");
  const fourth = owner(3);
  expect(await fourth.countAttempt("x")).toBe(1);
  // While there is one that was tried and not folded, tenures are careful, wherever they begin.
  const { store, handover } = all[1]!;
  expect(await handover.adopt(0, fence())).toBe(true);
  await fourth.clearAttempt("x");
  await store.write(written(6), new Map([[0, 7]]));
  expect(await handover.adopt(0, fence())).toBe(false);
});

it("does not take a count that has to be written again for another attempt", async () => {
  let failures = 2;
  // It is written, and nobody hears of that.
  const deaf = new Proxy(kv, {
    get: (target, name) => {
      const member = Reflect.get(target, name, target);
      if (name !== "put") return typeof member === "function" ? member.bind(target) : member;
      return async (...args: Parameters<Kv["put"]>) => {
        const revision = await target.put(...args);
        if (failures-- > 0) throw new Error("no answer");
        return revision;
      };
    },
  });
  const attempts = (await node({ kv: deaf })).handover.attemptsIn(0);
  for (let i = 0; i < 2; i++) await expect(attempts.countAttempt("x")).rejects.toThrow("no answer");
  expect(await attempts.countAttempt("x")).toBe(1);
  failures = 1;
  await expect(attempts.clearAttempt("x")).rejects.toThrow("no answer");
  expect(await attempts.countAttempt("x")).toBe(1);
});

it("half of what was to be left is nothing", async () => {
  let dies = false;
  // It dies before the last of its writes.
  const dying = new Proxy(kv, {
    get: (target, name) => {
      const member = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      return (key: string, ...more: unknown[]) =>
        dies && key === "p0" ? Promise.reject(new Error("dead")) : member.call(target, key, ...more);
    },
  });
  for (const perPart of [2, 10]) {
    dies = false;
    const a = await node({ perPart, kv: dying });
    await a.handover.adopt(0, fence());
    const seq = a.store.position(0);
    await a.store.write(written(seq), new Map([[0, seq + 1]]));
    await a.handover.leave([0]);
    await a.store.write(
      [...written(seq + 2), ...written(seq + 3, actors[1]), ...written(seq + 4, actors[2])],
      new Map([[0, seq + 5]]),
    );
    dies = true;
    await expect(a.handover.leave([0])).rejects.toThrow("dead");
    const b = await node();
    await b.handover.adopt(0, fence());
    expect(await shown(b.store)).toEqual({ position: seq + 1, kept: [[actors[0]!.id, true, seq * 10, seq]] });
  }
});

it("an owner that has lost the partition does not undo what the next one left", async () => {
  const a = await node();
  const b = await node();
  await a.handover.adopt(0, fence());
  await a.store.write(written(1), new Map([[0, 2]]));
  await a.handover.leave([0]);
  await a.store.write(written(3), new Map([[0, 4]]));
  await b.handover.adopt(0, fence());
  await b.store.write([...written(5), ...written(6, actors[1])], new Map([[0, 7]]));
  await b.handover.leave([0]);
  await b.store.write(written(8, actors[2]), new Map([[0, 9]]));
  await expect(a.handover.leave([0])).rejects.toMatchObject({ name: "KvConflictError" });
  await b.handover.leave([0]);
  const c = await node();
  await c.handover.adopt(0, fence());
  expect(await shown(c.store)).toEqual(await shown(b.store));
});

it("keeps no more in the bucket than it needs", async () => {
  const a = await node({ perPart: 3, mostChanges: 4 });
  await a.handover.adopt(0, fence());
  for (let seq = 1; seq <= 60; seq++) {
    await a.store.write(written(seq, actors[seq % 6]), new Map([[0, seq + 1]]));
    await a.handover.leave([0]);
  }
  expect((await kv.keys()).length).toBeLessThan(12);
});

it("what is left at the same time is left one after the other", async () => {
  const a = await node();
  await a.handover.adopt(0, fence());
  await a.store.write(written(1), new Map([[0, 2]]));
  await a.handover.leave([0]);
  const leaving: Promise<void>[] = [];
  for (let seq = 3; seq < 9; seq++) {
    await a.store.write(written(seq, actors[seq]), new Map([[0, seq + 1]]));
    leaving.push(a.handover.leave([0]));
  }
  await Promise.all(leaving);
  const b = await node();
  await b.handover.adopt(0, fence());
  expect(await shown(b.store)).toEqual(await shown(a.store));
});

it("goes on leaving after a late write of the owner before", async () => {
  const a = await node();
  const b = await node();
  await a.handover.adopt(0, fence());
  await a.store.write(written(1), new Map([[0, 2]]));
  await a.handover.leave([0]);
  await b.handover.adopt(0, fence());
  await a.store.write(written(3), new Map([[0, 4]]));
  await a.handover.leave([0]);
  await b.store.write(written(5, actors[1]), new Map([[0, 6]]));
  await b.handover.leave([0]);
  await b.store.write(written(7, actors[2]), new Map([[0, 8]]));
  await b.handover.leave([0]);
  const c = await node();
  await c.handover.adopt(0, fence());
  expect(await shown(c.store)).toEqual(await shown(b.store));
});

it("what was left of another log, or beyond the end of this one, is not gone on from", async () => {
  const a = await node();
  await a.handover.adopt(0, fence());
  await a.store.write(written(1), new Map([[0, 900]]));
  await a.handover.leave([0]);
  for (const other of [{ log: "two" }, { head: 899 }]) {
    const b = await node();
    await b.handover.adopt(0, fence(other));
    expect(b.store.position(0)).toBe(1);
  }
});
