/**
 * Three systems that receive writes over HTTP, and outlive the nodes. One honours idempotency keys; the others apply whatever
 * comes. One of those answers by key whether it has done so, the other says nothing. All note every attempt.
 */
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Random } from "../rehydration/random/random.ts";
import type { Attempt, SinkName } from "./history.ts";

/** From a request to what it does, and from there to the answer, ms: there a crash leaves its node without knowing. */
const BEFORE_MS = [2, 20] as const;
const AFTER_MS: Readonly<Record<SinkName, readonly [number, number]>> = {
  keyed: [20, 200],
  asked: [100, 500],
  // Slow: whoever takes over has to know that it was begun.
  blind: [300, 1_200],
};

/** Turns of the event loop in which what is there already is read. */
const LOOKS = 4;

export class Sink {
  readonly attempts: Attempt[] = [];
  readonly #name: SinkName;
  readonly #random: Random;
  readonly #received = new Set<string>();
  readonly #server: Server;

  private constructor(name: SinkName, seed: string) {
    this.#name = name;
    this.#random = new Random(`${seed} ${name}`);
    this.#server = createServer((request, response) => {
      void this.#serve(request)
        .then((answer) => response.end(JSON.stringify(answer)))
        .catch(() => response.writeHead(400).end());
    });
  }

  static async start(name: SinkName, seed: string): Promise<Sink> {
    const sink = new Sink(name, seed);
    await new Promise<void>((resolve) => sink.#server.listen(0, "127.0.0.1", resolve));
    return sink;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage): Promise<{ state: string }> {
    let text = "";
    for await (const chunk of request.setEncoding("utf8")) text += chunk;
    const { key, what } = JSON.parse(text) as { key: string; what: string };
    if (request.url === "/ask") {
      // A busy process may read this before a write that has come before it, from a caller who did not wait.
      for (let i = 0; i < LOOKS && !this.#received.has(key); i++) await sleep(1);
      return { state: this.#received.has(key) ? "applied" : "unknown" };
    }
    // From here on it will be done, also when nobody waits for the answer any more.
    const applied = this.#name !== "keyed" || !this.#received.has(key);
    this.#received.add(key);
    await sleep(this.#random.between(...BEFORE_MS));
    this.attempts.push({ sink: this.#name, key, what, at: Date.now(), applied });
    await sleep(this.#random.between(...AFTER_MS[this.#name]));
    return { state: "applied" };
  }
}
