/** What was measured of the log's variants, as rows of the report. The variant in use is held against the other one. */
import { type BenchResult, tidy } from "../report.ts";
import type { LayoutMeasured } from "./layouts.ts";
import type { Kept, PrefixMeasured } from "./prefix.ts";
import type { SnapshotsMeasured } from "./snapshots.ts";
import type { WindowMeasured } from "./windows.ts";

export interface LogMeasured {
  readonly layouts: readonly LayoutMeasured[];
  readonly windows: readonly WindowMeasured[];
  readonly snapshots: readonly SnapshotsMeasured[];
}

/** How much larger the log may be at the end than after the first quarter. */
const MOST_GROWTH = 1.5;
/** Times that records stay after which as much leaves as comes: they do so in the third pass. */
const SETTLED = 6;
const MIB = 1024 * 1024;

export function prefixRows(measured: PrefixMeasured): BenchResult[] {
  const { conversations, after, turns, turnsAfter, logMs, firstPartMs } = measured;
  const rows: BenchResult[] = [];
  const add = (name: string, unit: string, value: number, more: Partial<BenchResult> = {}): void => {
    rows.push(tidy({ name: `prefix.${name}`, unit, value, ...more }));
  };
  const all = (name: string, { bytes, records }: Kept): void => {
    add(`${name}.log`, "MiB", bytes / MIB);
    add(`${name}.records`, "records", records);
  };
  for (const kept of conversations) {
    all(`closed-${kept.count}`, kept);
    add(`closed-${kept.count}.index`, "MiB", kept.index / MIB);
    add(`closed-${kept.count}.keys`, "MiB", kept.keys / MIB);
  }
  const [first] = conversations;
  const last = conversations.at(-1);
  if (first && last) {
    const growth = last.bytes / first.bytes;
    // Before anything was old enough to leave, the log can only have grown.
    const isFair = firstPartMs > SETTLED * logMs;
    add("growth", "times", growth, isFair ? { budget: MOST_GROWTH, held: growth <= MOST_GROWTH } : {});
  }
  all("closed-all-left", after);
  add("closed-all-left.index", "bytes/conversation", after.index / after.count);
  for (const kept of turns) add(`turns-${kept.count}.log`, "KiB", (kept.bytes - after.bytes) / 1024);
  add("turns-all-left.log", "KiB", turnsAfter.bytes / 1024);
  add("turns-all-left.records", "records", turnsAfter.records);
  return rows;
}

export function logRows({ layouts, windows, snapshots }: LogMeasured): BenchResult[] {
  const rows: BenchResult[] = [];
  const add = (
    name: string,
    unit: string,
    value: number | undefined,
    more: Partial<BenchResult> = {},
  ): void => {
    if (value !== undefined) rows.push(tidy({ name, unit, value, ...more }));
  };
  for (const l of layouts) {
    const name = `log.ids-as-${l.layout}`;
    add(`${name}.publish`, "records/s", l.publish);
    add(`${name}.tail`, "records/s", l.tail);
    add(`${name}.tail-first`, "ms", l.tailFirstMs);
    add(`${name}.take-over`, "ms", l.takeOverMs);
    const { p50, p95, p99 } = l.oneActor;
    add(`${name}.one-actor`, "ms", p50, { p50, p95, p99 });
    add(`${name}.server-memory`, "MiB", l.memory);
    add(`${name}.server-restart`, "ms", l.restartMs);
    add(`${name}.server-memory-restarted`, "MiB", l.memoryAfterRestart);
  }
  for (const w of windows) {
    const name = w.seconds === 0 ? "log.no-ids" : `log.window-${w.seconds}s`;
    add(`${name}.publish`, "records/s", w.publish);
    add(`${name}.server-memory`, "MiB", w.memory);
    add(`${name}.server-restart`, "ms", w.restartMs);
  }
  for (const { store, bytes, put, get } of snapshots) {
    for (const [what, { p50, p95, p99 }] of [
      ["put", put],
      ["get", get],
    ] as const)
      add(`snapshots.${store}.${bytes / 1024}KiB.${what}`, "ms", p50, { p50, p95, p99 });
  }
  return rows;
}
