/** Measures the engine alone: durable turns over a real server and a real LevelDB, without anything that thinks. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { address } from "../../runtime/address.ts";
import { connectBus, EmbeddedServer } from "../../runtime/bus/index.ts";
import { findNatsServer } from "../../runtime/config/nats-server.ts";
import type { Service } from "../../runtime/host/service.ts";
import { newId } from "../../runtime/ids.ts";
import { openKeyRing } from "../../runtime/log/keyring.ts";
import { Node } from "../../runtime/node.ts";
import { closedLoop, interleaved, type LoopResult } from "../harness/index.ts";
import { turnDefinitions } from "./turn-machine.ts";

export interface EngineBenchOptions {
  /** Turns under way at once, one arm each. */
  readonly inFlight: readonly number[];
  /** Turns of one round of an arm. */
  readonly turns: number;
  /** Rounds that count; one before them warms up. */
  readonly rounds: number;
  readonly onRound?: (round: number, inFlight: string) => void;
}

/** Answers at once, so that what is measured is the engine. */
const turnService: Service = {
  name: "bench",
  operations: { lookup: async (input) => ({ text: `about ${input.text}` }) },
};

const SENDER = address("bench", "bench");
/** A turn that takes longer counts as failed, ms. */
const LONGEST_TURN_MS = 30_000;

export interface EngineRound extends LoopResult {
  /** Processor time of this process, without the server's, ms. */
  readonly cpuMs: number;
}

/** Answers the rounds of each arm, by turns in flight. */
export async function benchEngine(options: EngineBenchOptions): Promise<Record<string, EngineRound[]>> {
  const dir = await mkdtemp(join(tmpdir(), "bailiwick-bench-"));
  const ends: (() => Promise<unknown> | unknown)[] = [() => rm(dir, { recursive: true, force: true })];
  try {
    const server = await EmbeddedServer.start({
      binary: findNatsServer(),
      dir: join(dir, "nats"),
      name: "bench",
    });
    ends.push(() => server.stop());
    const bus = await connectBus({ url: server.url, user: server.user, pass: server.pass, name: "bench" });
    ends.push(() => bus.close());
    const keys = await openKeyRing({ bus, workspace: "bench", dataDir: dir });
    ends.push(() => keys.close());
    const node = await Node.start({
      bus,
      keys,
      workspace: "bench",
      dir: join(dir, "engine"),
      definitions: turnDefinitions,
      services: [turnService],
      policy: { maxAttempts: 3, backoffMs: () => 50 },
      log: { warn: () => {}, error: () => {} },
    });
    ends.push(() => node.stop());

    const arms = Object.fromEntries(
      options.inFlight.map((users) => [users, () => runTurns(node, users, options.turns)]),
    );
    return await interleaved(arms, options.rounds, options.onRound);
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

/** A closed loop: each user has a conversation of its own and waits for the reply before going on. */
async function runTurns(node: Node, users: number, turns: number): Promise<EngineRound> {
  const conversations = Array.from({ length: users }, () => new Conversation(node));
  const before = process.cpuUsage();
  try {
    const result = await closedLoop({ users, requests: turns }, (_n, user) => conversations[user]!.turn());
    const { user, system } = process.cpuUsage(before);
    return { ...result, cpuMs: (user + system) / 1_000 };
  } finally {
    for (const conversation of conversations) conversation.close();
  }
}

class Conversation {
  readonly #node: Node;
  readonly #to = address("turns", newId());
  readonly #unfollow: () => void;
  #replied: (() => void) | undefined;

  constructor(node: Node) {
    this.#node = node;
    this.#unfollow = node.follow(this.#to.key, () => this.#replied?.());
  }

  async turn(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const reply = new Promise<void>((resolve, reject) => {
      this.#replied = resolve;
      timer = setTimeout(() => reject(new Error("no reply")), LONGEST_TURN_MS);
    });
    try {
      const data = { text: "where is my order W1234567?" };
      await this.#node.append({ id: newId(), type: "message", from: SENDER, to: this.#to, data });
      await reply;
    } finally {
      clearTimeout(timer);
      this.#replied = undefined;
    }
  }

  close(): void {
    this.#unfollow();
  }
}
