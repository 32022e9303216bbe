/** Three real servers in one cluster, for tests of what happens when one of them is lost. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Bus, connectBus } from "../bus/index.ts";
import { findNatsServer } from "../config/nats-server.ts";

const START_MS = 30_000;

export interface TestServers {
  readonly urls: readonly string[];
  /** A connection to any of them, or to the one with this number alone; `stop` closes it. */
  connect(name: string, only?: number): Promise<Bus>;
  /** Number of the server that leads a stream; undefined while none does. */
  leaderOf(stream: string): Promise<number | undefined>;
  kill(server: number): Promise<void>;
  stop(): Promise<void>;
}

/** The embedded server knows no routes: these are run by hand, on loopback, without credentials. */
export async function startTestServers(count = 3): Promise<TestServers> {
  const binary = findNatsServer();
  const dir = mkdtempSync(join(tmpdir(), "bw-nats-cluster-"));
  const ports = await freePorts(count * 2);
  const routes = ports.slice(count).map((port) => `nats-route://127.0.0.1:${port}`);
  const processes: ChildProcess[] = [];
  for (let i = 0; i < count; i++) {
    const home = join(dir, `s${i}`);
    mkdirSync(home);
    const config = join(home, "nats-server.conf");
    writeFileSync(
      config,
      `server_name: s${i}
host: "127.0.0.1"
port: ${ports[i]}
log_file: ${JSON.stringify(join(home, "nats-server.log"))}
jetstream { store_dir: ${JSON.stringify(join(home, "store"))}, max_memory_store: 64MB, max_file_store: 1GB }
cluster { name: test, host: "127.0.0.1", port: ${ports[count + i]}, routes: ${JSON.stringify(routes)} }
`,
    );
    processes.push(spawn(binary, ["--config", config], { stdio: "ignore" }));
  }
  const urls = ports.slice(0, count).map((port) => `nats://127.0.0.1:${port}`);
  const buses: Bus[] = [];
  const servers: TestServers = {
    urls,
    connect: async (name, only) => {
      const url = only === undefined ? urls : urls[only]!;
      const bus = await connectBus({ url, name, timeoutMs: 2_000, reconnectWaitMs: 20 });
      buses.push(bus);
      return bus;
    },
    leaderOf: async (stream) => {
      const bus = buses.find((b) => b.status === "connected")!;
      const answer = await bus
        .request(`$JS.API.STREAM.INFO.${stream}`, new Uint8Array())
        .catch(() => undefined);
      const leader = answer && JSON.parse(Buffer.from(answer.data).toString()).cluster?.leader;
      return leader === undefined ? undefined : Number(leader.slice(1));
    },
    kill: async (server) => {
      const child = processes[server]!;
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await once(child, "exit");
    },
    stop: async () => {
      await Promise.all(buses.map((bus) => bus.close()));
      for (let i = 0; i < count; i++) await servers.kill(i);
      rmSync(dir, { recursive: true, force: true });
    },
  };
  try {
    await ready(servers, count);
  } catch (error) {
    await servers.stop();
    throw error;
  }
  return servers;
}

/** Waits until the servers have found each other and one leads. */
async function ready(servers: TestServers, count: number): Promise<void> {
  const end = performance.now() + START_MS;
  let last: unknown;
  while (performance.now() < end) {
    try {
      const bus = await servers.connect("probe");
      for (;;) {
        const name = `READY_${Math.floor(performance.now())}`;
        const body = Buffer.from(
          JSON.stringify({ name, subjects: [name], num_replicas: count, storage: "memory" }),
        );
        const answer = await bus.request(`$JS.API.STREAM.CREATE.${name}`, body).catch((error) => error);
        const text = answer instanceof Error ? answer.message : Buffer.from(answer.data).toString();
        if (text.includes('"created"')) {
          await bus.request(`$JS.API.STREAM.DELETE.${name}`, new Uint8Array());
          return;
        }
        last = text;
        if (performance.now() > end) break;
        await sleep(100);
      }
    } catch (error) {
      last = error;
      await sleep(100);
    }
  }
  throw new Error(`the servers did not become one cluster within ${START_MS} ms: ${last}`);
}

async function freePorts(count: number): Promise<number[]> {
  const probes = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    probes.map(async (probe) => {
      probe.listen(0, "127.0.0.1");
      await once(probe, "listening");
      return (probe.address() as { port: number }).port;
    }),
  );
  for (const probe of probes) probe.close();
  return ports;
}
