/**
 * What a desk keeps of conversations that have come and gone: how large the log is while they are opened and closed, what its
 * own index and the keys take, and how a single long conversation grows.
 */
import { readdirSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Address, address } from "../../runtime/address.ts";
import { subjectsOf } from "../../runtime/bus/index.ts";
import { OverloadedError, UnavailableError } from "../../runtime/engine.ts";
import type { ActorDefinition } from "../../runtime/host/definition.ts";
import {
  type ActorEvent,
  type ActorInput,
  assign,
  type Effect,
  emit,
  setup,
  tell,
} from "../../runtime/host/machine.ts";
import { derivedId, newId } from "../../runtime/ids.ts";
import { openKeyRing } from "../../runtime/log/keyring.ts";
import { streamState } from "../../runtime/log/stream.ts";
import { Node } from "../../runtime/node.ts";
import { cellRestartPolicy } from "../../supervisors/index.ts";
import { BenchServer } from "./server.ts";

/** One moment of a run. */
export interface Kept {
  /** Conversations that have been closed, or turns of the one conversation. */
  readonly count: number;
  /** Of the log's stream, as the server says it: bytes and messages. */
  readonly bytes: number;
  readonly records: number;
  /** Of the stream of data keys, and of the node's LevelDB on disk, bytes. */
  readonly keys: number;
  readonly index: number;
}

export interface PrefixMeasured {
  /** After each part of the conversations: at once, and when the last of them is old enough as well. */
  readonly conversations: readonly { readonly atOnce: Kept; readonly settled: Kept }[];
  readonly turns: readonly Kept[];
  /** The long conversation, still open, when everything that may leave has left. */
  readonly turnsAfter: Kept;
}

export interface PrefixOptions {
  readonly conversations: number;
  /** Turns of the one long conversation. Default 1,000. */
  readonly turns?: number;
  /** How long records stay, ms. Default 5,000. */
  readonly logMs?: number;
  readonly onStage?: (text: string) => void;
}

const WORKSPACE = "bench";
const BENCH = address("bench", "bench");
/** Conversations under way at once. */
const AT_ONCE = 64;
const PARTS = 4;
/** Longest time between two passes, and after which one that has closed has its checkpoint, ms. */
const PASS_MS = 1_000;
const CLOSED_MS = 1_500;
const TEXT = "Where is my parcel? It should have been here on Monday, and nobody has rung yet. ".repeat(3);

interface Talk {
  readonly input: ActorInput;
  readonly turns: number;
}

/** Answers what it hears, and closes when it is told to. */
const talk: ActorDefinition = {
  kind: "talk",
  version: 1,
  machine: setup({
    types: {} as { context: Talk; input: ActorInput; events: ActorEvent; emitted: Effect },
  }).createMachine({
    context: ({ input }) => ({ input, turns: 0 }),
    initial: "open",
    on: {
      message: {
        actions: [
          assign({ turns: ({ context }) => context.turns + 1 }),
          emit(({ context, event }) => {
            const { key, id } = context.input.address;
            return tell(address("channel", key, id), "reply", { text: String(event.data.text) });
          }),
        ],
      },
    },
    states: { open: { on: { close: "closed" } }, closed: {} },
  }),
  closed: (_, value) => value === "closed",
};
const channel: ActorDefinition = { kind: "channel", version: 1, machine: talk.machine, sink: true };

export async function measurePrefix(options: PrefixOptions): Promise<PrefixMeasured> {
  const { conversations, turns = 1_000, logMs = 5_000, onStage = () => {} } = options;
  const bench = await PrefixBench.start(logMs);
  try {
    const kept: { atOnce: Kept; settled: Kept }[] = [];
    for (let part = 1; part <= PARTS; part++) {
      const upTo = Math.ceil((conversations * part) / PARTS);
      onStage(`${upTo} of ${conversations} conversations`);
      await bench.openAndClose(upTo);
      const atOnce = await bench.kept(upTo);
      onStage(`waiting for the last of ${upTo} to leave`);
      kept.push({ atOnce, settled: await bench.allLeft(upTo) });
    }
    const long: Kept[] = [];
    for (let part = 1; part <= PARTS; part++) {
      const upTo = Math.ceil((turns * part) / PARTS);
      onStage(`${upTo} of ${turns} turns`);
      await bench.turns(upTo);
      long.push(await bench.kept(upTo));
    }
    onStage("waiting for its records to leave");
    const turnsAfter = await bench.allLeft(turns);
    return { conversations: kept, turns: long, turnsAfter };
  } finally {
    await bench.stop();
  }
}

class PrefixBench {
  readonly #server: BenchServer;
  readonly #dir: string;
  readonly #node: Node;
  readonly #logMs: number;
  readonly #passMs: number;
  readonly #closeKeys: () => void;
  readonly #passing: Promise<void>;
  #stopped = false;
  /** While the turns of one conversation are counted nothing leaves. */
  #leaving = true;
  #opened = 0;
  #turns = 0;

  private constructor(server: BenchServer, dir: string, node: Node, logMs: number, closeKeys: () => void) {
    this.#server = server;
    this.#dir = dir;
    this.#node = node;
    this.#logMs = logMs;
    this.#passMs = Math.min(PASS_MS, logMs / 5);
    this.#closeKeys = closeKeys;
    this.#passing = this.#pass();
  }

  static async start(logMs: number): Promise<PrefixBench> {
    const server = await BenchServer.start();
    const dir = await mkdtemp(join(tmpdir(), "bailiwick-bench-"));
    const { bus } = server;
    const keys = await openKeyRing({ bus, workspace: WORKSPACE, dataDir: dir });
    const node = await Node.start({
      bus,
      keys,
      workspace: WORKSPACE,
      dir: join(dir, "engine"),
      definitions: [talk, channel],
      services: [],
      policy: cellRestartPolicy(),
      log: { warn: () => {}, error: () => {} },
      retention: { tailMs: logMs, logMs },
      host: { verifyEvery: 0 },
    });
    return new PrefixBench(server, dir, node, logMs, () => keys.close());
  }

  async #pass(): Promise<void> {
    while (!this.#stopped) {
      if (this.#leaving) await this.#node.leaveLog();
      await sleep(this.#passMs);
    }
  }

  async openAndClose(upTo: number): Promise<void> {
    const one = async (): Promise<void> => {
      for (let n = this.#opened++; n < upTo; n = this.#opened++) {
        const key = derivedId("bench", "talk", n);
        const to = address("talk", key);
        await this.#send(to, "message", { text: TEXT });
        await this.#send(to, "close");
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, one));
    this.#opened = upTo;
  }

  async turns(upTo: number): Promise<void> {
    this.#leaving = false;
    const to = address("talk", derivedId("bench", "long"));
    for (; this.#turns < upTo; this.#turns++) await this.#send(to, "message", { text: TEXT });
    while ((await this.#node.read(to))?.view.turns !== upTo) await sleep(5);
  }

  /** As a client does that is told to come back. */
  async #send(to: Address, type: string, data = {}): Promise<void> {
    const id = newId();
    for (;;) {
      try {
        await this.#node.append({ id, type, from: BENCH, to, data });
        return;
      } catch (error) {
        if (!(error instanceof OverloadedError || error instanceof UnavailableError)) throw error;
        await sleep(50);
      }
    }
  }

  /** When everything is old enough, and nothing leaves any more. */
  async allLeft(count: number): Promise<Kept> {
    this.#leaving = true;
    await sleep(this.#logMs);
    for (let before = -1; ; ) {
      const { records, ...kept } = await this.kept(count);
      if (records === before) return { records, ...kept };
      before = records;
      // An open one gets its checkpoint in one pass, and lets go of what lies before it in a later one.
      await sleep(this.#logMs + CLOSED_MS + 3 * this.#passMs);
    }
  }

  async kept(count: number): Promise<Kept> {
    const { bus } = this.#server;
    const names = subjectsOf(WORKSPACE);
    const { bytes, messages: records } = await streamState(bus, names.logStream);
    const { bytes: keys } = await streamState(bus, `KV_${names.keysBucket}`);
    return { count, bytes, records, keys, index: sizeOf(join(this.#dir, "engine")) };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#passing;
    await this.#node.stop();
    this.#closeKeys();
    await this.#server.stop();
    await rm(this.#dir, { recursive: true, force: true });
  }
}

function sizeOf(dir: string): number {
  let bytes = 0;
  for (const name of readdirSync(dir)) {
    try {
      bytes += statSync(join(dir, name)).size;
    } catch {
      // LevelDB has just done away with it.
    }
  }
  return bytes;
}
