/** Whether something that was measured over time stays flat once it has warmed up. */

export interface Sample {
  /** Seconds since the load began. */
  readonly at: number;
  readonly value: number;
}

export interface FlatOptions {
  /** Part of the time that counts as warming up. Default 1/3. */
  readonly warmUp?: number;
  /** Growth from the first half after it to the second that is still flat, as a part. Default 0.05. */
  readonly growth?: number;
  /** The same in the unit of the values; what is allowed is the larger. Default 0. */
  readonly slack?: number;
  /** Samples of this many seconds count as one: the lowest of them, since what is garbage comes and goes. Default 20. */
  readonly windowS?: number;
}

export interface Flatness {
  /** Median of the windows in the first half after the warm-up, and in the second. */
  readonly before: number;
  readonly after: number;
  readonly flat: boolean;
}

/** Undefined when there are not two windows in each half: nothing can be said of that. */
export function flatness(samples: readonly Sample[], options: FlatOptions = {}): Flatness | undefined {
  const { warmUp = 1 / 3, growth = 0.05, slack = 0, windowS = 20 } = options;
  const end = samples.at(-1)?.at ?? 0;
  const from = end * warmUp;
  const middle = from + (end - from) / 2;
  const before = floors(
    samples.filter((s) => s.at >= from && s.at < middle),
    windowS,
  );
  const after = floors(
    samples.filter((s) => s.at >= middle),
    windowS,
  );
  if (before.length < 2 || after.length < 2) return undefined;
  const [b, a] = [median(before), median(after)];
  return { before: b, after: a, flat: a - b <= Math.max(b * growth, slack) };
}

function floors(samples: readonly Sample[], windowS: number): number[] {
  const lowest = new Map<number, number>();
  for (const { at, value } of samples) {
    const window = Math.floor(at / windowS);
    lowest.set(window, Math.min(value, lowest.get(window) ?? Number.POSITIVE_INFINITY));
  }
  return [...lowest.values()];
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
