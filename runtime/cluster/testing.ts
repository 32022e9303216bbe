/** For tests: nodes that only own, each on a connection that can be cut, and an eye on all of them at once. */
import { once } from "node:events";
import { connect as connectTo, createServer, type Socket } from "node:net";
import { type Bus, connectBus } from "../bus/index.ts";
import type { TestServer } from "../bus/testing.ts";
import { Coordinator } from "./coordinator.ts";
import type { CoordinatorOptions } from "./coordinator-options.ts";
import type { ReleaseReason } from "./tenure.ts";

/** A way to the server that can be held up, with all that is under way on it kept, or cut. */
export interface Link {
  readonly port: number;
  /** Nothing passes any more in either direction; nobody is told. */
  hold(): void;
  /** What was held passes, and all that follows. */
  go(): void;
  /** Breaks what there is; new connections are made again. */
  cut(): void;
  close(): Promise<void>;
}

export async function startLink(port: number): Promise<Link> {
  const sockets = new Set<Socket>();
  let held = false;
  const server = createServer((near) => {
    const far = connectTo(port, "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.setNoDelay(true);
      from.on("data", (chunk) => void to.write(chunk));
      from.on("error", () => {});
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
      if (held) from.pause();
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as { port: number }).port,
    hold: () => {
      held = true;
      for (const socket of sockets) socket.pause();
    },
    go: () => {
      held = false;
      for (const socket of sockets) socket.resume();
    },
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

export interface Happening {
  /** Monotonic clock, ms. */
  readonly at: number;
  readonly node: string;
  readonly what: "acquire" | ReleaseReason;
  readonly partition: number;
  readonly epoch?: number;
}

export interface TestNode {
  readonly name: string;
  readonly coordinator: Coordinator;
  readonly bus: Bus;
  readonly link: Link;
  readonly errors: string[];
  readonly failures: Error[];
}

const SAMPLE_MS = 2;

/** Nodes of one cluster in this process. Each partition is looked at every few milliseconds, on all of them at once. */
export class TestCluster {
  readonly happened: Happening[] = [];
  /** What must never be. */
  readonly wrongs: string[] = [];
  readonly nodes: TestNode[] = [];
  /** What nodes are started with, unless told. */
  options: Partial<CoordinatorOptions>;
  readonly partitions: number;
  readonly #server: TestServer;
  readonly #buckets: CoordinatorOptions["buckets"];
  readonly #epochs = new Map<number, number>();
  readonly #sampler: NodeJS.Timeout;

  constructor(server: TestServer, name: string, options: Partial<CoordinatorOptions> = {}) {
    this.#server = server;
    this.options = options;
    this.partitions = options.partitions ?? 16;
    this.#buckets = { leases: `${name}_LEASES`, members: `${name}_MEMBERS` };
    this.#sampler = setInterval(() => this.#look(), SAMPLE_MS);
  }

  get buckets(): CoordinatorOptions["buckets"] {
    return this.#buckets;
  }

  async start(name: string, options: Partial<CoordinatorOptions> = {}): Promise<TestNode> {
    const link = await startLink(this.#server.server.port);
    const { user, pass } = this.#server;
    const bus = await connectBus({
      url: `nats://127.0.0.1:${link.port}`,
      user,
      pass,
      name,
      reconnectWaitMs: 20,
    });
    const errors: string[] = [];
    const failures: Error[] = [];
    const { onAcquire, onRelease } = { ...this.options, ...options };
    try {
      const coordinator = await Coordinator.start({
        bus,
        buckets: this.#buckets,
        node: name,
        partitions: this.partitions,
        onError: (what, error) => void errors.push(`${what}: ${(error as Error)?.message ?? error}`),
        onFailure: (error) => void failures.push(error),
        ...this.options,
        ...options,
        onAcquire: async (partition, epoch) => {
          this.#acquired(name, partition, epoch);
          await onAcquire?.(partition, epoch);
        },
        onRelease: async (partition, reason) => {
          await onRelease?.(partition, reason);
          this.happened.push({ at: performance.now(), node: name, what: reason, partition });
        },
      });
      const node = { name, coordinator, bus, link, errors, failures };
      this.nodes.push(node);
      this.#look();
      return node;
    } catch (error) {
      await bus.close();
      await link.close();
      throw error;
    }
  }

  /** Nodes that say that they hold a partition at this moment. */
  holders(partition: number): TestNode[] {
    return this.nodes.filter(({ coordinator }) => coordinator.holds(partition, 0));
  }

  /** Name of the one holder of each partition; undefined where there is none. */
  owners(): (string | undefined)[] {
    return Array.from({ length: this.partitions }, (_, partition) => this.holders(partition)[0]?.name);
  }

  async close(): Promise<void> {
    clearInterval(this.#sampler);
    for (const { coordinator, bus, link } of this.nodes) {
      coordinator.abandon();
      await bus.close();
      await link.close();
    }
  }

  #acquired(node: string, partition: number, epoch: number): void {
    const at = performance.now();
    this.happened.push({ at, node, what: "acquire", partition, epoch });
    const last = this.#epochs.get(partition) ?? 0;
    if (epoch <= last)
      this.wrongs.push(`epoch ${epoch} of partition ${partition} at ${node} follows ${last}`);
    this.#epochs.set(partition, Math.max(last, epoch));
    this.#look();
  }

  #look(): void {
    for (let partition = 0; partition < this.partitions; partition++) {
      const holders = this.holders(partition);
      if (holders.length > 1) {
        const names = holders.map(({ name, coordinator }) => `${name}@${coordinator.epochOf(partition)}`);
        this.wrongs.push(`partition ${partition} is held by ${names.join(" and ")} at ${performance.now()}`);
      }
    }
  }
}
