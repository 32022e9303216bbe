/** What a run is played on: a server, two systems, and a node in a directory of their own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bus, connectBus, EmbeddedServer, type Subjects, subjectsOf } from "../../runtime/bus/index.ts";
import { findNatsServer } from "../../runtime/config/nats-server.ts";
import { freePort } from "../harness/ports.ts";
import { mountDisk, unmountDisk } from "./disks.ts";
import type { Protection } from "./faults.ts";
import { LogTail } from "./log-tail.ts";
import { Sink } from "./sinks.ts";
import { WatchedNode } from "./watched-node.ts";

export interface SiteOptions {
  readonly seed: string;
  /** The JavaScript file of `node-process.ts`. */
  readonly entry: string;
  readonly broken?: Protection;
  /** How long JetStream itself remembers ids, ms. Default 1,000: what the index has to remember is forgotten there soon. */
  readonly duplicateWindowMs?: number;
  /** Default 8. */
  readonly partitions?: number;
}

const WORKSPACE = "chaos";
/** Of the server's file system, where one may be mounted: a run writes some 20. */
const SERVER_DISK_MIB = 128;

export class Site {
  readonly names: Subjects = subjectsOf(WORKSPACE);
  readonly partitions: number;
  readonly duplicateWindowMs: number;
  readonly dir = mkdtempSync(join(tmpdir(), "bailiwick-chaos-"));
  readonly serverDisk = join(this.dir, "nats", "store");
  /** Whether the server's files are on a file system of their own. */
  serverHasOwnDisk = false;
  server!: EmbeddedServer;
  bus!: Bus;
  tail!: LogTail;
  keyed!: Sink;
  asked!: Sink;
  node!: WatchedNode;
  #turn: Promise<unknown> = Promise.resolve();
  readonly #ends: (() => Promise<unknown> | unknown)[] = [];

  private constructor(options: SiteOptions) {
    this.partitions = options.partitions ?? 8;
    this.duplicateWindowMs = options.duplicateWindowMs ?? 1_000;
  }

  static async start(options: SiteOptions): Promise<Site> {
    const site = new Site(options);
    try {
      await site.#start(options);
    } catch (error) {
      await site.stop();
      throw error;
    }
    return site;
  }

  async #start({ seed, entry, broken }: SiteOptions): Promise<void> {
    this.serverHasOwnDisk = mountDisk(this.serverDisk, SERVER_DISK_MIB);
    if (this.serverHasOwnDisk) this.#ends.push(() => unmountDisk(this.serverDisk));
    const server = await EmbeddedServer.start({
      binary: findNatsServer(),
      dir: join(this.dir, "nats"),
      name: "chaos",
      jetstream: { maxFile: 1024 * 1024 * 1024 },
      maxRestarts: 1_000,
      // Short against a desk's fifteen seconds: a server that stands still for want of room has to come back in time.
      unhealthyAfterMs: 2_000,
      minFreeBytes: 0,
    });
    this.server = server;
    this.#ends.push(() => server.stop());
    this.bus = await this.connect("chaos-run");
    this.tail = new LogTail(this.bus, this.names.logStream);
    this.keyed = await Sink.start("keyed", seed);
    this.#ends.push(() => this.keyed.stop());
    this.asked = await Sink.start("asked", seed);
    this.#ends.push(() => this.asked.stop());
    const { url, user, pass } = server;
    this.node = new WatchedNode(entry, {
      dir: join(this.dir, "node-1"),
      keysDir: this.dir,
      // Its own for good: a restarted node comes back on it.
      port: await freePort(),
      nats: { url, user, pass },
      workspace: WORKSPACE,
      partitions: this.partitions,
      duplicateWindowMs: this.duplicateWindowMs,
      systems: { keyed: this.keyed.url, asked: this.asked.url },
      broken,
    });
    this.#ends.push(() => this.node.stop());
    await this.node.start();
  }

  /** Runs what meddles with the server when nobody else does. */
  inServersTurn<T>(meddle: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(meddle);
    this.#turn = mine.catch(() => {});
    return mine;
  }

  /** A connection that `stop` closes. */
  async connect(name: string): Promise<Bus> {
    const { url, user, pass } = this.server;
    const bus = await connectBus({ url, user, pass, name, reconnectWaitMs: 20 });
    this.#ends.push(() => bus.close());
    return bus;
  }

  /** Everything ends; the directory is left for a look when `keep` is set. */
  async stop(keep = false): Promise<void> {
    for (const end of this.#ends.reverse()) await end();
    if (!keep) rmSync(this.dir, { recursive: true, force: true });
  }
}
