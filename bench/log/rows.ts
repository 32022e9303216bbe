/** What was measured of the log's variants, as rows of the report. The variant in use is held against the other one. */
import { type BenchResult, tidy } from "../report.ts";
import type { LayoutMeasured } from "./layouts.ts";
import type { PrefixMeasured } from "./prefix.ts";
import type { SnapshotsMeasured } from "./snapshots.ts";
import type { WindowMeasured } from "./windows.ts";

export interface LogMeasured {
  readonly layouts: readonly LayoutMeasured[];
  readonly windows: readonly WindowMeasured[];
  readonly snapshots: readonly SnapshotsMeasured[];
}

/** How much larger the log may be after all conversations than after the first part of them. */
const MOST_GROWTH = 1.5;
const MIB = 1024 * 1024;

export function prefixRows({ conversations, turns, turnsAfter }: PrefixMeasured): BenchResult[] {
  const rows: BenchResult[] = [];
  const add = (name: string, unit: string, value: number, more: Partial<BenchResult> = {}): void => {
    rows.push(tidy({ name: `prefix.${name}`, unit, value, ...more }));
  };
  for (const { atOnce, settled } of conversations) {
    const name = `closed-${atOnce.count}`;
    add(`${name}.log`, "MiB", atOnce.bytes / MIB);
    add(`${name}.records`, "records", atOnce.records);
    add(`${name}.log-settled`, "KiB", settled.bytes / 1024);
    add(`${name}.records-settled`, "records", settled.records);
    add(`${name}.index-settled`, "MiB", settled.index / MIB);
    add(`${name}.keys-settled`, "MiB", settled.keys / MIB);
  }
  const [first] = conversations;
  const last = conversations.at(-1);
  const before = last?.settled.bytes ?? 0;
  if (first && last) {
    const growth = last.settled.bytes / first.settled.bytes;
    add("growth", "times", growth, { budget: MOST_GROWTH, held: growth <= MOST_GROWTH });
    add("index", "bytes/conversation", last.settled.index / last.settled.count);
  }
  for (const kept of turns) add(`turns-${kept.count}.log`, "KiB", (kept.bytes - before) / 1024);
  add("turns-settled.log", "KiB", turnsAfter.bytes / 1024);
  add("turns-settled.records", "records", turnsAfter.records);
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
