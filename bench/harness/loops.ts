/**
 * Load as a closed loop (a fixed number of users, each waits for the answer) and as an open loop (arrivals at a fixed
 * rate, whatever the answers do: without coordinated omission, because latency counts from when a request was due).
 */
import { Latencies } from "./histogram.ts";

export interface LoopResult {
  readonly latencies: Latencies;
  /** Time from when a request was due until it was sent (open loop), apart from its own latency. */
  readonly waits?: Latencies;
  readonly done: number;
  readonly failed: number;
  readonly seconds: number;
}

export interface ClosedLoopOptions {
  readonly users: number;
  /** Requests altogether. */
  readonly requests: number;
}

export async function closedLoop(
  options: ClosedLoopOptions,
  request: (n: number, user: number) => Promise<void>,
): Promise<LoopResult> {
  const latencies = new Latencies();
  let next = 0;
  let failed = 0;
  const startedAt = performance.now();
  const user = async (u: number): Promise<void> => {
    for (let n = next++; n < options.requests; n = next++) {
      const from = performance.now();
      try {
        await request(n, u);
        latencies.record(performance.now() - from);
      } catch {
        failed++;
      }
    }
  };
  await Promise.all(Array.from({ length: options.users }, (_, u) => user(u)));
  return { latencies, done: latencies.count, failed, seconds: (performance.now() - startedAt) / 1_000 };
}

export interface OpenLoopOptions {
  /** Arrivals a second. */
  readonly rate: number;
  readonly seconds: number;
  /** Requests under way at which further ones wait their turn; their latency counts on. Default 10,000. */
  readonly maxUnderWay?: number;
}

export async function openLoop(
  options: OpenLoopOptions,
  request: (n: number) => Promise<void>,
): Promise<LoopResult> {
  const { rate, seconds, maxUnderWay = 10_000 } = options;
  const latencies = new Latencies();
  const waits = new Latencies();
  const total = Math.floor(rate * seconds);
  const underWay = new Set<Promise<void>>();
  let failed = 0;
  const startedAt = performance.now();
  for (let n = 0; n < total; n++) {
    const due = startedAt + (n * 1_000) / rate;
    const early = due - performance.now();
    if (early > 0.5) await new Promise((resolve) => setTimeout(resolve, early));
    if (underWay.size >= maxUnderWay) await Promise.race(underWay);
    waits.record(performance.now() - due);
    const work = request(n)
      .then(() => latencies.record(performance.now() - due))
      .catch(() => {
        failed++;
      })
      .finally(() => underWay.delete(work));
    underWay.add(work);
  }
  await Promise.all(underWay);
  return {
    latencies,
    waits,
    done: latencies.count,
    failed,
    seconds: (performance.now() - startedAt) / 1_000,
  };
}

/**
 * Runs several arms in turn, A B C A B C …, so that a machine whose speed drifts drifts for all of them. The first round
 * is a warm-up and does not count.
 */
export async function interleaved<T>(
  arms: Readonly<Record<string, () => Promise<T>>>,
  rounds: number,
  onRound?: (round: number, arm: string) => void,
): Promise<Record<string, T[]>> {
  const results: Record<string, T[]> = Object.fromEntries(Object.keys(arms).map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const [name, run] of Object.entries(arms)) {
      onRound?.(round, name);
      const result = await run();
      if (round > 0) results[name]!.push(result);
    }
  }
  return results;
}
