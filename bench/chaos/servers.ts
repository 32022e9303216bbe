/** What holds the log of a run: one server under the product's own supervision, or three as one cluster. */
import { type Bus, connectBus, EmbeddedServer } from "../../runtime/bus/index.ts";
import { within } from "../../runtime/cluster/waiting.ts";
import { findNatsServer } from "../../runtime/config/nats-server.ts";
import type { Random } from "../rehydration/random/random.ts";
import { ServerTrio } from "./server-trio.ts";

/** Copies of streams that are not the same, a sentence for each stream. */
export interface UnlikeCopies {
  /** They have the same last message in different places. */
  readonly apart: readonly string[];
  /** They end with different messages. */
  readonly behind: readonly string[];
}

export interface Servers {
  /** For connections: all of them. */
  readonly url: string | readonly string[];
  readonly user?: string;
  readonly pass?: string;
  /** Of one of them, on the loopback. */
  readonly port: number;
  /** Copies of the log and of the buckets. */
  readonly replicas: number;
  /** Kills one of them. Resolves when it is back and the others have settled; answers when it is over, ms since the epoch. */
  kill(random: Random): Promise<number>;
  /** Streams whose copies are not the same although nobody writes any more. */
  unlike(): Promise<UnlikeCopies>;
  stop(): Promise<unknown>;
}

const RESTART_MS = 30_000;

export async function startServers(count: number, dir: string): Promise<Servers> {
  if (count > 1) return ServerTrio.start(findNatsServer(), dir);
  const server = await EmbeddedServer.start({
    binary: findNatsServer(),
    dir,
    name: "chaos",
    jetstream: { maxFile: 1024 * 1024 * 1024 },
    maxRestarts: 1_000,
    // Short against a desk's fifteen seconds: a server that stands still for want of room has to come back in time.
    unhealthyAfterMs: 2_000,
    minFreeBytes: 0,
  });
  const { url, user, pass, port } = server;
  const alone = { replicas: 1, unlike: async () => ({ apart: [], behind: [] }) };
  return { url, user, pass, port, ...alone, kill: () => killed(server), stop: () => server.stop() };
}

/** It comes back on its own store, as its supervision in the product makes it. */
async function killed(server: EmbeddedServer): Promise<number> {
  let off = (): void => {};
  const back = new Promise<void>((resolve) => {
    off = server.onRestart(() => resolve());
  });
  if (server.pid !== undefined) process.kill(server.pid, "SIGKILL");
  const endedAt = Date.now();
  await within(back, RESTART_MS);
  off();
  return endedAt;
}

export function connectTo({ url, user, pass }: Servers, name: string): Promise<Bus> {
  return connectBus({ url, ...(user ? { user, pass } : {}), name, reconnectWaitMs: 20 });
}
