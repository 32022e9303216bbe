/**
 * Ten times as many customers from one moment to the next, for a while: nothing may be lost, and the desk has to be as fast as before
 * soon after. Turns that are due meanwhile are sent when they are due, however many are under way.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Latencies, type LoopResult, openLoop, type Percentiles } from "../harness/index.ts";
import type { Crowd } from "./crowd.ts";
import { type DeskLoad, onDesk } from "./desk.ts";

export interface BurstOptions extends DeskLoad {
  readonly burstSeconds: number;
  /** At the rate of before. What has not come back by then is said to have not. */
  readonly afterSeconds: number;
}

/** A turn, by when it was due. */
interface Due {
  /** Since the burst ended, ms. */
  readonly at: number;
  /** Until its reply, ms. */
  readonly ms: number;
}

export interface BurstResult {
  readonly turns: number;
  readonly failed: number;
  /** Conversations at its end: who finds nobody who waits for nothing is a new customer. */
  readonly live: number;
  /** From when a turn was due to its reply. */
  readonly before: Percentiles | undefined;
  readonly during: Percentiles | undefined;
  readonly after: Percentiles | undefined;
  /** From the end of the burst until turns took no longer than before, ms; undefined where that was not within the time. */
  readonly recoveredMs: number | undefined;
}

export const BURST_FACTOR = 10;
/** Turns are as before while their p95 is not above so many times that of before, or above it by no more than this, ms. */
const AS_BEFORE = 1.5;
const AS_BEFORE_MS = 10;
/** Of so many seconds together: of a single one a p95 is no more than its slowest turn. */
const WINDOW_MS = 5_000;
const STEP_MS = 500;

export function burst(options: BurstOptions): Promise<BurstResult> {
  const { rate, seconds, burstSeconds, afterSeconds, onProgress } = options;
  return onDesk(options, {}, async (_desk, crowd) => {
    const before = new Latencies();
    const during = new Latencies();
    const after: Due[] = [];
    onProgress?.(`${rate} turns a second`);
    const quiet = await load(crowd, rate, seconds, (_, ms) => before.record(ms));
    onProgress?.(`${rate * BURST_FACTOR} turns a second`);
    const loud = load(crowd, rate * BURST_FACTOR, burstSeconds, (_, ms) => during.record(ms));
    await sleep(burstSeconds * 1_000);
    onProgress?.(`${rate} turns a second again`);
    const rest = load(crowd, rate, afterSeconds, (at, ms) => void after.push({ at, ms }));
    const loops = [quiet, ...(await Promise.all([loud, rest]))];
    await crowd.settled();
    return {
      turns: loops.reduce((sum, { done }) => sum + done, 0),
      failed: loops.reduce((sum, { failed }) => sum + failed, 0),
      live: crowd.live,
      before: before.percentiles(),
      during: during.percentiles(),
      after: percentiles(after),
      recoveredMs: recovered(after, before.percentiles()),
    };
  });
}

/** Turns at a rate; of each when it was due, and how long it took from then on, ms. */
function load(
  crowd: Crowd,
  rate: number,
  seconds: number,
  record: (at: number, ms: number) => void,
): Promise<LoopResult> {
  const begun = performance.now();
  return openLoop({ rate, seconds }, async (n) => {
    const at = (n * 1_000) / rate;
    await crowd.turn();
    record(at, performance.now() - begun - at);
  });
}

/** Start of the first seconds that are as they were before. */
export function recovered(after: readonly Due[], before: Percentiles | undefined): number | undefined {
  if (!before) return undefined;
  const most = Math.max(before.p95 * AS_BEFORE, before.p95 + AS_BEFORE_MS);
  const last = Math.max(0, ...after.map(({ at }) => at));
  for (let from = 0; from <= last; from += STEP_MS) {
    const window = percentiles(after.filter(({ at }) => at >= from && at < from + WINDOW_MS));
    if (window && window.p95 <= most) return from;
  }
  return undefined;
}

function percentiles(turns: readonly Due[]): Percentiles | undefined {
  const latencies = new Latencies();
  for (const { ms } of turns) latencies.record(ms);
  return latencies.percentiles();
}
