/** Three nodes over one server, as processes, and conversations over any of them. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EmbeddedServer } from "../../runtime/bus/index.ts";
import { findNatsServer } from "../../runtime/config/nats-server.ts";
import { asset } from "../../runtime/config/paths.ts";
import type { FromNode, NodeSettings, ToNode } from "./protocol.ts";

const ENTRY = asset("dist", "bench", "nodes", "node-process.js");
const KEY = "workspace.key";

type Request = Extract<ToNode, { readonly ref: number }>;
/** A request without its number. */
export type Asking = Request extends infer R ? (R extends Request ? Omit<R, "ref"> : never) : never;

interface Waiting {
  readonly resolve: (value: any) => void;
  readonly reject: (error: Error) => void;
}

/** A node did not do what it was asked: refused, or gone. */
export class NodeRefusedError extends Error {
  override readonly name = "NodeRefusedError";
}

export class BenchNode {
  readonly name: string;
  readonly #process: ChildProcess;
  readonly #asked = new Map<number, Waiting>();
  #last = 0;

  constructor(name: string, child: ChildProcess, onReply: (key: string, seq: number, to: string) => void) {
    this.name = name;
    this.#process = child;
    child.on("message", (message: FromNode) => {
      if (message.kind === "reply") onReply(message.key, message.seq, message.to);
      else if (message.kind !== "ready") {
        const asked = this.#asked.get(message.ref);
        this.#asked.delete(message.ref);
        if (message.kind === "answer") asked?.resolve(message.value);
        else asked?.reject(new NodeRefusedError(message.why));
      }
    });
    child.on("exit", () => {
      for (const { reject } of this.#asked.values()) reject(new NodeRefusedError("the node has ended"));
      this.#asked.clear();
    });
  }

  ask<T>(asking: Asking): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const ref = ++this.#last;
      this.#asked.set(ref, { resolve, reject });
      this.tell({ ...asking, ref } as ToNode, () => {
        if (this.#asked.delete(ref)) reject(new NodeRefusedError("the node is gone"));
      });
    });
  }

  tell(message: ToNode, failed: () => void = () => {}): void {
    if (!this.#process.connected) {
      failed();
      return;
    }
    this.#process.send(message, (error) => error && failed());
  }

  async kill(): Promise<void> {
    const gone = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await gone;
  }

  async stop(): Promise<void> {
    const gone = once(this.#process, "exit");
    this.tell({ kind: "stop" });
    await gone;
  }
}

export class BenchCluster {
  readonly nodes = new Map<string, BenchNode>();
  onReply: (key: string, seq: number, to: string) => void = () => {};
  readonly #dir: string;
  readonly #server: EmbeddedServer;
  readonly #ttlMs: number;

  private constructor(dir: string, server: EmbeddedServer, ttlMs: number) {
    this.#dir = dir;
    this.#server = server;
    this.#ttlMs = ttlMs;
  }

  static async start(names: readonly string[], ttlMs: number): Promise<BenchCluster> {
    if (!existsSync(ENTRY)) throw new Error(`${ENTRY} is not there: npm run setup builds it`);
    const dir = await mkdtemp(join(tmpdir(), "bailiwick-bench-"));
    const binary = findNatsServer();
    const server = await EmbeddedServer.start({ binary, dir: join(dir, "nats"), name: "bench" });
    const cluster = new BenchCluster(dir, server, ttlMs);
    try {
      for (const name of names) await cluster.up(name);
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  async up(name: string): Promise<BenchNode> {
    const dataDir = join(this.#dir, name);
    mkdirSync(dataDir, { recursive: true });
    const [other] = this.nodes.keys();
    if (other && !existsSync(join(dataDir, KEY)))
      copyFileSync(join(this.#dir, other, KEY), join(dataDir, KEY));
    const { url, user, pass } = this.#server;
    const settings: NodeSettings = { name, url, user, pass, dataDir, ttlMs: this.#ttlMs };
    const child = fork(ENTRY, [JSON.stringify(settings)], { stdio: ["ignore", "ignore", "pipe", "ipc"] });
    let words = "";
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      words = (words + text).slice(-2_000);
    });
    const node = new BenchNode(name, child, (...reply) => this.onReply(...reply));
    await new Promise<void>((resolve, reject) => {
      child.once("message", () => resolve());
      child.once("exit", () => reject(new Error(`node ${name} did not start: ${words}`)));
    });
    this.nodes.set(name, node);
    return node;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.nodes.values()].map((node) => node.kill()));
    await this.#server.stop();
    await rm(this.#dir, { recursive: true, force: true });
  }
}
