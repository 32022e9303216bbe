/** Measuring: loops of load, histograms, interleaved rounds. */
export { Latencies, type Percentiles } from "./histogram.ts";
export {
  type ClosedLoopOptions,
  closedLoop,
  interleaved,
  type LoopResult,
  type OpenLoopOptions,
  openLoop,
} from "./loops.ts";
