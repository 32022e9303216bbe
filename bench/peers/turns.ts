/** The load of a peer: turns of conversations, each reply looked at. What its process is told to do (`harness/remote.ts`). */
import { Latencies, type Percentiles } from "../harness/index.ts";
import { type Handlers, serve } from "../harness/remote.ts";
import { messageOf, replyOf } from "../support-turn.ts";

/** One peer, in its process. */
export interface Turns {
  /** @param dir folder for all that it keeps; what is there from before is gone on with */
  start(dir: string): Promise<void>;
  /** One turn of a conversation, durable when it resolves. @returns the reply */
  turn(conversation: string, text: string): Promise<string>;
  /** Turns of a conversation, as they are kept. */
  turnsOf(conversation: string): Promise<number>;
  stop(): Promise<void>;
  /** Ends what carries out turns as a crash would, and begins it again, where that is not this process. */
  crash?(): Promise<void>;
}

export interface Load {
  /** Numbers of the conversations, taken in turn. */
  readonly numbers: readonly number[];
  /** Turns at once. */
  readonly window: number;
  readonly seconds: number;
}

export interface Loaded {
  readonly turns: number;
  readonly seconds: number;
  readonly latency: Percentiles | undefined;
  /** Longest time in which no turn ended, ms. */
  readonly gapMs: number;
}

export interface Rounds {
  readonly numbers: readonly number[];
  /** Turns of each, one after the other. */
  readonly turns: number;
  readonly window: number;
}

export function nameOf(n: number): string {
  return `conversation-${n}`;
}

/** Serves a peer to the bench. */
export function serveTurns(peer: Turns): void {
  async function one(n: number): Promise<void> {
    const reply = await peer.turn(nameOf(n), messageOf(n));
    if (reply !== replyOf(n))
      throw new Error(`“${reply}” was answered in conversation ${n}, not “${replyOf(n)}”`);
  }

  async function load({ numbers, window, seconds }: Load): Promise<Loaded> {
    const latencies = new Latencies();
    const from = performance.now();
    const end = from + seconds * 1_000;
    let next = 0;
    let last = from;
    let gapMs = 0;
    const user = async (): Promise<void> => {
      while (performance.now() < end) {
        const begun = performance.now();
        await one(numbers[next++ % numbers.length]!);
        const now = performance.now();
        latencies.record(now - begun);
        gapMs = Math.max(gapMs, now - last);
        last = now;
      }
    };
    await Promise.all(Array.from({ length: window }, user));
    const took = (performance.now() - from) / 1_000;
    return { turns: latencies.count, seconds: took, latency: latencies.percentiles(), gapMs };
  }

  async function rounds({ numbers, turns, window }: Rounds): Promise<void> {
    const left = [...numbers];
    const worker = async (): Promise<void> => {
      for (let n = left.shift(); n !== undefined; n = left.shift())
        for (let turn = 0; turn < turns; turn++) await one(n);
    };
    await Promise.all(Array.from({ length: window }, worker));
  }

  async function counted({ numbers }: { numbers: readonly number[] }): Promise<number> {
    let sum = 0;
    for (const n of numbers) sum += await peer.turnsOf(nameOf(n));
    return sum;
  }

  /** Load, and in the middle of it a crash. Undefined where what carries turns out is this process itself. */
  async function interrupted(args: Load): Promise<Loaded | undefined> {
    if (!peer.crash) return undefined;
    const loading = load(args);
    const crash = new Promise((resolve) => setTimeout(resolve, (args.seconds * 1_000) / 2)).then(() =>
      peer.crash!(),
    );
    const [loaded] = await Promise.all([loading, crash]);
    return loaded;
  }

  const handlers: Handlers = {
    start: ({ dir }: { dir: string }) => peer.start(dir),
    load,
    rounds,
    counted,
    interrupted,
  };
  serve(handlers, () => peer.stop());
}
