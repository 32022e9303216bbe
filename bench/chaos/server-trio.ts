/** Three servers that keep three copies of everything, each started again when it ends. The embedded server knows no routes. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Bus, connectBus } from "../../runtime/bus/index.ts";
import { type ServerPaths, serverPaths } from "../../runtime/bus/server-config.ts";
import { ServerProcess } from "../../runtime/bus/server-process.ts";
import { jetStreamApi } from "../../runtime/log/stream.ts";
import { freePorts } from "../harness/ports.ts";
import type { Random } from "../rehydration/random/random.ts";
import type { Servers, UnlikeCopies } from "./servers.ts";

const COUNT = 3;
const START_MS = 30_000;
/** Until a killed server is started again, ms. */
const RESTART_AFTER_MS = 500;
const STOP_MS = 2_000;
const LOOK_EVERY_MS = 100;
/** How long a copy may be behind when nobody writes, ms. */
const BEHIND_MS = 10_000;

export class ServerTrio implements Servers {
  readonly replicas = COUNT;
  readonly #binary: string;
  readonly #ports: readonly number[];
  /** Where each tells of itself. */
  readonly #monitors: readonly number[];
  readonly #paths: ServerPaths[] = [];
  readonly #processes: ServerProcess[] = [];
  #bus: Bus | undefined;
  #stopping = false;

  private constructor(binary: string, dir: string, all: readonly number[]) {
    this.#binary = binary;
    const ports = all.slice(0, COUNT);
    const routePorts = all.slice(COUNT, 2 * COUNT);
    this.#ports = ports;
    this.#monitors = all.slice(2 * COUNT);
    const routes = routePorts.map((port) => `nats-route://127.0.0.1:${port}`);
    for (const [i, port] of ports.entries()) {
      const paths = serverPaths(join(dir, `s${i}`));
      mkdirSync(paths.store, { recursive: true });
      writeFileSync(
        paths.config,
        `server_name: s${i}
host: "127.0.0.1"
port: ${port}
http: "127.0.0.1:${this.#monitors[i]}"
pid_file: ${JSON.stringify(paths.pid)}
log_file: ${JSON.stringify(paths.log)}
jetstream { store_dir: ${JSON.stringify(paths.store)}, max_memory_store: 64MB, max_file_store: 1GB }
cluster { name: chaos, host: "127.0.0.1", port: ${routePorts[i]}, routes: ${JSON.stringify(routes)} }
`,
      );
      this.#paths.push(paths);
    }
  }

  static async start(binary: string, dir: string): Promise<ServerTrio> {
    const trio = new ServerTrio(binary, dir, await freePorts(3 * COUNT));
    try {
      for (let i = 0; i < COUNT; i++) trio.#launch(i);
      await trio.#settled(performance.now() + START_MS, true);
    } catch (error) {
      await trio.stop();
      throw error;
    }
    return trio;
  }

  get url(): readonly string[] {
    return this.#ports.map((port) => `nats://127.0.0.1:${port}`);
  }

  get port(): number {
    return this.#ports[0]!;
  }

  /** What the servers need for a new leader and to agree again is part of the fault. */
  async kill(random: Random): Promise<number> {
    const killed = this.#processes[random.between(0, COUNT - 1)]!;
    killed.kill();
    await killed.exited;
    await sleep(RESTART_AFTER_MS);
    await this.#settled(performance.now() + START_MS, false);
    return Date.now();
  }

  /** A copy may be a moment behind: what differs is looked at until it does not, or has had long enough. */
  async unlike(): Promise<UnlikeCopies> {
    const end = performance.now() + BEHIND_MS;
    for (;;) {
      const found = unlikeCopies(await Promise.all(this.#monitors.map(copiesOf)));
      if ((found.apart.length === 0 && found.behind.length === 0) || performance.now() > end) return found;
      await sleep(LOOK_EVERY_MS);
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#bus?.close();
    await Promise.all(this.#processes.map((server) => server.stop(STOP_MS)));
  }

  #launch(i: number): void {
    const paths = this.#paths[i]!;
    const server = new ServerProcess(this.#binary, paths, dirname(paths.config));
    this.#processes[i] = server;
    void server.exited.then(() => {
      if (this.#stopping) return;
      setTimeout(() => {
        if (!this.#stopping) this.#launch(i);
      }, RESTART_AFTER_MS);
    });
  }

  /** Waits until the servers know each other, and each stream has a leader and all its copies. @throws after `end` */
  async #settled(end: number, first: boolean): Promise<void> {
    for (;;) {
      try {
        if (first) this.#bus ??= await connectBus({ url: this.url, name: "chaos-servers", timeoutMs: 2_000 });
        if (await this.#agree(this.#bus!, first)) return;
      } catch {
        // Nobody leads yet.
      }
      if (performance.now() > end) throw new Error(`the servers were not one cluster within ${START_MS} ms`);
      await sleep(LOOK_EVERY_MS);
    }
  }

  async #agree(bus: Bus, first: boolean): Promise<boolean> {
    if (first) {
      // That three copies can be made shows that all three are there.
      const name = "READY";
      const config = { name, subjects: [name], num_replicas: COUNT, storage: "memory" };
      await jetStreamApi(bus, `STREAM.CREATE.${name}`, config, 2_000);
      await jetStreamApi(bus, `STREAM.DELETE.${name}`, undefined, 2_000);
      return true;
    }
    const { streams } = await jetStreamApi(bus, "STREAM.NAMES", {}, 2_000);
    for (const name of streams ?? []) {
      const { cluster } = await jetStreamApi(bus, `STREAM.INFO.${name}`, undefined, 2_000);
      const copies: { readonly current?: boolean }[] = cluster?.replicas ?? [];
      if (!cluster?.leader || copies.length < COUNT - 1 || !copies.every(({ current }) => current))
        return false;
    }
    return true;
  }
}

/** Where a stream ends, as one server's own copy has it. */
export interface CopyEnd {
  readonly seq: number;
  /** When the last message came, by the server that took it: the same in every copy that has it. */
  readonly at: string;
}

async function copiesOf(monitor: number): Promise<Map<string, CopyEnd>> {
  const answer = await fetch(`http://127.0.0.1:${monitor}/jsz?accounts=1&streams=1`);
  const { account_details: accounts = [] } = (await answer.json()) as {
    account_details?: { stream_detail?: { name: string; state: { last_seq: number; last_ts: string } }[] }[];
  };
  return new Map(
    accounts.flatMap(({ stream_detail: streams = [] }) =>
      streams.map(({ name, state }) => [name, { seq: state.last_seq, at: state.last_ts }]),
    ),
  );
}

/**
 * The streams of which the copies are not the same. Apart are copies that have the same last message in different places: that is
 * what the server does by itself. A copy that has another last message, or none, is behind, which is something else.
 */
export function unlikeCopies(copies: readonly ReadonlyMap<string, CopyEnd>[]): UnlikeCopies {
  const [apart, behind]: [string[], string[]] = [[], []];
  for (const name of new Set(copies.flatMap((copy) => [...copy.keys()]))) {
    const ends = copies.map((copy) => copy.get(name));
    const places = ends.map((end) => end?.seq ?? "none").join(", ");
    if (new Set(ends.map((end) => end?.at)).size > 1)
      behind.push(`the copies of ${name} end with different messages, at ${places}`);
    else if (new Set(ends.map((end) => end?.seq)).size > 1)
      apart.push(`the copies of ${name} have their last message at ${places}`);
  }
  return { apart, behind };
}
