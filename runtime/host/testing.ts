/** A node over a real server, for tests: machines in, records out, crashes at will. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Level } from "level";
import { type Address, address, partitionOf } from "../address.ts";
import type { Bus, BusMessage, RequestOptions } from "../bus/bus.ts";
import { startTestServer, type TestServer } from "../bus/testing.ts";
import type { NewRecord } from "../envelope.ts";
import { newId } from "../ids.ts";
import type { JsonObject } from "../json.ts";
import { WorkspaceKeyRing } from "../log/keyring.ts";
import type { KeyRing } from "../log/sealer.ts";
import { Node } from "../node.ts";
import type { NodeOptions } from "../node-options.ts";
import { type CellState, CellStore } from "./cell-store.ts";

export type TestNodeOptions = Partial<Omit<NodeOptions, "bus" | "keys">> &
  Pick<NodeOptions, "definitions"> & {
    /** What goes wrong on the way to the server. */
    readonly trouble?: (bus: Bus) => Bus;
    /** What goes wrong with the keys. */
    readonly keyTrouble?: (keys: KeyRing) => KeyRing;
  };

/** A bus on which `meddle` may answer a request itself, or fail it, before or after it was sent. */
export function meddled(
  bus: Bus,
  meddle: (
    subject: string,
    send: () => Promise<BusMessage>,
    headers: Readonly<Record<string, string>>,
  ) => Promise<BusMessage>,
): Bus {
  return new Proxy(bus, {
    get(target, name) {
      if (name === "request") {
        return (subject: string, data: Uint8Array, options?: RequestOptions) =>
          meddle(subject, () => target.request(subject, data, options), options?.headers ?? {});
      }
      const member = Reflect.get(target, name, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

export class TestDesk {
  readonly server: TestServer;
  readonly dir: string;
  readonly warnings: { message: string; details: Record<string, unknown> }[] = [];
  node!: Node;
  bus!: Bus;
  keys!: KeyRing;
  #options: TestNodeOptions;

  private constructor(server: TestServer, options: TestNodeOptions) {
    this.server = server;
    this.#options = options;
    this.dir = mkdtempSync(join(tmpdir(), "bw-node-"));
  }

  static async start(options: TestNodeOptions): Promise<TestDesk> {
    const desk = new TestDesk(await startTestServer(), options);
    await desk.up();
    return desk;
  }

  /** Starts the node; with other options when given. */
  async up(options: Partial<TestNodeOptions> = {}): Promise<void> {
    this.#options = { ...this.#options, ...options };
    const { trouble, keyTrouble, ...rest } = this.#options;
    const bus = await this.server.connect();
    this.bus = trouble ? trouble(bus) : bus;
    const keys = await WorkspaceKeyRing.open({ bus: this.bus, dataDir: this.dir, workspace: "test" });
    this.keys = keyTrouble ? keyTrouble(keys) : keys;
    const note = (message: string, details: Record<string, unknown>): void => {
      this.warnings.push({ message, details });
    };
    this.node = await Node.start({
      bus: this.bus,
      keys: this.keys,
      workspace: "test",
      dir: join(this.dir, "engine"),
      services: [],
      policy: { maxAttempts: 3, backoffMs: () => 1 },
      log: { warn: note, error: note },
      partitions: 4,
      ...rest,
    });
  }

  async stop(): Promise<void> {
    await this.node.stop();
    await this.bus.close();
    await this.server.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** The node dies without a word; the server stays. */
  async crash(): Promise<void> {
    await this.node.crash();
    await this.bus.close();
  }

  /** What a node that has ended left in its LevelDB under a key. */
  async stored(key: string): Promise<string | undefined> {
    const db = new Level<string, string>(join(this.dir, "engine"));
    try {
      return await db.get(key);
    } finally {
      await db.close();
    }
  }

  /** Changes the snapshot that a node that has ended left of an actor. */
  async alter(to: Address, change: (state: CellState) => CellState): Promise<void> {
    const db = new Level<string, string>(join(this.dir, "engine"));
    try {
      await db.open();
      const store = new CellStore(db, this.keys, ({ key }) => partitionOf(key, 4));
      await store.write([{ to, state: change((await store.load(to))!), closed: false }], new Map());
    } finally {
      await db.close();
    }
  }

  send(to: Address, type: string, data: JsonObject = {}, id = newId()) {
    const record: NewRecord = { id, type, from: address("test", "test"), to, data };
    return this.node.append(record);
  }

  /** Waits until `check` answers something truthy. */
  async until<T>(
    check: () => Promise<T> | T,
    what = "the expected state",
    timeoutMs = 10_000,
  ): Promise<NonNullable<T>> {
    const end = performance.now() + timeoutMs;
    for (;;) {
      const found = await check();
      if (found) return found as NonNullable<T>;
      if (performance.now() > end) throw new Error(`waited ${timeoutMs} ms for ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}
