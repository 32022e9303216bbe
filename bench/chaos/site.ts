/** What a run is played on: servers, three systems, and nodes in directories of their own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bus, type Subjects, subjectsOf } from "../../runtime/bus/index.ts";
import { freePort } from "../harness/ports.ts";
import { mountDisk, unmountDisk } from "./disks.ts";
import type { Protection } from "./faults.ts";
import { FORM_SETTINGS, type Form, type FormSettings } from "./forms.ts";
import { SINKS, type SinkName } from "./history.ts";
import { LogTail } from "./log-tail.ts";
import { connectTo, type Servers, startServers } from "./servers.ts";
import { Sink } from "./sinks.ts";
import { WatchedNode } from "./watched-node.ts";

export interface SiteOptions {
  readonly seed: string;
  readonly form: Form;
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
  readonly form: FormSettings;
  readonly partitions: number;
  readonly duplicateWindowMs: number;
  readonly dir = mkdtempSync(join(tmpdir(), "bailiwick-chaos-"));
  readonly serverDisk = join(this.dir, "nats", "store");
  readonly nodes: WatchedNode[] = [];
  readonly sinks: Sink[] = [];
  /** Whether the server's files are on a file system of their own. */
  serverHasOwnDisk = false;
  servers!: Servers;
  bus!: Bus;
  tail!: LogTail;
  #turn: Promise<unknown> = Promise.resolve();
  readonly #ends: (() => Promise<unknown> | unknown)[] = [];

  private constructor(options: SiteOptions) {
    this.form = FORM_SETTINGS[options.form];
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
    this.serverHasOwnDisk = this.form.servers === 1 && mountDisk(this.serverDisk, SERVER_DISK_MIB);
    if (this.serverHasOwnDisk) this.#ends.push(() => unmountDisk(this.serverDisk));
    this.servers = await startServers(this.form.servers, join(this.dir, "nats"));
    this.#ends.push(() => this.servers.stop());
    this.bus = await this.connect("chaos-run");
    this.tail = new LogTail(this.bus, this.names.logStream);
    const urls: Partial<Record<SinkName, string>> = {};
    for (const name of SINKS) {
      const sink = await Sink.start(name, seed);
      this.sinks.push(sink);
      urls[name] = sink.url;
      this.#ends.push(() => sink.stop());
    }
    const { url, user, pass, replicas } = this.servers;
    const { ttlMs, stallMs } = this.form;
    for (let i = 1; i <= this.form.nodes; i++) {
      const name = `node-${i}`;
      const node = new WatchedNode(entry, stallMs, {
        dir: join(this.dir, name),
        keysDir: this.dir,
        // Its own for good: a restarted node comes back on it.
        port: await freePort(),
        nats: { url, user, pass },
        workspace: WORKSPACE,
        partitions: this.partitions,
        duplicateWindowMs: this.duplicateWindowMs,
        replicas,
        cluster: ttlMs === undefined ? undefined : { node: name, ttlMs },
        systems: urls as Record<SinkName, string>,
        broken,
      });
      this.nodes.push(node);
      this.#ends.push(() => node.stop());
      // One after the other: the first makes the workspace's key, the log and the buckets.
      await node.start();
    }
  }

  /** Runs what meddles with the server when nobody else does. */
  inServersTurn<T>(meddle: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(meddle);
    this.#turn = mine.catch(() => {});
    return mine;
  }

  /** A connection that `stop` closes. */
  async connect(name: string): Promise<Bus> {
    const bus = await connectTo(this.servers, name);
    this.#ends.push(() => bus.close());
    return bus;
  }

  /** Everything ends; the directory is left for a look when `keep` is set. */
  async stop(keep = false): Promise<void> {
    for (const end of this.#ends.reverse()) await end();
    if (!keep) rmSync(this.dir, { recursive: true, force: true });
  }
}
