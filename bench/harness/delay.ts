/** How long the event loop stood still. */
import { monitorEventLoopDelay } from "node:perf_hooks";

export interface LoopDelay {
  /** ms */
  readonly p99: number;
  readonly max: number;
}

/** Looks each millisecond; what it answers is above the truth by up to as much. */
const RESOLUTION_MS = 1;

/** @returns what ends the measuring and answers */
export function measureLoopDelay(): () => LoopDelay {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  return () => {
    histogram.disable();
    return { p99: histogram.percentile(99) / 1e6, max: histogram.max / 1e6 };
  };
}
