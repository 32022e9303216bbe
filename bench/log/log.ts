/** Measures variants of the log one after the other, each over a server of its own. */
import { findNatsServer, natsServerVersion } from "../../runtime/config/nats-server.ts";
import { type Layout, type LayoutMeasured, measureLayout } from "./layouts.ts";
import type { LogMeasured } from "./rows.ts";
import { measureSnapshots } from "./snapshots.ts";
import { measureWindow, type WindowMeasured } from "./windows.ts";

export interface LogBenchOptions {
  /** Actors, of one record each. */
  readonly scale: number;
  readonly layouts: readonly Layout[];
  /** Duplicate windows, seconds; 0 for records without ids. */
  readonly windows: readonly number[];
  /** Of snapshots, bytes. */
  readonly sizes: readonly number[];
  readonly onStage?: (text: string) => void;
}

/** Records that each layout is tried with before anything counts: this process compiles its code meanwhile. */
const WARM_UP = 5_000;
/** Each of the snapshots is written so often for a scale of 10,000 and more. */
const MOST_TIMES = 10;

export async function measureLog(
  options: LogBenchOptions,
): Promise<LogMeasured & { readonly natsServer: string }> {
  const { scale, onStage = () => {} } = options;
  onStage("warming up");
  for (const layout of options.layouts) await measureLayout(layout, Math.min(scale, WARM_UP));
  const layouts: LayoutMeasured[] = [];
  for (const layout of options.layouts) {
    onStage(`${scale} ids as ${layout}`);
    layouts.push(await measureLayout(layout, scale));
  }
  const windows: WindowMeasured[] = [];
  for (const seconds of options.windows) {
    onStage(seconds === 0 ? `${scale} records without ids` : `${scale} ids, a window of ${seconds} s`);
    windows.push(await measureWindow(seconds, scale));
  }
  onStage("snapshots");
  const times = Math.max(1, Math.min(MOST_TIMES, Math.floor(scale / 1_000)));
  const snapshots = await measureSnapshots(options.sizes, times);
  return { layouts, windows, snapshots, natsServer: natsServerVersion(findNatsServer()) ?? "unknown" };
}
