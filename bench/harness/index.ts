/** Measuring: loops of load, histograms, interleaved rounds. */
export { type LoopDelay, measureLoopDelay } from "./delay.ts";
export { Latencies, type Percentiles } from "./histogram.ts";
export {
  type ClosedLoopOptions,
  closedLoop,
  interleaved,
  type LoopResult,
  type OpenLoopOptions,
  openLoop,
} from "./loops.ts";
