import { describe, expect, it } from "vitest";
import { systemClock } from "../clock.ts";
import type { RecordIndex } from "../log/record-index.ts";
import type { Cell } from "./cell.ts";
import type { CellStore } from "./cell-store.ts";
import { Partition } from "./partition.ts";
import { Snapshots } from "./snapshots.ts";

const CELLS = 100;

/** A hundred changed actors of one partition, the n-th by record n, and a store that can be made to fail. */
function scene({ maxHotActors = 1_000 } = {}) {
  const partition = new Partition(0, 1, {
    epoch: 1,
    head: 0,
    careful: false,
    attempts: { countAttempt: async () => 1, clearAttempt: async () => {} },
    since: 0,
    holds: () => true,
  });
  for (let seq = 1; seq <= CELLS; seq++) partition.begin(seq)();
  const cells = new Map<string, Cell>();
  for (let seq = 1; seq <= CELLS; seq++) {
    const name = `counter/c${seq}/c${seq}`;
    const cell = { name, to: { kind: "counter", key: `c${seq}`, id: `c${seq}` }, seq, dirtySince: seq };
    cells.set(name, {
      ...cell,
      exists: true,
      active: true,
      unacknowledged: 0,
      mailbox: [],
      usedAt: systemClock.monotonic(),
      state: () => ({ seq }),
    } as unknown as Cell);
  }
  const log: { cells: number; positions: [number, number][] }[] = [];
  const store = { failsAt: -1 };
  const snapshots = new Snapshots(
    {
      store: {
        write: async (written: readonly unknown[], positions: ReadonlyMap<number, number>) => {
          if (log.length === store.failsAt) throw new Error("no room");
          log.push({ cells: written.length, positions: [...positions] });
        },
      } as unknown as CellStore,
      index: { flush: async () => {} } as unknown as RecordIndex,
      clock: systemClock,
      cells,
      partitions: new Map([[0, partition]]),
      partitionOf: () => 0,
      warn: () => {},
    },
    { passivateAfterMs: 60_000, maxHotActors, maxHeapShare: 1 },
  );
  const dirty = (): number => [...cells.values()].filter((c) => c.dirtySince !== undefined).length;
  return { snapshots, cells, partition, log, store, dirty };
}

describe("snapshots", () => {
  it("are written a few at a time, and the positions after all of them", async () => {
    const { snapshots, log, dirty } = scene();
    await snapshots.flush();
    expect(log.length).toBeGreaterThan(3);
    expect(log.slice(0, -1).every(({ positions }) => positions.length === 0)).toBe(true);
    expect(log.reduce((sum, { cells }) => sum + cells, 0)).toBe(CELLS);
    expect(log.at(-1)).toEqual({ cells: 0, positions: [[0, CELLS + 1]] });
    expect(dirty()).toBe(0);
  });

  it("leave no position behind where one of them can't be written, and are written again", async () => {
    const { snapshots, log, store, dirty } = scene();
    store.failsAt = 2;
    await expect(snapshots.flush()).rejects.toThrow("no room");
    expect(log.some(({ positions }) => positions.length > 0)).toBe(false);
    expect(dirty()).toBe(CELLS - log.reduce((sum, { cells }) => sum + cells, 0));
    store.failsAt = -1;
    await snapshots.flush();
    expect(log.at(-1)!.positions).toEqual([[0, CELLS + 1]]);
    expect(dirty()).toBe(0);
  });

  it("L4: hold the position back for an actor whose outbox is not acknowledged", async () => {
    const { snapshots, cells, log } = scene();
    cells.get("counter/c70/c70")!.unacknowledged = 1;
    await snapshots.flush();
    expect(log.at(-1)!.positions).toEqual([[0, 70]]);
  });

  it("let the surplus of actors leave as soon as they are written, and have who brings more wait for that", async () => {
    const crowded = scene({ maxHotActors: 60 });
    const room = crowded.snapshots.room();
    expect(room).toBeInstanceOf(Promise);
    await room;
    expect(crowded.cells.size).toBe(60);
    expect(crowded.snapshots.room()).toBeUndefined();
    // What can't be written stays, and nobody waits for it without end.
    const stuck = scene({ maxHotActors: 60 });
    stuck.store.failsAt = 0;
    await stuck.snapshots.room();
    expect(stuck.cells.size).toBe(CELLS);
    expect(scene({ maxHotActors: 70 }).snapshots.room()).toBeUndefined();
  });

  it("stay at the positions of their beginning, whatever is handed over meanwhile", async () => {
    const { snapshots, cells, partition, log } = scene();
    const flushed = snapshots.flush();
    partition.begin(CELLS + 1)();
    cells.get("counter/c1/c1")!.dirtySince ??= CELLS + 1;
    await flushed;
    expect(log.at(-1)!.positions).toEqual([[0, CELLS + 1]]);
  });
});
