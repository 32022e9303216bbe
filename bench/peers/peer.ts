/** What takes turns in the bench: this engine, and what else somebody would take. */
import { mkdir } from "node:fs/promises";
import { Arm, type Program } from "../engine/arm.ts";
import { sizeOf } from "../file-sizes.ts";
import type { Percentiles } from "../harness/index.ts";
import { Remote } from "../harness/remote.ts";
import { replyOf } from "../support-turn.ts";
import type { Loaded } from "./turns.ts";

export interface Peer {
  /** Turns a second, with so many at once. */
  saturate(seconds: number, window: number): Promise<number>;
  /** One turn after the other. */
  alone(seconds: number): Promise<Percentiles>;
  /** Bytes on disk that a turn adds: of the first turns of fresh conversations, and of as many after them. */
  bytes(conversations: number, turns: number): Promise<{ first: number; later: number }>;
  /** A kill -9 in the middle of load: ms in which no turn ended. Undefined where nothing carries turns on by itself. */
  interrupted(seconds: number, window: number): Promise<number | undefined>;
  /** @throws when what is kept are other turns than were answered */
  verify(): Promise<void>;
  stop(): Promise<void>;
}

/** Numbers from which on conversations are for measuring bytes. */
const FRESH = 1_000_000;
const WINDOW = 32;

/** This engine: log, supervision, asks on the record, sealed bodies. */
export async function ourPeer(dir: string, conversations: number, program: Program): Promise<Peer> {
  const arm = await Arm.start(dir, { what: "node", known: 0, active: conversations }, program);
  const numbers = range(0, conversations);
  let answered = 0;
  return {
    saturate: async (seconds, window) => {
      const { rate, sent } = await arm.saturate(seconds, window, "turns");
      answered += sent;
      return rate;
    },
    alone: async (seconds) => {
      const latency = await arm.alone(seconds, "turns");
      answered += latency.count;
      return latency;
    },
    bytes: (count, turns) =>
      bytesOfTurns(dir, count, turns, async (fresh) => {
        await arm.rounds(fresh, turns, WINDOW);
        // What the node has in memory is written when it ends.
        await arm.restart();
      }),
    interrupted: async (seconds, window) => {
      const { gapMs, sent } = await arm.interrupted(numbers, seconds, window);
      answered += sent;
      return gapMs;
    },
    verify: async () => {
      const kept = await arm.turns(numbers);
      const wrong = kept.findIndex(({ said }, n) => said !== replyOf(n));
      if (wrong >= 0) throw new Error(`“${kept[wrong]!.said}” was said in conversation ${wrong}`);
      same(
        "bailiwick",
        answered,
        kept.reduce((sum, { turns }) => sum + turns, 0),
      );
    },
    stop: () => arm.stop(),
  };
}

/** A peer in a process of its own. @param entry its file */
export async function otherPeer(
  name: string,
  dir: string,
  conversations: number,
  entry: string,
): Promise<Peer> {
  await mkdir(dir, { recursive: true });
  const remote = new Remote(entry, name);
  const numbers = range(0, conversations);
  let answered = 0;
  const load = async (seconds: number, window: number): Promise<Loaded> => {
    const loaded = await remote.call<Loaded>("load", { numbers, window, seconds });
    answered += loaded.turns;
    return loaded;
  };
  try {
    await remote.call("start", { dir });
  } catch (error) {
    await remote.end();
    throw error;
  }
  return {
    saturate: async (seconds, window) => {
      const { turns, seconds: took } = await load(seconds, window);
      return turns / took;
    },
    alone: async (seconds) => (await load(seconds, 1)).latency!,
    bytes: (count, turns) =>
      bytesOfTurns(dir, count, turns, (fresh) =>
        remote.call("rounds", { numbers: fresh, turns, window: WINDOW }),
      ),
    interrupted: async (seconds, window) => {
      const loaded = await remote.call<Loaded | undefined>("interrupted", { numbers, window, seconds });
      answered += loaded?.turns ?? 0;
      return loaded?.gapMs;
    },
    verify: async () => same(name, answered, await remote.call<number>("counted", { numbers })),
    stop: () => remote.end(),
  };
}

async function bytesOfTurns(
  dir: string,
  conversations: number,
  turns: number,
  play: (numbers: readonly number[]) => Promise<void>,
): Promise<{ first: number; later: number }> {
  const fresh = range(FRESH, FRESH + conversations);
  // What lies there from before has settled.
  await play([]);
  const sizes = [await sizeOf(dir)];
  for (let part = 0; part < 2; part++) {
    await play(fresh);
    sizes.push(await sizeOf(dir));
  }
  const [before, middle, after] = sizes as [number, number, number];
  const all = conversations * turns;
  return { first: (middle - before) / all, later: (after - middle) / all };
}

function same(name: string, answered: number, kept: number): void {
  if (answered !== kept) throw new Error(`${name}: ${answered} turns were answered, and ${kept} are kept`);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}
