/** One arm of the bench: a server, a node (or the bare loop) and a load, each a process of its own. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EmbeddedServer } from "../../runtime/bus/index.ts";
import { findNatsServer } from "../../runtime/config/nats-server.ts";
import { dropSnapshots } from "../../runtime/host/cell-store.ts";
import { ENGINE_NODE_ARGUMENTS } from "../../runtime/node-arguments.ts";
import type { Percentiles } from "../harness/index.ts";
import { Remote } from "../harness/remote.ts";
import type { Arrivals, Fill, LoadRound, Rounds, Saturate, Target } from "./load-process.ts";
import type { Counted, StartNode } from "./node-process.ts";
import type { Place } from "./place.ts";

export interface ArmOptions {
  readonly what: "node" | "bare";
  /** Conversations whose records are in the log and whose state is in LevelDB before anything is measured. */
  readonly known: number;
  /** Of them, those that messages go to. */
  readonly active: number;
  /** Default true. */
  readonly sealing?: boolean;
}

export interface Program {
  /** The JavaScript file of `process.ts`. */
  readonly entry: string;
  /** Arguments to Node for nodes' processes, `--cpu-prof` for one. Default none. */
  readonly execArgv?: readonly string[];
}

export interface Throughput {
  /** Messages a second whose position was stored. */
  readonly rate: number;
  /** Processor time of the node a message, ms. */
  readonly cpuMs: number;
}

/** Records of each conversation that activation is measured with. */
export const ACTIVATION_RECORDS = 10;

export class Arm {
  readonly options: ArmOptions;
  readonly server: EmbeddedServer;
  readonly #program: Program;
  readonly #place: Place;
  #node: Remote;
  readonly #load: Remote;
  /** Messages sent in all rounds, to know when all are covered. */
  #sent = 0;
  /** Covered before the node's process was begun anew. */
  #base = 0;

  private constructor(
    options: ArmOptions,
    program: Program,
    server: EmbeddedServer,
    place: Place,
    node: Remote,
    load: Remote,
  ) {
    this.options = options;
    this.server = server;
    this.#program = program;
    this.#place = place;
    this.#node = node;
    this.#load = load;
  }

  static async start(dir: string, options: ArmOptions, program: Program): Promise<Arm> {
    await mkdir(dir, { recursive: true });
    const server = await EmbeddedServer.start({
      binary: findNatsServer(),
      dir: join(dir, "nats"),
      name: "bench",
    });
    const { url, user, pass } = server;
    const place: Place = { url, user, pass, dir, sealing: options.sealing ?? true };
    const node = newNode(program);
    const load = new Remote(program.entry, "load");
    const arm = new Arm(options, program, server, place, node, load);
    try {
      await node.call("start", { ...place, what: options.what } satisfies StartNode);
      await load.call("join", place);
    } catch (error) {
      await arm.stop();
      throw error;
    }
    return arm;
  }

  get place(): Place {
    return this.#place;
  }

  /** Adds known conversations; answers once the node has stored them. Seconds: of the appends, of all of it. */
  async fill(from: number, to: number, records = 1): Promise<{ appends: number; all: number }> {
    const startedAt = performance.now();
    const appends = await this.#load.call<number>("fill", { from, to, records } satisfies Fill);
    this.#sent += (to - from) * records;
    if (this.options.what === "node") await this.#covered();
    return { appends, all: (performance.now() - startedAt) / 1_000 };
  }

  /** As many messages as the node takes, from the first one sent until a position that covers the last one is stored. */
  async saturate(
    seconds: number,
    window: number,
    kind = "messages",
  ): Promise<Throughput & { readonly sent: number }> {
    await this.#node.call<number>("cpu");
    const from = performance.now();
    const args: Saturate = { ...this.#target(kind), seconds, window };
    const { sent, failed } = await this.#load.call<LoadRound>("saturate", args);
    this.#sent += sent;
    refuse(failed);
    await this.#covered();
    const took = performance.now() - from;
    return { rate: (sent * 1_000) / took, cpuMs: (await this.#node.call<number>("cpu")) / sent, sent };
  }

  /** So many turns in each conversation, one after the other. */
  async rounds(numbers: readonly number[], turns: number, window: number): Promise<void> {
    const args: Rounds = { kind: "turns", numbers, turns, window };
    this.#sent += await this.#load.call<number>("rounds", args);
    await this.#covered();
  }

  /** Turns that the node has counted in these conversations, and what it has said last. */
  turns(numbers: readonly number[]): Promise<Counted[]> {
    return this.#node.call<Counted[]>("turns", { numbers });
  }

  /**
   * Kills the node without warning while turns are under way, and begins it again at once.
   * @returns ms in which no turn was answered, and how many were
   */
  async interrupted(
    numbers: readonly number[],
    seconds: number,
    window: number,
  ): Promise<{ gapMs: number; sent: number }> {
    await this.#covered();
    const args: Saturate = { kind: "turns", numbers, seconds, window };
    const load = this.#load.call<LoadRound>("saturate", args);
    await sleep((seconds * 1_000) / 2);
    await this.#node.kill();
    this.#base = this.#sent;
    this.#node = newNode(this.#program);
    await this.#node.call("start", { ...this.#place, what: this.options.what } satisfies StartNode);
    const { sent, failed, gapMs } = await load;
    refuse(failed);
    // What was covered before the kill, nobody has counted: from here on it begins anew.
    await this.#node.end();
    this.#sent += sent;
    this.#base = this.#sent;
    this.#node = newNode(this.#program);
    await this.#node.call("start", { ...this.#place, what: this.options.what } satisfies StartNode);
    return { gapMs: gapMs!, sent };
  }

  /** Latency at a fixed rate of arrivals. */
  async arrivals(seconds: number, rate: number): Promise<Percentiles> {
    const args: Arrivals = { ...this.#target("messages"), seconds, rate };
    const { sent, failed, latency } = await this.#load.call<LoadRound>("arrivals", args);
    this.#sent += sent;
    refuse(failed);
    return latency!;
  }

  /** Latency without a queue: one message after the other. */
  async alone(seconds: number, kind = "messages"): Promise<Percentiles> {
    const args: Saturate = { ...this.#target(kind), seconds, window: 1 };
    const { sent, failed, latency } = await this.#load.call<LoadRound>("saturate", args);
    this.#sent += sent;
    refuse(failed);
    return latency!;
  }

  /** Ms until one message is answered. */
  async once(n: number, crash = false): Promise<number> {
    this.#sent++;
    return this.#load.call<number>("once", { n, crash });
  }

  /** Ends the node's process and begins a new one, with nothing in memory; answers how long the beginning takes, ms. */
  async restart({ snapshots = true } = {}): Promise<number> {
    await this.endNode();
    if (!snapshots) await dropSnapshots(join(this.#place.dir, "engine"));
    const from = performance.now();
    this.#node = newNode(this.#program);
    await this.#node.call("start", { ...this.#place, what: this.options.what } satisfies StartNode);
    return performance.now() - from;
  }

  /** Ends the node's process alone. */
  async endNode(): Promise<void> {
    await this.#covered();
    await this.#node.end();
    this.#base = this.#sent;
  }

  /** Time to bring conversations into memory. */
  activate(numbers: readonly number[]): Promise<Percentiles> {
    return this.#node.call<Percentiles>("activate", { numbers });
  }

  /** Bytes of the node's heap and what it holds outside, after collecting garbage. */
  memory(): Promise<number> {
    return this.#node.call<number>("memory");
  }

  /** Ends node and load at once; `stop` is still to be called. */
  async kill(): Promise<void> {
    await Promise.all([this.#load.kill(), this.#node.kill()]);
  }

  async stop(): Promise<void> {
    await Promise.all([this.#load.end(), this.#node.end()]);
    await this.server.stop();
  }

  #covered(): Promise<void> {
    return this.#node.call("covered", { least: this.#sent - this.#base });
  }

  #target(kind: string): Target {
    const { known, active } = this.options;
    // Spread over all that are known.
    const numbers = Array.from({ length: active }, (_, i) =>
      Math.floor((i * Math.max(known, active)) / active),
    );
    return { kind, numbers };
  }
}

function refuse(failed: number): void {
  if (failed > 0) throw new Error(`bench engine: ${failed} messages had no reply`);
}

/** Memory is measured after collecting garbage. */
export function newNode({ entry, execArgv = [] }: Program): Remote {
  return new Remote(entry, "node", ["--expose-gc", ...ENGINE_NODE_ARGUMENTS, ...execArgv]);
}
