/**
 * The embedded `nats-server`: loopback only, random credentials, JetStream under one directory. It is restarted on the
 * same port when it dies or stands still; the connections of the process come back by themselves.
 */
import { randomBytes } from "node:crypto";
import { readdirSync, rmSync, statfsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Bus } from "./bus.ts";
import { connectBus } from "./connection.ts";
import { DirectoryOwner } from "./owner.ts";
import {
  claimPort,
  type JetStreamLimits,
  prepareDirectory,
  type ServerPaths,
  type ServerSettings,
  ServerStartError,
  serverPaths,
  writeConfig,
} from "./server-config.ts";
import { endStaleServer, type ProcessExit, ServerProcess, serverVersion } from "./server-process.ts";

export interface EmbeddedServerOptions {
  /** Path of the binary: `findNatsServer()`. */
  readonly binary: string;
  /** Everything of the server lies here; made when missing. */
  readonly dir: string;
  /** 0 (the default) takes a free one. */
  readonly port?: number;
  readonly name: string;
  /** Bytes. Default 1 MiB. */
  readonly maxPayload?: number;
  readonly jetstream?: JetStreamLimits;
  /** Asks for every write to be on the disk before it is acknowledged; has an effect from 2.10 on. Default false. */
  readonly syncAlways?: boolean;
  /** From start to healthy, ms; reading back a large store takes a while. Default 60,000. */
  readonly startTimeoutMs?: number;
  /** From the request to stop to the kill, ms. Default 5,000. */
  readonly stopTimeoutMs?: number;
  /** First wait before a restart, ms; doubled each time up to 5 s, forgotten after 30 s of health. Default 100. */
  readonly restartWaitMs?: number;
  /** Restarts within a minute after which it is given up. Default 10. */
  readonly maxRestarts?: number;
  /** Silence of JetStream after which a running server is killed and started again, ms. Default 15,000. */
  readonly unhealthyAfterMs?: number;
  /** Bytes that must be free on the disk at a start. Default 64 MiB. */
  readonly minFreeBytes?: number;
}

export interface ServerExit extends ProcessExit {
  /** What the server complained of last; "" when it died without a word. */
  readonly complaint: string;
  /** False when it was given up: somebody has to decide. */
  readonly restarting: boolean;
}

const FORGET_AFTER_MS = 30_000;
const RESTART_PERIOD_MS = 60_000;
const MAX_RESTART_WAIT_MS = 5_000;
const CHECK_EVERY_MS = 2_000;

export class EmbeddedServer {
  readonly url: string;
  readonly user: string;
  readonly pass: string;
  readonly port: number;
  readonly version: string;
  readonly #options: EmbeddedServerOptions;
  readonly #paths: ServerPaths;
  readonly #owner: DirectoryOwner;
  readonly #exitListeners = new Set<(exit: ServerExit) => void>();
  readonly #startListeners = new Set<(pid: number) => void>();
  #process: ServerProcess;
  #monitor: Bus | undefined;
  #stopping: Promise<void> | undefined;
  #wake = new AbortController();
  #restarts: number[] = [];
  #waitMs = 0;
  /** Why the server was killed by us. */
  #verdict = "";
  #startedAt = 0;

  /**
   * @throws ServerStartError (missing binary, busy port, directory not writable, disk full, no answer in time),
   *   DirectoryInUseError when another living process runs a server there.
   */
  static async start(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
    const dir = resolve(options.dir);
    const paths = serverPaths(dir);
    const version = serverVersion(options.binary);
    prepareDirectory(dir, paths, options.minFreeBytes ?? 64 * 1024 * 1024);
    const owner = DirectoryOwner.take(dir);
    try {
      await endStaleServer(paths, options.stopTimeoutMs ?? 5_000);
      const host = "127.0.0.1";
      const settings = {
        host,
        name: options.name,
        user: `bailiwick-${randomBytes(6).toString("hex")}`,
        pass: randomBytes(24).toString("hex"),
        maxPayload: options.maxPayload ?? 1024 * 1024,
        jetstream: options.jetstream ?? {},
        syncAlways: (options.syncAlways ?? false) && atLeast(version, 2, 10),
      };
      for (let attempt = 1; ; attempt++) {
        const port = await claimPort(host, options.port ?? 0);
        const server = new EmbeddedServer(options, { ...settings, port }, paths, owner, version);
        try {
          await server.#healthy();
          server.#supervise();
          return server;
        } catch (error) {
          await server.#process.stop(0);
          await server.#monitor?.close();
          // Somebody may have taken the free port between the look and the start.
          const lost = error instanceof ServerStartError && error.reason === "port" && !options.port;
          if (!lost || attempt >= 5) throw error;
        }
      }
    } catch (error) {
      owner.release();
      throw error;
    }
  }

  private constructor(
    options: EmbeddedServerOptions,
    settings: ServerSettings,
    paths: ServerPaths,
    owner: DirectoryOwner,
    version: string,
  ) {
    this.#options = options;
    this.#paths = paths;
    this.#owner = owner;
    this.version = version;
    this.user = settings.user;
    this.pass = settings.pass;
    this.port = settings.port;
    this.url = `nats://${settings.host}:${settings.port}`;
    writeConfig(paths, settings);
    this.#process = this.#launch();
  }

  /** Number of the server's process; another one after a restart, undefined while there is none. */
  get pid(): number | undefined {
    return this.#process.exit ? undefined : this.#process.pid;
  }

  /** Told of each end of the server that nobody asked for. */
  onExit(listener: (exit: ServerExit) => void): () => void {
    this.#exitListeners.add(listener);
    return () => this.#exitListeners.delete(listener);
  }

  /** Told when it is healthy again after a restart. */
  onRestart(listener: (pid: number) => void): () => void {
    this.#startListeners.add(listener);
    return () => this.#startListeners.delete(listener);
  }

  /** Stops it with a request, by force after `stopTimeoutMs`. Idempotent. */
  stop(): Promise<void> {
    this.#stopping ??= (async () => {
      this.#wake.abort();
      await this.#monitor?.close();
      await this.#process.stop(this.#options.stopTimeoutMs ?? 5_000);
      rmSync(this.#paths.pid, { force: true });
      this.#owner.release();
    })();
    return this.#stopping;
  }

  #launch(): ServerProcess {
    pruneLogs(this.#paths.log);
    this.#startedAt = performance.now();
    return new ServerProcess(this.#options.binary, this.#paths, dirname(this.#paths.config));
  }

  /** Waits until JetStream answers on a connection. */
  async #healthy(): Promise<void> {
    const limit = this.#options.startTimeoutMs ?? 60_000;
    const deadline = performance.now() + limit;
    while (performance.now() < deadline && !this.#stopping) {
      if (this.#process.exit) throw this.#startError();
      if (await this.#answers(1_000)) {
        // A stranger on our port may have answered while ours failed to listen.
        await sleep(5);
        if (!this.#process.exit && this.#process.pid !== undefined) return;
      }
      await sleep(15);
    }
    if (this.#stopping) return;
    throw new ServerStartError(
      "timeout",
      `nats-server did not become healthy within ${limit} ms; see ${this.#paths.log}`,
    );
  }

  async #answers(timeoutMs: number): Promise<boolean> {
    try {
      this.#monitor ??= await connectBus({
        url: this.url,
        user: this.user,
        pass: this.pass,
        name: "bailiwick-monitor",
        timeoutMs,
        reconnectWaitMs: 20,
      });
      if (this.#monitor.status !== "connected") return false;
      const answer = await this.#monitor.request("$JS.API.INFO", new Uint8Array(0), { timeoutMs });
      return !Buffer.from(answer.data).toString("utf8").includes('"error"');
    } catch {
      return false;
    }
  }

  #startError(): ServerStartError {
    const complaint = this.#process.complaint();
    if (/address already in use/i.test(complaint)) {
      return new ServerStartError(
        "port",
        `port ${this.port} is in use: stop what listens there, or choose another`,
      );
    }
    if (/no space left|disk quota/i.test(complaint)) {
      return new ServerStartError(
        "disk",
        `the disk of ${this.#paths.store} is full: free some space and start again`,
      );
    }
    if (/permission denied|read-only file system/i.test(complaint)) {
      return new ServerStartError(
        "directory",
        `nats-server cannot write in ${this.#paths.store}: give it to this user, or choose another directory with --data-dir`,
      );
    }
    const why = complaint || `exit ${this.#process.exit?.code ?? this.#process.exit?.signal}`;
    return new ServerStartError("failed", `nats-server ended at its start: ${why}; see ${this.#paths.log}`);
  }

  #supervise(): void {
    void this.#watch(this.#process);
    void this.#process.exited.then((exit) => this.#died(exit));
  }

  /** A server that runs without answering is as bad as none: stopped, wedged, or JetStream off on a full disk. */
  async #watch(watched: ServerProcess): Promise<void> {
    const limit = this.#options.unhealthyAfterMs ?? 15_000;
    let since = performance.now();
    while (!watched.exit && !this.#stopping) {
      if (await this.#answers(Math.min(CHECK_EVERY_MS, limit))) since = performance.now();
      else if (performance.now() - since >= limit && !watched.exit && !this.#stopping) {
        this.#verdict = `JetStream did not answer for ${limit} ms${diskHint(this.#paths.store)}`;
        watched.kill();
        return;
      }
      await this.#pause(Math.min(CHECK_EVERY_MS, limit / 4));
    }
  }

  async #died(exit: ProcessExit): Promise<void> {
    let last: ProcessExit = exit;
    let complaint = this.#verdict || this.#process.complaint();
    this.#verdict = "";
    while (!this.#stopping) {
      const now = performance.now();
      if (now - this.#startedAt > FORGET_AFTER_MS) this.#waitMs = 0;
      this.#restarts = this.#restarts.filter((at) => now - at < RESTART_PERIOD_MS);
      const restarting = this.#restarts.length < (this.#options.maxRestarts ?? 10);
      for (const listener of [...this.#exitListeners]) listener({ ...last, complaint, restarting });
      if (!restarting) return;
      this.#restarts.push(now);
      const first = this.#options.restartWaitMs ?? 100;
      this.#waitMs = Math.min(this.#waitMs === 0 ? first : this.#waitMs * 2, MAX_RESTART_WAIT_MS);
      await this.#pause(this.#waitMs);
      if (this.#stopping) return;
      try {
        // Only the guard may have died; two servers on one store would ruin it.
        await endStaleServer(this.#paths, this.#options.stopTimeoutMs ?? 5_000);
        if (this.#stopping) return;
        this.#process = this.#launch();
        await this.#healthy();
        if (this.#stopping) return;
        this.#supervise();
        const pid = this.#process.pid;
        for (const listener of [...this.#startListeners]) listener(pid ?? 0);
        return;
      } catch (error) {
        complaint = (error as Error).message;
        await this.#process.stop(1_000);
        last = this.#process.exit ?? last;
      }
    }
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#wake.signal }).catch(() => {});
  }
}

/** A full disk is the usual reason for a server that runs and takes nothing. */
function diskHint(dir: string): string {
  const disk = statfsSync(dir);
  const free = Math.floor((disk.bavail * disk.bsize) / 1024 / 1024);
  return free < 64 ? `; the disk of ${dir} has ${free} MiB free: make room (df -h ${dir})` : "";
}

/** Before 2.10 the server keeps every log that it has rotated. */
function pruneLogs(log: string): void {
  const folder = dirname(log);
  const old = readdirSync(folder).filter((name) => name.startsWith(`${basename(log)}.`));
  for (const name of old.sort().slice(0, -2)) rmSync(join(folder, name), { force: true });
}

function atLeast(version: string, major: number, minor: number): boolean {
  const [a = 0, b = 0] = version.split(".").map(Number);
  return a > major || (a === major && b >= minor);
}
