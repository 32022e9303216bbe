/** A node under test, as the run sees it: a process under a watchdog, its channel, and its files. */
import { rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { runWatchdog, type WatchdogEvent } from "../../supervisors/index.ts";
import { NodeClient } from "./channel.ts";
import { mountDisk, unmountDisk } from "./disks.ts";
import { type NodePaths, type NodeSettings, nodePaths } from "./node-settings.ts";

/** Small, so that a machine that grows ends its process soon. */
const MAX_HEAP_MIB = 192;
/** Of the file system of a node, where one may be mounted. */
const DISK_MIB = 64;
const START_MS = 30_000;

export class WatchedNode {
  readonly paths: NodePaths;
  readonly client: NodeClient;
  /** Whether its files are on a file system of their own. */
  readonly hasOwnDisk: boolean;
  /** How often its process was started. */
  starts = 0;
  readonly #entry: string;
  readonly #stallMs: number;
  readonly #settings: NodeSettings;
  #stopping = new AbortController();
  readonly #listeners = new Set<(event: WatchdogEvent) => void>();
  #watchdog: Promise<number> | undefined;
  #pid: number | undefined;
  #ready = false;
  /** Those who meddle with the process do so one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  /**
   * @param entry the JavaScript file of `node-process.ts`
   * @param stallMs silence after which its watchdog kills it
   */
  constructor(entry: string, stallMs: number, settings: NodeSettings) {
    this.#entry = entry;
    this.#stallMs = stallMs;
    this.#settings = settings;
    this.paths = nodePaths(settings.dir);
    this.client = new NodeClient(settings.port);
    this.hasOwnDisk = mountDisk(this.paths.disk, DISK_MIB);
  }

  async start(): Promise<void> {
    this.#watchdog = runWatchdog({
      entry: this.#entry,
      args: [JSON.stringify(this.#settings)],
      execArgv: [`--max-old-space-size=${MAX_HEAP_MIB}`],
      stallMs: this.#stallMs,
      intensity: { max: 10_000, periodMs: 60_000 },
      backoff: () => 100,
      stdio: "ignore",
      signal: this.#stopping.signal,
      drainMs: 10_000,
      onEvent: (event) => this.#note(event),
    });
    await this.ready();
  }

  get pid(): number | undefined {
    return this.#pid;
  }

  /** Waits until it serves. @throws when that takes too long */
  async ready(timeoutMs = START_MS): Promise<void> {
    const end = performance.now() + timeoutMs;
    while (!this.#ready) {
      if (performance.now() > end) throw new Error(`a node was not ready within ${timeoutMs} ms`);
      await sleep(20);
    }
  }

  /** Runs what meddles with the process when nobody else does. */
  inTurn<T>(meddle: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(meddle);
    this.#turn = mine.catch(() => {});
    return mine;
  }

  signal(name: "SIGKILL" | "SIGSTOP" | "SIGCONT"): void {
    if (this.#pid === undefined) return;
    try {
      process.kill(this.#pid, name);
    } catch {
      // It has just ended by itself.
    }
  }

  /** Resolves when its process has ended. */
  exited(): Promise<void> {
    if (this.#pid === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      const listener = (event: WatchdogEvent): void => {
        if (event.type !== "exited") return;
        this.#listeners.delete(listener);
        resolve();
      };
      this.#listeners.add(listener);
    });
  }

  /** Kills it, and does something to its files before it is started again. */
  async killFor(work: () => Promise<void> | void): Promise<void> {
    writeFileSync(this.paths.hold, "");
    try {
      const gone = this.exited();
      this.signal("SIGKILL");
      await gone;
      await work();
    } finally {
      rmSync(this.paths.hold, { force: true });
    }
  }

  /** Has it end in order, as for a new release, and starts it again. */
  async drain(): Promise<void> {
    this.#stopping.abort();
    await this.#watchdog;
    this.#stopping = new AbortController();
    await this.start();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#watchdog;
    if (this.hasOwnDisk) unmountDisk(this.paths.disk);
  }

  #note(event: WatchdogEvent): void {
    if (event.type === "started") {
      this.#pid = event.pid;
      this.starts++;
    }
    if (event.type === "ready") this.#ready = true;
    if (event.type === "exited") {
      this.#pid = undefined;
      this.#ready = false;
    }
    for (const listener of [...this.#listeners]) listener(event);
  }
}
