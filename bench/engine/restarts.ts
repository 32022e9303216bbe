/** How long it takes until something that ended works again: a process under its watchdog, a child, an actor. */
import { setTimeout as sleep } from "node:timers/promises";
import { ENGINE_NODE_ARGUMENTS } from "../../runtime/node-arguments.ts";
import { runWatchdog, Supervisor } from "../../supervisors/index.ts";
import type { Arm } from "./arm.ts";

const GONE_LOOK_MS = 1;

export interface ProcessRestart {
  /** From the kill until the node says that it is ready, ms. */
  readonly ready: number;
  /** From the kill until a message sent as soon as it is gone is answered, ms. */
  readonly answered: number;
}

/** Kills a node's process without warning. The arm's own node must have ended; nothing else may run there meanwhile. */
export async function restartProcess(arm: Arm, entry: string): Promise<ProcessRestart> {
  const end = new AbortController();
  let killedAt = 0;
  let answered: Promise<number> | undefined;
  let isReady: (at: number) => void = () => {};
  const ready = new Promise<number>((resolve) => {
    isReady = resolve;
  });
  const watchdog = runWatchdog({
    entry,
    execArgv: ENGINE_NODE_ARGUMENTS,
    args: ["watched", JSON.stringify(arm.place)],
    signal: end.signal,
    stdio: "ignore",
    onEvent: (event) => {
      if (event.type !== "ready") return;
      if (killedAt > 0) return isReady(performance.now());
      killedAt = performance.now();
      process.kill(event.pid, "SIGKILL");
      // Not before it is gone: what it still answers, and has no time to tell of, nobody would tell of later.
      answered = gone(event.pid).then(async () => performance.now() - killedAt + (await arm.once(0)));
      answered.catch(() => {});
    },
  });
  const gaveUp = watchdog.then(() => {
    throw new Error("bench engine: the watched node did not come back");
  });
  try {
    const at = await Promise.race([ready, gaveUp]);
    return { ready: at - killedAt, answered: await answered! };
  } finally {
    gaveUp.catch(() => {});
    end.abort();
    await watchdog;
  }
}

async function gone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await sleep(GONE_LOOK_MS);
  }
}

/** A child of a supervisor that fails, without the wait before a restart: ms until it is started again, each time. */
export async function restartChild(times: number): Promise<number[]> {
  const took: number[] = [];
  let failedAt = 0;
  let allDone: () => void = () => {};
  const done = new Promise<void>((resolve) => {
    allDone = resolve;
  });
  const supervisor = new Supervisor({
    name: "bench",
    intensity: { max: times + 1, periodMs: 60_000 },
    backoff: () => 0,
    children: [
      {
        id: "child",
        start: ({ exited }) => {
          if (failedAt > 0) took.push(performance.now() - failedAt);
          if (took.length >= times) allDone();
          else
            setImmediate(() => {
              failedAt = performance.now();
              exited(new Error("bench"));
            });
          return {};
        },
      },
    ],
  });
  await supervisor.start();
  await done;
  await supervisor.stop();
  return took;
}
