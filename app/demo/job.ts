/** What the customers of a demo do, wherever they run: plain data in, plain data out. */
import type { DeskAccess } from "../../scenarios/desk-client.ts";
import type { Scenario } from "../../scenarios/format.ts";
import { type Played, type PlayOptions, playAll, type Stage } from "../../scenarios/player.ts";
import { type DrivenRun, driveRun } from "../../scenarios/recorded/drive.ts";
import type { RecordedRun } from "../../scenarios/recorded/tau2.ts";

export interface Job {
  readonly access: DeskAccess;
  /** Start of the run, ms since the epoch. */
  readonly start: number;
  readonly concurrency: number;
  /** Customers around those that count. */
  readonly extras?: PlayOptions["extras"];
  readonly scenarios?: readonly Scenario[];
  /** Runs that take place one after the other, with the customers whose records are put back before each. */
  readonly chains?: readonly (readonly {
    readonly run: RecordedRun;
    readonly customers: readonly string[];
  }[])[];
}

/** What only the process of the desk can do. */
export interface Hooks extends Required<Pick<Stage, "advance" | "fault" | "record">> {
  putBack(customers: readonly string[]): Promise<void>;
}

export interface JobResult {
  readonly played: Played[];
  readonly driven: DrivenRun[];
  /** Until the last customer was done, ms. */
  readonly ms: number;
}

export async function runJob(job: Job, hooks: Hooks, onDone: (done: number) => void): Promise<JobResult> {
  const { access, start, concurrency, extras, scenarios = [], chains = [] } = job;
  const stage: Stage = { ...access, start, ...hooks };
  let from = 0;
  let ms = 0;
  const onBegin = (): void => {
    from = performance.now();
  };
  const finished = (done: number): void => {
    ms = performance.now() - from;
    onDone(done);
  };
  const played = await playAll(scenarios, stage, { concurrency, extras, onBegin, onDone: finished });
  if (chains.length > 0) onBegin();
  const queue = [...chains];
  const ends: (() => Promise<DrivenRun>)[] = [];
  const worker = async (): Promise<void> => {
    for (let chain = queue.shift(); chain; chain = queue.shift()) {
      for (const { run, customers } of chain) {
        await hooks.putBack(customers);
        ends.push(await driveRun(run, access));
        finished(ends.length);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, queue.length) }, worker));
  const driven: DrivenRun[] = [];
  for (const end of ends) driven.push(await end());
  return { played, driven, ms };
}
