/**
 * The customers live in a thread of their own, as they do not run inside of a desk in real life either: what is measured
 * is the desk, and not the customers' reading.
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { type Hooks, type Job, type JobResult, runJob } from "./job.ts";

export type FromCustomers =
  | {
      readonly kind: "call";
      readonly id: number;
      readonly name: keyof Hooks;
      readonly args: readonly unknown[];
    }
  | { readonly kind: "done"; readonly done: number }
  | { readonly kind: "result"; readonly result: JobResult };

export type ToCustomers = {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
};

export async function sendCustomers(
  job: Job,
  hooks: Hooks,
  options: { readonly signal: AbortSignal; readonly onDone: (done: number) => void },
): Promise<JobResult> {
  const file = fileURLToPath(new URL("./customers-thread.js", import.meta.url));
  // From the sources, in tests, there is no compiled file for a thread.
  if (!existsSync(file)) return runJob(job, hooks, options.onDone);
  const thread = new Worker(file, { workerData: job });
  const stop = (): void => void thread.terminate();
  options.signal.addEventListener("abort", stop);
  try {
    return await new Promise<JobResult>((resolve, reject) => {
      thread.on("error", reject);
      thread.on("exit", () => reject(new Error("the customers were stopped before they were done")));
      thread.on("message", (message: FromCustomers) => {
        if (message.kind === "done") options.onDone(message.done);
        else if (message.kind === "result") resolve(message.result);
        else {
          const { id, name, args } = message;
          const answer = (part: Partial<ToCustomers>) => thread.postMessage({ id, ...part });
          Promise.resolve((hooks[name] as (...args: any[]) => unknown)(...args)).then(
            (value) => answer({ value }),
            (error) => answer({ error: String((error as Error).message) }),
          );
        }
      });
    });
  } finally {
    options.signal.removeEventListener("abort", stop);
    await thread.terminate();
  }
}
