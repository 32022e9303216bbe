/** The workloads of `bench desk` by name: how much of each is a profile, and what its results are called and held to. */
import type { EncoderOptions } from "../../memory/encoder/index.ts";
import { type Budgets, type Held, holdAgainst } from "../budgets.ts";
import { profileNamed } from "../flags.ts";
import type { Percentiles } from "../harness/index.ts";
import type { BenchResult } from "../report.ts";
import { BURST_FACTOR, burst } from "./burst.ts";
import { channels } from "./channels.ts";
import type { DeskLoad, Stretch } from "./desk.ts";
import { known } from "./known.ts";
import { steady } from "./steady.ts";
import { tenants } from "./tenants.ts";

export interface Measured {
  readonly rows: BenchResult[];
  readonly held: readonly Held[];
}

/** What is given besides a profile. */
export interface Given
  extends Partial<Pick<DeskLoad, "conversations" | "rate" | "seconds" | "settings" | "onProgress">> {
  readonly encoder: EncoderOptions;
  /** None where nothing is held: a quick profile only shows that it works. */
  readonly budgets: Budgets;
}

export interface Workload {
  /** For the help. */
  readonly says: string;
  /** @throws UsageError for a profile that it does not have */
  run(profile: string, given: Given): Promise<Measured>;
}

type Load = Pick<DeskLoad, "conversations" | "rate" | "seconds" | "warmUpSeconds">;

function workload<P extends Load>(
  says: string,
  profiles: Readonly<Record<"full" | "quick", P>>,
  run: (load: P & Given) => Promise<Measured>,
): Workload {
  return {
    says,
    run: (profile, given) => {
      const set = Object.entries(given).filter(([, value]) => value !== undefined);
      return run({ ...profileNamed(profiles, profile), ...(Object.fromEntries(set) as unknown as Given) });
    },
  };
}

const FULL = { conversations: 500, rate: 50, seconds: 60, warmUpSeconds: 20 };
const QUICK = { conversations: 12, rate: 4, seconds: 3, warmUpSeconds: 1 };

export const WORKLOADS: Readonly<Record<string, Workload>> = {
  steady: workload(
    "a steady rate, which is then raised until the desk does not keep up",
    { full: { ...FULL, rampSeconds: 15 }, quick: { ...QUICK, rampSeconds: 0 } },
    async (load) => {
      const result = await steady(load);
      const held = holdAgainst(load.budgets.desk, result.stages);
      return {
        held,
        rows: [
          ...stretchRows("desk", result, load.rate, held),
          count("desk.live", "conversations", result.live),
          ...result.ramp.map(
            ({ rate, achieved, turn, failed, kept }): BenchResult => ({
              name: `desk.ramp.${rate}`,
              unit: "turns/s",
              value: achieved,
              ...timesOf(turn),
              baseline: kept && failed === 0 ? rate : undefined,
            }),
          ),
          ...(result.knee === undefined ? [] : [count("desk.knee", "turns/s", result.knee)]),
        ],
      };
    },
  ),
  burst: workload(
    `${BURST_FACTOR} times as many customers from one moment to the next, and how soon the desk is as fast as before`,
    {
      full: { ...FULL, conversations: 200, rate: 15, seconds: 30, burstSeconds: 10, afterSeconds: 60 },
      quick: { ...QUICK, rate: 2, burstSeconds: 2, afterSeconds: 6 },
    },
    async (load) => {
      const result = await burst(load);
      const { recoveredMs } = result;
      const most = load.budgets.burst?.recovery?.p95;
      return {
        held: [],
        rows: [
          failed("burst", result.failed),
          count("burst.live", "conversations", result.live),
          ...(["before", "during", "after"] as const).flatMap((when) =>
            result[when] ? [timed(`burst.${when}`, result[when])] : [],
          ),
          {
            ...(recoveredMs === undefined
              ? count("burst.recovered", "ms or more", load.afterSeconds * 1_000)
              : count("burst.recovered", "ms", recoveredMs)),
            ...(most === undefined
              ? {}
              : { budget: most, held: recoveredMs !== undefined && recoveredMs <= most }),
          },
        ],
      };
    },
  ),
  channels: workload(
    "chat, e-mail and voice at once, each held to its own budget",
    { full: FULL, quick: QUICK },
    async (load) => {
      const result = await channels(load);
      const byChannel = Object.entries(result.channels).map(([channel, reply]) => ({
        channel,
        reply,
        held: holdAgainst(load.budgets[channel === "chat" ? "desk" : channel], { reply }),
      }));
      return {
        held: byChannel.flatMap(({ held }) => held),
        rows: [
          ...stretchRows("channels", result, load.rate, []),
          count("channels.live", "conversations", result.live),
          ...byChannel.map(({ channel, reply, held }) => ({
            ...timed(`channels.reply.${channel}`, reply),
            ...(held.length > 0 ? { held: held.every((each) => each.held) } : {}),
          })),
        ],
      };
    },
  ),
  known: workload(
    "100,000 customers whose records and facts the desk has, of whom anybody may come",
    { full: { ...FULL, customers: 100_000 }, quick: { ...QUICK, customers: 600 } },
    async (load) => {
      const result = await known(load);
      const held = holdAgainst(load.budgets.desk, result.stages);
      return {
        held,
        rows: [
          ...stretchRows("known", result, load.rate, held),
          count("known.live", "conversations", result.live),
          count("known.customers", "customers", result.customers),
          count("known.start", "ms", result.startMs),
        ],
      };
    },
  ),
  tenants: workload(
    "a quiet tenant beside a noisy one, two desks on one machine and one server",
    {
      full: { ...FULL, conversations: 100, rate: 5, noisyRate: 150 },
      quick: { ...QUICK, conversations: 4, rate: 2, noisyRate: 8 },
    },
    async (load) => {
      const { alone, beside, noisy } = await tenants(load);
      const before = alone.stages.reply;
      const meanwhile = beside.stages.reply;
      return {
        held: [],
        rows: [
          failed("tenants.quiet", alone.failed + beside.failed),
          ...(before ? [timed("tenants.quiet.alone", before)] : []),
          ...(meanwhile ? [{ ...timed("tenants.quiet.beside", meanwhile), baseline: before?.p95 }] : []),
          ...(noisy.turn ? [timed("tenants.noisy", noisy.turn)] : []),
          count("tenants.noisy.turns", "turns", noisy.turns),
          count("tenants.noisy.failed", "turns", noisy.failed),
        ],
      };
    },
  ),
};

function stretchRows(name: string, result: Stretch, rate: number, held: readonly Held[]): BenchResult[] {
  const { achieved, stages, process } = result;
  return [
    { name: `${name}.rate`, unit: "turns/s", value: achieved, baseline: rate },
    failed(name, result.failed),
    ...Object.entries(stages).map(([stage, times]): BenchResult => {
      const own = held.filter((each) => each.stage === stage);
      return {
        ...timed(`${name}.${stage}`, times),
        ...(own.length > 0 ? { held: own.every((each) => each.held) } : {}),
      };
    }),
    count(`${name}.cpu`, "processors", process.cpu),
    count(`${name}.resident`, "MiB", process.residentMiB),
    ...(process.loopDelayMs === undefined
      ? []
      : [count(`${name}.loop-delay`, "ms (p99)", process.loopDelayMs)]),
  ];
}

function count(name: string, unit: string, value: number): BenchResult {
  return { name, unit, value };
}

function failed(name: string, turns: number): BenchResult {
  return { name: `${name}.failed`, unit: "turns", value: turns, budget: 0, held: turns === 0 };
}

function timed(name: string, times: Percentiles): BenchResult {
  return { name, unit: "ms (p95)", value: times.p95, ...timesOf(times) };
}

function timesOf(times: Percentiles | undefined): Partial<BenchResult> {
  return times ? { p50: times.p50, p95: times.p95, p99: times.p99 } : {};
}
