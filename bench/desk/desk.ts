/**
 * A desk of the bench's own with customers on it, and load on it that comes at a fixed rate, whatever the desk does: a turn counts from
 * when it was due, so that a desk that is late can't hide it by being asked less.
 */
import type { JsonObject } from "../../runtime/json.ts";
import { deskRequest } from "../../scenarios/desk-client.ts";
import type { SentMessage } from "../../scenarios/driver.ts";
import { stagesOf } from "../../scenarios/stages.ts";
import { type DeskProcess, metricOf, withDesk } from "../desk-process.ts";
import { Latencies, openLoop, type Percentiles } from "../harness/index.ts";
import { StageTally } from "../stage-tally.ts";
import { Crowd, type CrowdOptions } from "./crowd.ts";

/** What every workload has: a desk, and who is on it before anything counts. */
export interface DeskLoad {
  /** Conversations that are live at any time. */
  readonly conversations: number;
  /** Turns of customers a second. */
  readonly rate: number;
  /** That count. */
  readonly seconds: number;
  /** Of load before what counts. */
  readonly warmUpSeconds: number;
  /** Settings of the desk: a model that it has. Default none. */
  readonly settings?: JsonObject;
  readonly onProgress?: (what: string, done?: number, all?: number) => void;
}

/** Load over a time, and what the desk's process took meanwhile. */
export interface Stretch {
  readonly turns: number;
  readonly failed: number;
  /** Turns that were answered a second. */
  readonly achieved: number;
  /** From when it was due, from when it was accepted, and what happened in between by the trace; absent where it did not happen. */
  readonly stages: Readonly<Record<string, Percentiles>>;
  /** From acceptance to reply, by the channels on which there were any. */
  readonly channels: Readonly<Record<string, Percentiles>>;
  /** Parts of one processor, MiB, ms. */
  readonly process: { readonly cpu: number; readonly residentMiB: number; readonly loopDelayMs?: number };
}

/** Conversations whose traces are read afterwards. */
const TRACED = 200;

/**
 * Starts a desk, brings customers, warms up, works, and leaves nothing behind.
 * @param prepare fills the data directory before the desk starts on it
 */
export function onDesk<T>(
  load: DeskLoad,
  crowdOptions: CrowdOptions,
  work: (desk: DeskProcess, crowd: Crowd) => Promise<T>,
  prepare?: (dir: string) => Promise<void>,
): Promise<T> {
  const { settings = {}, onProgress } = load;
  return withDesk(
    settings,
    async (desk) => {
      const crowd = await gathered(desk, load, crowdOptions);
      const result = await work(desk, crowd);
      await crowd.leave();
      return result;
    },
    async (dir) => {
      await prepare?.(dir);
      onProgress?.("starting a desk");
    },
  );
}

/** Customers who have come and have talked for a while. */
export async function gathered(
  desk: DeskProcess,
  { conversations, rate, warmUpSeconds, onProgress }: DeskLoad,
  options: CrowdOptions,
): Promise<Crowd> {
  const crowd = await Crowd.gather(desk, conversations, options, (came) =>
    onProgress?.("customers come", came, conversations),
  );
  onProgress?.("warming up");
  await openLoop({ rate, seconds: warmUpSeconds }, async () => void (await crowd.turn()));
  return crowd;
}

/** Load at a rate for a time. */
export async function stretch(
  desk: DeskProcess,
  crowd: Crowd,
  { rate, seconds }: { readonly rate: number; readonly seconds: number },
): Promise<Stretch> {
  crowd.spoken.clear();
  const accept = new Latencies();
  const reply = new Latencies();
  const channels = new Map<string, Latencies>();
  const before = await usage(desk);
  const begun = performance.now();
  const since = Date.now();
  const measured = await openLoop({ rate, seconds }, async () => {
    const { sent, channel } = await crowd.turn();
    accept.record(sent.acceptedAt - sent.sentAt);
    const replyMs = repliedMs(sent);
    reply.record(replyMs);
    const own = channels.get(channel) ?? new Latencies();
    channels.set(channel, own);
    own.record(replyMs);
  });
  const tookS = (performance.now() - begun) / 1_000;
  const after = await usage(desk);
  const stages = await traced(desk, [...crowd.spoken].slice(0, TRACED), since);
  return {
    turns: measured.done,
    failed: measured.failed,
    achieved: measured.done / tookS,
    stages: { ...stages, ...percentilesOf({ accept, reply, turn: measured.latencies }) },
    channels: percentilesOf(Object.fromEntries(channels)),
    process: { ...after, cpu: (after.cpu - before.cpu) / tookS },
  };
}

/** From acceptance to the first reply, ms. */
function repliedMs({ acceptedAt, answeredAt }: SentMessage): number {
  return answeredAt! - acceptedAt;
}

/** Of those in which there is anything. */
function percentilesOf(all: Readonly<Record<string, Latencies>>): Record<string, Percentiles> {
  const found: Record<string, Percentiles> = {};
  for (const [name, latencies] of Object.entries(all)) {
    const percentiles = latencies.percentiles();
    if (percentiles) found[name] = percentiles;
  }
  return found;
}

/** Processor time so far, s, memory, and the longest that the event loop stood still since it was asked last. */
async function usage(desk: DeskProcess): Promise<Stretch["process"]> {
  const values = await desk.metrics();
  const find = (name: string): number | undefined => metricOf(values, name);
  const delay = find("nodejs_eventloop_lag_p99_seconds");
  return {
    cpu: find("process_cpu_seconds_total") ?? Number.NaN,
    residentMiB: (find("process_resident_memory_bytes") ?? Number.NaN) / 1024 / 1024,
    ...(delay === undefined ? {} : { loopDelayMs: delay * 1_000 }),
  };
}

/** What the traces of conversations say of each stage, from a time on: how they began is another load. */
async function traced(
  desk: DeskProcess,
  conversations: readonly string[],
  since: number,
): Promise<Record<string, Percentiles>> {
  const tally = new StageTally();
  for (const id of conversations) {
    const { records } = await deskRequest(desk, "GET", `/v1/admin/conversations/${id}/trace`);
    tally.add(stagesOf(records, since));
  }
  return tally.percentiles();
}
