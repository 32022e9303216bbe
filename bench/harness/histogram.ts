/** Latencies as HdrHistogram: microseconds inside, milliseconds outside, three significant digits. */
import { build, type Histogram } from "hdr-histogram-js";

export interface Percentiles {
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

const LONGEST_MS = 3_600_000;

export class Latencies {
  readonly #histogram: Histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: LONGEST_MS * 1_000,
    numberOfSignificantValueDigits: 3,
  });

  /** @param ms milliseconds; longer than an hour counts as an hour */
  record(ms: number): void {
    this.#histogram.recordValue(Math.min(LONGEST_MS, Math.max(0, ms)) * 1_000);
  }

  get count(): number {
    return this.#histogram.totalCount;
  }

  add(other: Latencies): void {
    this.#histogram.add(other.#histogram);
  }

  /** All in ms; undefined when nothing was recorded, because nothing is not 0. */
  percentiles(): Percentiles | undefined {
    const h = this.#histogram;
    if (h.totalCount === 0) return undefined;
    const at = (p: number) => round(h.getValueAtPercentile(p) / 1_000);
    return {
      count: h.totalCount,
      mean: round(h.mean / 1_000),
      p50: at(50),
      p90: at(90),
      p95: at(95),
      p99: at(99),
      p999: at(99.9),
      max: round(h.maxValue / 1_000),
    };
  }
}

function round(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
