/** Faults of processes: they are killed, or stand still. */
import { setTimeout as sleep } from "node:timers/promises";
import type { EmbeddedServer } from "../../../runtime/bus/index.ts";
import type { Done, Inject } from "./injection.ts";

const RESTART_MS = 30_000;

export const killNode: Inject = ({ site }) =>
  site.node.inTurn(async () => {
    const gone = site.node.exited();
    site.node.signal("SIGKILL");
    const endedAt = Date.now();
    await gone;
    await site.node.ready();
    return { endedAt };
  });

/** It stands still until its watchdog has enough of it. */
export const pauseNode: Inject = ({ site }) =>
  site.node.inTurn(async () => {
    const gone = site.node.exited();
    site.node.signal("SIGSTOP");
    await gone;
    const endedAt = Date.now();
    await site.node.ready();
    return { endedAt };
  });

/** The server comes back on its own store, as its supervision in the product makes it. */
export const killServer: Inject = ({ site }) => site.inServersTurn(() => killed(site.server));

async function killed(server: EmbeddedServer): Promise<Done> {
  const back = new Promise<void>((resolve) => {
    const off = server.onRestart(() => {
      off();
      resolve();
    });
  });
  if (server.pid !== undefined) process.kill(server.pid, "SIGKILL");
  const endedAt = Date.now();
  await Promise.race([back, sleep(RESTART_MS)]);
  return { endedAt };
}
