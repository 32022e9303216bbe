/**
 * `bench desk`: customers who write at a fixed rate, whatever the desk does: a turn counts from when it was due, so that a desk that
 * is late can't hide it by being asked less. Then the rate is raised until the desk does not keep up.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonObject } from "../../runtime/json.ts";
import { deskRequest } from "../../scenarios/desk-client.ts";
import { stagesOf } from "../../scenarios/stages.ts";
import { Latencies, openLoop, type Percentiles } from "../harness/index.ts";
import { DeskProcess, metricOf } from "../soak/desk-process.ts";
import { StageTally } from "../stage-tally.ts";
import { Crowd } from "./crowd.ts";

export interface DeskBenchOptions {
  /** Conversations that are live at any time. */
  readonly conversations: number;
  /** Turns of customers a second. */
  readonly rate: number;
  readonly seconds: number;
  /** Of load before what counts. */
  readonly warmUpSeconds: number;
  /** Of each step of the ramp; 0 for none. */
  readonly rampSeconds: number;
  /** Settings of the desk: a model that it has. Default none. */
  readonly settings?: JsonObject;
  readonly onProgress?: (what: string, done?: number, all?: number) => void;
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

export interface DeskBenchResult {
  readonly turns: number;
  readonly failed: number;
  readonly live: number;
  readonly achieved: number;
  /** From when it was due, from when it was accepted, and what happened in between by the trace; absent where it did not happen. */
  readonly stages: Readonly<Record<string, Percentiles>>;
  /** Of the desk's process, while it counted: parts of one processor, MiB, ms. */
  readonly process: { readonly cpu: number; readonly residentMiB: number; readonly loopDelayMs?: number };
  readonly ramp: readonly RampStep[];
  /** The highest rate that it kept up with; undefined without a ramp. */
  readonly knee?: number;
}

/** Conversations whose traces are read afterwards. */
const TRACED = 200;
const RAMP_FACTOR = 1.25;
const MOST_STEPS = 12;
/** It keeps up while so many of the turns that were due are answered in the time, and a turn takes no longer than this, p95 in ms. */
const KEPT_SHARE = 0.97;
const KEPT_MS = 1_000;

export async function benchDesk(options: DeskBenchOptions): Promise<DeskBenchResult> {
  const { conversations, rate, seconds, warmUpSeconds, rampSeconds, onProgress } = options;
  const dir = await mkdtemp(join(tmpdir(), "bailiwick-bench-"));
  onProgress?.("starting a desk");
  const desk = await DeskProcess.start(dir, options.settings ?? {});
  try {
    const crowd = await Crowd.gather(desk, conversations, (came) =>
      onProgress?.("customers come", came, conversations),
    );
    onProgress?.("warming up");
    await openLoop({ rate, seconds: warmUpSeconds }, async () => void (await crowd.turn()));
    crowd.spoken.clear();

    onProgress?.(`${rate} turns a second`);
    const accept = new Latencies();
    const reply = new Latencies();
    const before = await usage(desk);
    const begun = performance.now();
    const measured = await openLoop({ rate, seconds }, async () => {
      const { sentAt, acceptedAt, answeredAt } = await crowd.turn();
      accept.record(acceptedAt - sentAt);
      reply.record(answeredAt! - acceptedAt);
    });
    const tookS = (performance.now() - begun) / 1_000;
    const after = await usage(desk);
    const stages = await traced(desk, [...crowd.spoken].slice(0, TRACED));
    const own = { accept, reply, turn: measured.latencies };
    for (const [stage, latencies] of Object.entries(own)) {
      const percentiles = latencies.percentiles();
      if (percentiles) stages[stage] = percentiles;
    }
    const ramp: RampStep[] = [];
    for (let step = 1; rampSeconds > 0 && step <= MOST_STEPS; step++) {
      const next = Math.round(rate * RAMP_FACTOR ** step);
      onProgress?.(`${next} turns a second`);
      ramp.push(await rampStep(crowd, next, rampSeconds));
      if (!ramp.at(-1)!.kept) break;
    }
    await crowd.settled();
    const { live } = crowd;
    await crowd.leave();
    const kept = ramp.filter((step) => step.kept).map((step) => step.rate);
    return {
      turns: measured.done,
      failed: measured.failed,
      live,
      achieved: measured.done / tookS,
      stages,
      process: { ...after, cpu: (after.cpu - before.cpu) / tookS },
      ramp,
      ...(rampSeconds > 0 ? { knee: Math.max(rate, ...kept) } : {}),
    };
  } finally {
    await desk.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

async function rampStep(crowd: Crowd, rate: number, seconds: number): Promise<RampStep> {
  const result = await openLoop({ rate, seconds }, async () => void (await crowd.turn()));
  const turn = result.latencies.percentiles();
  const achieved = result.done / result.seconds;
  const kept = result.failed === 0 && achieved >= rate * KEPT_SHARE && (turn?.p95 ?? 0) <= KEPT_MS;
  return { rate, achieved, turn, failed: result.failed, kept };
}

/** Processor time so far, s, memory, and the longest that the event loop stood still since it was asked last. */
async function usage(desk: DeskProcess): Promise<DeskBenchResult["process"]> {
  const values = await desk.metrics();
  const find = (name: string): number | undefined => metricOf(values, name);
  const delay = find("nodejs_eventloop_lag_p99_seconds");
  return {
    cpu: find("process_cpu_seconds_total") ?? Number.NaN,
    residentMiB: (find("process_resident_memory_bytes") ?? Number.NaN) / 1024 / 1024,
    ...(delay === undefined ? {} : { loopDelayMs: delay * 1_000 }),
  };
}

/** What the traces of conversations say of each stage. */
async function traced(
  desk: DeskProcess,
  conversations: readonly string[],
): Promise<Record<string, Percentiles>> {
  const tally = new StageTally();
  for (const id of conversations) {
    const { records } = await deskRequest(desk, "GET", `/v1/admin/conversations/${id}/trace`);
    tally.add(stagesOf(records));
  }
  return tally.percentiles();
}
