/** Faults of processes: they are killed, stand still, or leave and come back. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Inject } from "./injection.ts";

/** Of a lease's time to live: how much longer than that a node is away. Others judge it after 1.1 of it. */
const LONGER = [0.4, 1.2] as const;

export const killNode: Inject = ({ node }) =>
  node.inTurn(async () => {
    const gone = node.exited();
    node.signal("SIGKILL");
    const endedAt = Date.now();
    await gone;
    await node.ready();
    return { endedAt };
  });

/** It stands still until its watchdog has enough of it. */
export const pauseNode: Inject = ({ node }) =>
  node.inTurn(async () => {
    const gone = node.exited();
    node.signal("SIGSTOP");
    await gone;
    const endedAt = Date.now();
    await node.ready();
    return { endedAt };
  });

/** It stands still until others have its partitions, and then goes on where it was. */
export const pausePastLease: Inject = ({ node, site, random }) =>
  node.inTurn(async () => {
    const { ttlMs } = site.form;
    if (ttlMs === undefined) throw new Error("a node that is alone has no lease");
    const { pid } = node;
    node.signal("SIGSTOP");
    const ms = ttlMs + Math.round((ttlMs * random.between(LONGER[0] * 100, LONGER[1] * 100)) / 100);
    await sleep(ms);
    const endedAt = Date.now();
    node.signal("SIGCONT");
    await node.ready();
    return { endedAt, how: node.pid === pid ? `for ${ms} ms` : "until its watchdog killed it" };
  });

/** As for a new release: what it has is handed over, and comes back when it is there again. */
export const drainNode: Inject = ({ node }) =>
  node.inTurn(async () => {
    await node.drain();
    return { endedAt: Date.now() };
  });

/** The only server, or one of three. */
export const killServer: Inject = ({ site, random }) =>
  site.inServersTurn(async () => ({ endedAt: await site.servers.kill(random) }));
