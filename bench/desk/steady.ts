/** The desk under a steady rate; then the rate is raised until the desk does not keep up. */
import { openLoop, type Percentiles } from "../harness/index.ts";
import type { Crowd } from "./crowd.ts";
import { type DeskLoad, onDesk, type Stretch, stretch } from "./desk.ts";

export interface SteadyOptions extends DeskLoad {
  /** Of each step of the ramp; 0 for none. */
  readonly rampSeconds: number;
}

export interface RampStep {
  readonly rate: number;
  /** Turns that were answered a second. */
  readonly achieved: number;
  /** From when a turn was due to its reply. */
  readonly turn: Percentiles | undefined;
  readonly failed: number;
  readonly kept: boolean;
}

export interface SteadyResult extends Stretch {
  readonly live: number;
  readonly ramp: readonly RampStep[];
  /** The highest rate that it kept up with; undefined without a ramp. */
  readonly knee?: number;
}

const RAMP_FACTOR = 1.25;
const MOST_STEPS = 12;
/** It keeps up while so many of the turns that were due are answered in the time, and a turn takes no longer than this, p95 in ms. */
const KEPT_SHARE = 0.97;
const KEPT_MS = 1_000;

export function steady(options: SteadyOptions): Promise<SteadyResult> {
  const { rate, rampSeconds, onProgress } = options;
  return onDesk(options, {}, async (desk, crowd) => {
    onProgress?.(`${rate} turns a second`);
    const measured = await stretch(desk, crowd, options);
    const ramp: RampStep[] = [];
    for (let step = 1; rampSeconds > 0 && step <= MOST_STEPS; step++) {
      const next = Math.round(rate * RAMP_FACTOR ** step);
      onProgress?.(`${next} turns a second`);
      ramp.push(await rampStep(crowd, next, rampSeconds));
      if (!ramp.at(-1)!.kept) break;
    }
    await crowd.settled();
    const kept = ramp.filter((step) => step.kept).map((step) => step.rate);
    return {
      ...measured,
      live: crowd.live,
      ramp,
      ...(rampSeconds > 0 ? { knee: Math.max(rate, ...kept) } : {}),
    };
  });
}

async function rampStep(crowd: Crowd, rate: number, seconds: number): Promise<RampStep> {
  const result = await openLoop({ rate, seconds }, async () => void (await crowd.turn()));
  const turn = result.latencies.percentiles();
  const achieved = result.done / result.seconds;
  const kept = result.failed === 0 && achieved >= rate * KEPT_SHARE && (turn?.p95 ?? 0) <= KEPT_MS;
  return { rate, achieved, turn, failed: result.failed, kept };
}
