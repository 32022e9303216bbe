/** Faults of room: the log takes nothing more, or the node's disk. */
import { spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import type { Bus } from "../../../runtime/bus/index.ts";
import { jetStreamApi } from "../../../runtime/log/stream.ts";
import { keepFull } from "../disks.ts";
import type { Inject } from "./injection.ts";

const SHORT_MS = [1_500, 4_000] as const;
/**
 * Left free when the log's limit is set, because the load goes on meanwhile, at two thousand records a second: below what it holds
 * already, the server would make room by deleting the oldest records.
 */
const LEFT_FREE = 1_000;

const MOST_TRIES = 300;

/** Sets the most records that the log may hold; tried until the server takes it. */
async function limitLog(bus: Bus, stream: string, most: (now: number) => number): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      const { config, state } = await jetStreamApi(bus, `STREAM.INFO.${stream}`, undefined);
      await jetStreamApi(bus, `STREAM.UPDATE.${stream}`, { ...config, max_msgs: most(state.messages) });
      return;
    } catch (error) {
      if (tries === MOST_TRIES) throw error;
      await sleep(100);
    }
  }
}

/** Not by `max_bytes`, at which nats-server 2.9 deletes the oldest record: see `server-faults.ts`. */
export const fullStream: Inject = async ({ site, random }) => {
  const stream = site.names.logStream;
  await site.inServersTurn(() => limitLog(site.bus, stream, (now) => now + LEFT_FREE));
  await sleep(random.between(...SHORT_MS));
  await limitLog(site.bus, stream, () => -1);
  return { endedAt: Date.now(), how: "max_msgs of the stream" };
};

/** A file system that is full where one may be mounted, else a process that may not make a file larger. */
export const fullDisk: Inject = ({ node, random }) =>
  node.inTurn(async () => {
    const ms = random.between(...SHORT_MS);
    if (node.hasOwnDisk) await keepFull(node.paths.disk, ms);
    else if (node.pid !== undefined) {
      const pid = String(node.pid);
      spawnSync("prlimit", ["--pid", pid, "--fsize=1:unlimited"]);
      await sleep(ms);
      spawnSync("prlimit", ["--pid", pid, "--fsize=unlimited:unlimited"]);
    }
    const endedAt = Date.now();
    await node.ready();
    return { endedAt, how: node.hasOwnDisk ? "a full file system" : "the process's limit of a file's size" };
  });

/** The server's own disk; where none may be mounted for it, the log takes nothing. */
export const fullServerDisk: Inject = async (injection) => {
  const { site, random } = injection;
  if (!site.serverHasOwnDisk) return fullStream(injection);
  await site.inServersTurn(() => keepFull(site.serverDisk, random.between(...SHORT_MS)));
  return { endedAt: Date.now(), how: "a full file system" };
};
