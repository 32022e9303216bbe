/** The process that is measured: one node, or the bare loop. Told what to do by the bench (`harness/remote.ts`). */
import { partitionOf } from "../../runtime/address.ts";
import type { StoredRecord } from "../../runtime/envelope.ts";
import type { Node } from "../../runtime/node.ts";
import type { Percentiles } from "../harness/index.ts";
import { serve } from "../harness/remote.ts";
import { BareLoop } from "./bare-loop.ts";
import { foldSpeed } from "./fold.ts";
import { rawActors } from "./memory.ts";
import { startNode } from "./node.ts";
import { conversation, type Joined, join, PARTITIONS, type Place } from "./place.ts";
import { Coverage, DoneFeed, watchStore } from "./progress.ts";

export interface StartNode extends Place {
  readonly what: "node" | "bare";
}

export interface Counted {
  readonly turns: number;
  readonly said: string;
}

let running: { readonly stop: () => Promise<unknown> } | undefined;
let node: Node | undefined;
let joined: Joined | undefined;
/** Processor time of this process up to the last time it was asked for. */
let cpu = process.cpuUsage();
const coverage = new Coverage();
watchStore(coverage);

async function start(options: StartNode): Promise<void> {
  joined = await join(options, "bench-node");
  const { bus } = joined;
  const done = new DoneFeed(bus);
  if (options.what === "bare") {
    running = await BareLoop.start(bus, options.dir, coverage, done);
    return;
  }
  const observe = (record: StoredRecord): void => observed(record, done);
  running = node = await startNode(options, joined, observe);
}

function observed({ to, seq, correlation, type }: StoredRecord, done: DoneFeed): void {
  if (to.kind === "channel") done.add(correlation ?? "");
  else if (type === "message" || type === "known") coverage.add(partitionOf(to.key, PARTITIONS), seq);
}

async function stop(): Promise<void> {
  await running?.stop();
  await joined?.leave();
  running = node = joined = undefined;
}

/** Reads conversations that are not in memory, one after the other. */
async function activate({ numbers }: { numbers: readonly number[] }): Promise<Percentiles | undefined> {
  // A node of a desk has no histograms: none are loaded at a start that is measured.
  const { Latencies } = await import("../harness/index.ts");
  const latencies = new Latencies();
  for (const n of numbers) {
    const from = performance.now();
    if (!(await node!.read(conversation(n)))) throw new Error(`conversation ${n} is not known`);
    latencies.record(performance.now() - from);
  }
  return latencies.percentiles();
}

/** Turns of conversations as their actors have counted them, and what each has said last. */
async function turns({ numbers }: { numbers: readonly number[] }): Promise<Counted[]> {
  const counted: Counted[] = [];
  for (const n of numbers)
    counted.push((await node!.read(conversation(n, "turns")))?.view as unknown as Counted);
  return counted;
}

function memory(): number {
  for (let i = 0; i < 3; i++) gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

serve(
  {
    start,
    stop,
    activate,
    turns,
    memory,
    raw: ({ actors }) => rawActors(actors, memory),
    fold: foldSpeed,
    covered: ({ least }) => coverage.reached(least),
    cpu: () => {
      const { user, system } = process.cpuUsage(cpu);
      cpu = process.cpuUsage();
      return (user + system) / 1_000;
    },
  },
  stop,
);
