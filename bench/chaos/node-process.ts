/** The process of a node under test: run by a watchdog, killed at will, started again. Its one argument is its settings. */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { connectBus } from "../../runtime/bus/index.ts";
import type { HostLog } from "../../runtime/host/host.ts";
import { openKeyRing } from "../../runtime/log/keyring.ts";
import { Node } from "../../runtime/node.ts";
import { cellRestartPolicy, joinWatchdog } from "../../supervisors/index.ts";
import { withBroken } from "./breaks.ts";
import { serveNode } from "./channel.ts";
import { chaosDefinitions } from "./machines.ts";
import { type NodeSettings, nodePaths } from "./node-settings.ts";
import { chaosServices, WritesBegun } from "./systems.ts";

const settings = JSON.parse(process.argv[2]!) as NodeSettings;
const paths = nodePaths(settings.dir);
const link = joinWatchdog({ everyMs: 200, orphanMs: 1_000 });
mkdirSync(paths.store, { recursive: true });

const note = (message: string, details: Record<string, unknown>): void => {
  try {
    appendFileSync(paths.log, `${JSON.stringify({ at: new Date().toISOString(), message, ...details })}\n`);
  } catch {
    // The disk may be full on purpose.
  }
};
const log: HostLog = { warn: note, error: note };

/** What can't go on ends at once, as a crash would: the watchdog starts it again. */
function fail(error: unknown): never {
  note("the node failed", { error: String((error as Error)?.stack ?? error) });
  process.exit(1);
}
process.on("uncaughtException", fail);
process.on("unhandledRejection", fail);

note("started", { pid: process.pid });
// While somebody meddles with the store nobody may have it open.
while (existsSync(paths.hold)) await sleep(20);

let offsetMs = existsSync(paths.clock) ? Number(readFileSync(paths.clock, "utf8")) : 0;
const clock = { now: () => Date.now() + offsetMs, monotonic: () => performance.now() };

const { nats, workspace, replicas, cluster } = settings;
const bus = await connectBus({ ...nats, name: "chaos", reconnectWaitMs: 50 });
const { keys, policy, asksFirst } = withBroken(settings.broken, {
  keys: await openKeyRing({ bus, workspace, dataDir: settings.keysDir, replicas }),
  policy: cellRestartPolicy(),
  asksFirst: true,
});
const node = await Node.start({
  bus,
  keys,
  workspace,
  dir: paths.store,
  definitions: chaosDefinitions,
  services: chaosServices(settings.systems, asksFirst, new WritesBegun(paths.writes)),
  policy,
  log,
  clock,
  partitions: settings.partitions,
  stream: { duplicateWindowMs: settings.duplicateWindowMs, replicas },
  cluster: cluster && { ...cluster, holder: settings.dir, replicas },
  // Short, so that what is slow in a desk happens often in a minute.
  host: { snapshotEveryMs: 250, passivateAfterMs: 1_500, failAfterMs: 2_000 },
  onFailure: fail,
});
const server = await serveNode(node, settings.port, (to) => {
  offsetMs = to;
});
process.once("SIGTERM", () => {
  void (async () => {
    server.closeAllConnections();
    server.close();
    await node.stop();
    await bus.close();
    link.leave();
    process.exit(0);
  })().catch(fail);
});
note("ready", { pid: process.pid });
link.ready();
