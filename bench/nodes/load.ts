/** Customers of a cluster: each writes now and then at one of the gateways, goes to another when it is gone, and keeps a list. */
import { setTimeout as sleep } from "node:timers/promises";
import { newId } from "../../runtime/ids.ts";
import type { BenchCluster, BenchNode } from "./cluster.ts";

export interface Sent {
  readonly id: string;
  /** Monotonic, ms, of the first attempt. */
  readonly at: number;
  answeredAt?: number;
}

/** Wait before a request that was refused is made again, ms. */
const AGAIN_MS = 100;
/** A message without a reply is waited for so long, ms. */
const PATIENCE_MS = 60_000;

export class Customer {
  readonly key: string;
  readonly sent: Sent[] = [];
  /** Replies seen, with the message that each answers. */
  readonly replies: string[] = [];
  #last = 0;
  #gateway: BenchNode | undefined;
  #wake: () => void = () => {};

  constructor(key: string) {
    this.key = key;
  }

  get gateway(): BenchNode | undefined {
    return this.#gateway;
  }

  /** Goes to a gateway, and on from what was seen. */
  at(node: BenchNode): void {
    if (node === this.#gateway) return;
    this.#gateway?.tell({ kind: "unfollow", key: this.key });
    this.#gateway = node;
    node.tell({ kind: "follow", key: this.key, after: this.#last });
  }

  hear(from: number, to: string): void {
    if (from <= this.#last) return;
    this.#last = from;
    this.replies.push(to);
    const message = this.sent.find((m) => m.id === to);
    if (message) message.answeredAt ??= performance.now();
    this.#wake();
  }

  /** One message, tried under one id until it is accepted, and its reply. Answers how many attempts were refused. */
  async turn(gateway: () => BenchNode): Promise<number> {
    const message: Sent = { id: newId(), at: performance.now() };
    this.sent.push(message);
    let refused = 0;
    for (;;) {
      this.at(gateway());
      try {
        await this.#gateway!.ask({ kind: "append", id: message.id, key: this.key });
        break;
      } catch {
        refused++;
        await sleep(AGAIN_MS);
      }
    }
    const end = performance.now() + PATIENCE_MS;
    while (message.answeredAt === undefined && performance.now() < end) {
      this.at(gateway());
      await Promise.race([new Promise<void>((resolve) => (this.#wake = resolve)), sleep(AGAIN_MS)]);
    }
    return refused;
  }
}

export interface LoadOptions {
  readonly customers: number;
  /** Between a reply and the next message, ms. */
  readonly pauseMs: number;
}

export class Load {
  readonly customers: Customer[];
  /** Requests that a living gateway refused. */
  refused = 0;
  readonly #cluster: BenchCluster;
  readonly #o: LoadOptions;
  readonly #avoided = new Set<string>();
  #running: Promise<unknown> | undefined;
  #stopping = false;

  constructor(cluster: BenchCluster, options: LoadOptions) {
    this.#cluster = cluster;
    this.#o = options;
    this.customers = Array.from({ length: options.customers }, (_, i) => new Customer(`known-${i}`));
    const byKey = new Map(this.customers.map((customer) => [customer.key, customer]));
    cluster.onReply = (key, seq, to) => byKey.get(key)?.hear(seq, to);
  }

  start(): void {
    this.#stopping = false;
    this.#running = Promise.all(
      this.customers.map(async (customer, i) => {
        await sleep((this.#o.pauseMs * i) / this.customers.length);
        while (!this.#stopping) {
          this.refused += await customer.turn(() => this.#gatewayOf(i));
          await sleep(this.#o.pauseMs);
        }
      }),
    );
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#running;
  }

  /** Sends nobody to a node any more; resolves when nobody is there. */
  async avoid(name: string): Promise<void> {
    this.#avoided.add(name);
    while (this.customers.some((customer) => customer.gateway?.name === name)) {
      for (const [i, customer] of this.customers.entries())
        if (customer.gateway?.name === name) customer.at(this.#gatewayOf(i));
      await sleep(20);
    }
    // What was asked there a moment ago is answered.
    await sleep(200);
  }

  use(name: string): void {
    this.#avoided.delete(name);
  }

  #gatewayOf(i: number): BenchNode {
    const nodes = [...this.#cluster.nodes.values()].filter((node) => !this.#avoided.has(node.name));
    return nodes[i % nodes.length]!;
  }
}
