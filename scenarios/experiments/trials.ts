/** Whether the test keeps what it promises: experiments without an effect, and with one of the size that was promised, from seeds. */
import { seeded } from "../facts/index.ts";
import { armOf } from "./assignment.ts";
import { compare, Sample } from "./sequential.ts";
import { sampleSize } from "./size.ts";

export interface TrialOptions {
  readonly seeds: number;
  /** First of them. Default 1. */
  readonly seed?: number;
  /** Rate of what is counted in arm a: customers who are helped. */
  readonly base: number;
  /** What is planted in arm b. */
  readonly effect: number;
  readonly level?: number;
  readonly power?: number;
  /** Customers between two looks. Default 25. */
  readonly lookEvery?: number;
}

export interface Trials {
  readonly seeds: number;
  /** Customers in each arm that were promised to be enough. */
  readonly size: number;
  /** Experiments without an effect in which one was found, 0 … 1. */
  readonly falseAlarms: number;
  /** Experiments with the effect in which it was found. */
  readonly found: number;
  /** Customers in each arm when it was found, on average. */
  readonly foundAfter: number;
}

export function runTrials({
  seeds,
  seed = 1,
  base,
  effect,
  level,
  power,
  lookEvery = 25,
}: TrialOptions): Trials {
  // The larger variance of the two rates, so that the promise holds for both.
  const [p, q] = [base, base + effect];
  const variance = Math.max(p * (1 - p), q * (1 - q));
  const size = sampleSize({ effect, variance, level, power });
  let alarms = 0;
  let found = 0;
  let after = 0;
  for (let n = 0; n < seeds; n++) {
    if (experiment(`without ${seed + n}`, seed + n, base, 0) !== undefined) alarms++;
    const at = experiment(`with ${seed + n}`, 1_000_003 + seed + n, base, effect);
    if (at === undefined) continue;
    found++;
    after += at;
  }
  return {
    seeds,
    size,
    falseAlarms: alarms / seeds,
    found: found / seeds,
    foundAfter: found === 0 ? Number.NaN : Math.round(after / found),
  };

  /** Customers in the smaller arm when a difference was found; undefined when there was none up to the size. */
  function experiment(name: string, from: number, rate: number, planted: number): number | undefined {
    const random = seeded(from);
    const [a, b] = [new Sample(), new Sample()];
    for (let customer = 1; Math.min(a.count, b.count) < size; customer++) {
      const arm = armOf({ name, arms: { a: 0.5, b: 0.5 } }, `customer ${customer}`);
      const isHelped = random() < (arm === "b" ? rate + planted : rate);
      (arm === "b" ? b : a).add(isHelped ? 1 : 0);
      if (customer % lookEvery !== 0) continue;
      if (compare(a, b, { level, expected: size }).found) return Math.min(a.count, b.count);
    }
    return compare(a, b, { level, expected: size }).found ? size : undefined;
  }
}
