/** Entry of the customers' thread: does its job, and asks the desk's process for what only that can do. */
import { parentPort, workerData } from "node:worker_threads";
import type { FromCustomers, ToCustomers } from "./customers.ts";
import { type Hooks, type Job, runJob } from "./job.ts";

const port = parentPort!;
const open = new Map<number, { resolve: (value: any) => void; reject: (error: Error) => void }>();
let last = 0;

port.on("message", ({ id, value, error }: ToCustomers) => {
  const waiting = open.get(id);
  open.delete(id);
  if (error === undefined) waiting?.resolve(value);
  else waiting?.reject(new Error(error));
});

const tell = (message: FromCustomers): void => port.postMessage(message);
const ask =
  (name: keyof Hooks) =>
  (...args: unknown[]): Promise<any> =>
    new Promise((resolve, reject) => {
      const id = ++last;
      open.set(id, { resolve, reject });
      tell({ kind: "call", id, name, args });
    });

const hooks: Hooks = {
  advance: ask("advance"),
  fault: ask("fault"),
  record: ask("record"),
  putBack: ask("putBack"),
};
tell({
  kind: "result",
  result: await runJob(workerData as Job, hooks, (done) => tell({ kind: "done", done })),
});
port.close();
