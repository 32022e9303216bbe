/** Plays a recording in a process that is killed again and again, with kill -9, and goes on where it was. */
import { fork } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { entryOf } from "./entry.ts";
import type { FrozenOptions, FrozenResult } from "./result.ts";

export interface KilledJob {
  readonly file: string;
  /** Of the recording in it. */
  readonly id: string;
  /** Outlives the process. */
  readonly dir: string;
  readonly playbooks?: readonly string[];
  readonly options: FrozenOptions;
}

export type FromProcess =
  | { readonly kind: "put" }
  | { readonly kind: "result"; readonly result: FrozenResult };

export interface KilledOptions {
  /** Records after which each process is killed. */
  readonly every: number;
  readonly playbooks?: readonly string[];
  readonly options?: FrozenOptions;
}

/** @returns what the last process came to, with the number of those before it as `crashes` */
export async function playKilled(
  file: string,
  id: string,
  { every, playbooks, options = {} }: KilledOptions,
): Promise<FrozenResult> {
  const dir = await mkdtemp(join(tmpdir(), "bailiwick-killed-"));
  const job: KilledJob = { file, id, dir, playbooks, options };
  const begun = performance.now();
  try {
    for (let kills = 0; ; kills++) {
      const result = await oneProcess(job, every);
      if (result) return { ...result, crashes: kills, durationMs: performance.now() - begun };
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Undefined when it was killed. */
function oneProcess(job: KilledJob, every: number): Promise<FrozenResult | undefined> {
  const child = fork(entryOf("killed-process"), [JSON.stringify(job)], {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    execArgv: [],
  });
  let words = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    words = (words + text).slice(-2_000);
  });
  return new Promise((resolve, reject) => {
    let puts = 0;
    let result: FrozenResult | undefined;
    let killed = false;
    child.on("message", (message: FromProcess) => {
      if (message.kind === "result") result = message.result;
      else if (++puts >= every && !killed) {
        killed = true;
        child.kill("SIGKILL");
      }
    });
    child.once("error", reject);
    child.once("close", (code) => {
      // It may have come to its end before the kill reached it.
      if (result) resolve(result);
      else if (killed) resolve(undefined);
      else reject(new Error(`the process that replays ${job.id} ended with code ${code}: ${words.trim()}`));
    });
  });
}
