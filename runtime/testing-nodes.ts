/** Several nodes over one server, for tests. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Address, address } from "./address.ts";
import type { Bus } from "./bus/bus.ts";
import { startTestServer, type TestServer } from "./bus/testing.ts";
import type { NewRecord } from "./envelope.ts";
import { newId } from "./ids.ts";
import type { JsonObject } from "./json.ts";
import { WorkspaceKeyRing } from "./log/keyring.ts";
import { Node } from "./node.ts";
import type { NodeOptions } from "./node-options.ts";

export type TestNodesOptions = Partial<Omit<NodeOptions, "bus" | "keys">> &
  Pick<NodeOptions, "definitions"> & {
    /** What goes wrong on the way to the server. */
    readonly trouble?: (bus: Bus) => Bus;
  };
/** One server, or several as one. */
export type Servers = Pick<TestServer, "stop"> & { connect(name: string): Promise<Bus> };

interface Running {
  readonly node: Node;
  readonly bus: Bus;
}

/** Short, so that a test of a lapse does not take long. */
export const TTL_MS = 1_500;

export class TestNodes {
  readonly server: Servers;
  readonly warnings: { node: string; message: string; details: Record<string, unknown> }[] = [];
  readonly #dir = mkdtempSync(join(tmpdir(), "bw-nodes-"));
  readonly #options: TestNodesOptions;
  readonly #running = new Map<string, Running>();

  private constructor(server: Servers, options: TestNodesOptions) {
    this.server = server;
    this.#options = options;
  }

  static async start(
    names: readonly string[],
    options: TestNodesOptions,
    server?: Servers,
  ): Promise<TestNodes> {
    const nodes = new TestNodes(server ?? (await startTestServer()), options);
    for (const name of names) await nodes.up(name);
    return nodes;
  }

  /** Starts a node, or starts it again. */
  async up(name: string, options: Partial<TestNodesOptions> = {}): Promise<Node> {
    const dataDir = join(this.#dir, name);
    mkdirSync(dataDir, { recursive: true });
    const { trouble, ...given } = { ...this.#options, ...options };
    const connected = await this.server.connect(name);
    const bus = trouble ? trouble(connected) : connected;
    const [first] = this.#running.keys();
    // As an operator does: the key of the workspace is copied from another node.
    if (first) {
      const key = "workspace.key";
      try {
        copyFileSync(join(this.#dir, first, key), join(dataDir, key));
      } catch {
        // It has its own, the same.
      }
    }
    const keys = await WorkspaceKeyRing.open({ bus, dataDir, workspace: "test" });
    const note = (message: string, details: Record<string, unknown>): void => {
      this.warnings.push({ node: name, message, details });
    };
    const node = await Node.start({
      bus,
      keys,
      workspace: "test",
      dir: join(dataDir, "engine"),
      services: [],
      policy: { maxAttempts: 3, backoffMs: () => 1 },
      log: { warn: note, error: note },
      partitions: 8,
      ...given,
      cluster: { ttlMs: TTL_MS, leaveEveryMs: 200, ...given.cluster, node: name, holder: dataDir },
    });
    this.#running.set(name, { node, bus });
    return node;
  }

  dataDir(name: string): string {
    return join(this.#dir, name);
  }

  node(name: string): Node {
    return this.#running.get(name)!.node;
  }

  names(): string[] {
    return [...this.#running.keys()];
  }

  all(): Node[] {
    return [...this.#running.values()].map(({ node }) => node);
  }

  /** The node that owns an actor, once one does. */
  async ownerOf(to: Address): Promise<string> {
    return this.until(() => {
      for (const [name, { node }] of this.#running) if (node.isHere(to)) return name;
      return undefined;
    }, "an owner");
  }

  /** Hands over and stops. */
  async down(name: string): Promise<void> {
    const { node, bus } = this.#running.get(name)!;
    this.#running.delete(name);
    await node.stop();
    await bus.close();
  }

  /** Dies without a word. */
  async crash(name: string): Promise<void> {
    const { node, bus } = this.#running.get(name)!;
    this.#running.delete(name);
    await node.crash();
    await bus.close();
  }

  async stop(): Promise<void> {
    for (const name of [...this.#running.keys()]) await this.down(name).catch(() => {});
    await this.server.stop();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  send(via: string, to: Address, type: string, data: JsonObject = {}, id = newId()) {
    const record: NewRecord = { id, type, from: address("test", "test"), to, data };
    return this.node(via).append(record);
  }

  async until<T>(check: () => Promise<T> | T, what: string, timeoutMs = 15_000): Promise<NonNullable<T>> {
    const end = performance.now() + timeoutMs;
    for (;;) {
      const found = await check();
      if (found) return found as NonNullable<T>;
      if (performance.now() > end) throw new Error(`waited ${timeoutMs} ms for ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}
