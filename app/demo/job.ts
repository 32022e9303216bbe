/** What the customers of a demo do, wherever they run: plain data in, plain data out. */
import type { DeskAccess } from "../../scenarios/desk-client.ts";
import { ConversationDriver } from "../../scenarios/driver.ts";
import type { Scenario } from "../../scenarios/format.ts";
import { type Played, playAll, type Stage } from "../../scenarios/player.ts";
import { type DrivenRun, driveRun } from "../../scenarios/recorded/drive.ts";
import type { RecordedRun } from "../../scenarios/recorded/tau2.ts";

export interface Job {
  readonly access: DeskAccess;
  /** Start of the run, ms since the epoch. */
  readonly start: number;
  readonly concurrency: number;
  /** What those say who come before the ones that count. */
  readonly warmUp?: readonly (readonly string[])[];
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
  const { access, start, concurrency, scenarios = [], chains = [] } = job;
  await warmUp(job.warmUp ?? [], access, concurrency);
  const from = performance.now();
  let ms = 0;
  const finished = (done: number): void => {
    ms = performance.now() - from;
    onDone(done);
  };
  const played = await playAll(scenarios, { ...access, start, ...hooks }, { concurrency, onDone: finished });
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

async function warmUp(
  scripts: readonly (readonly string[])[],
  access: DeskAccess,
  concurrency: number,
): Promise<void> {
  const queue = [...scripts];
  const worker = async (): Promise<void> => {
    for (let script = queue.shift(); script; script = queue.shift()) {
      const driver = new ConversationDriver(access);
      await driver.open({ channel: "chat" });
      for (const text of script) await driver.answered(await driver.send(text));
      await driver.close();
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, queue.length) }, worker));
}
