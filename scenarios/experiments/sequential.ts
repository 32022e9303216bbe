/**
 * Two arms compared in a way that holds however often, and whenever, somebody looks: a confidence sequence for the difference of
 * their means (a normal mixture, asymptotic). A fixed test that is looked at again and again finds something without any effect far more
 * often than its level says; this one in at most `level` of experiments. Source: Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas: Time-uniform central limit
 * theory and asymptotic confidence sequences, 2021, theorem 2.2.
 */

/** What was measured in an arm, without what was measured one by one. */
export class Sample {
  count = 0;
  mean = 0;
  #squares = 0;

  /** A rate is the mean of ones and noughts. */
  add(value: number): void {
    this.count++;
    const before = value - this.mean;
    this.mean += before / this.count;
    this.#squares += before * (value - this.mean);
  }

  get variance(): number {
    return this.count > 1 ? this.#squares / (this.count - 1) : 0;
  }
}

export interface TestOptions {
  /** Share of experiments without an effect in which one is found all the same. Default 0.05. */
  readonly level?: number;
  /** Customers in each arm at which the interval is to be tightest. Default 1,000. */
  readonly expected?: number;
  /** Customers in each arm before which nothing is said: what holds in the long run does not hold of ten. Default 50. */
  readonly least?: number;
}

export interface Compared {
  /** Mean of b without that of a. */
  readonly difference: number;
  /** It lies between these, at all times at once, but in `level` of experiments; infinite before `least`. */
  readonly low: number;
  readonly high: number;
  /** Whether the arms differ: nought is not between them. */
  readonly found: boolean;
}

export const TEST_DEFAULTS: Required<TestOptions> = { level: 0.05, expected: 1_000, least: 50 };

/** What is compared of an arm. */
type Summed = Pick<Sample, "count" | "mean" | "variance">;

export function compare(a: Summed, b: Summed, options: TestOptions = {}): Compared {
  const d = TEST_DEFAULTS;
  const { level = d.level, expected = d.expected, least = d.least } = options;
  const difference = b.mean - a.mean;
  const tooFew = Math.min(a.count, b.count) < least;
  const half = tooFew
    ? Number.POSITIVE_INFINITY
    : halfWidth(
        { varianceA: a.variance, varianceB: b.variance, countA: a.count, countB: b.count },
        level,
        expected,
      );
  return { difference, low: difference - half, high: difference + half, found: Math.abs(difference) > half };
}

interface Spread {
  readonly varianceA: number;
  readonly varianceB: number;
  readonly countA: number;
  readonly countB: number;
}

/** @param expected pairs at which it is tightest */
export function halfWidth(
  { varianceA, varianceB, countA, countB }: Spread,
  level: number,
  expected: number,
): number {
  const ofDifference = varianceA / countA + varianceB / countB;
  if (ofDifference === 0) return 0;
  // Arms of unequal size tell as much as so many pairs.
  const pairs = (varianceA + varianceB) / ofDifference;
  const mix = mixing(level, expected);
  return Math.sqrt(
    ofDifference * ((2 * (pairs * mix + 1)) / (pairs * mix)) * Math.log(Math.sqrt(pairs * mix + 1) / level),
  );
}

/** Square of the mixture's parameter that makes it tightest there. */
function mixing(level: number, expected: number): number {
  const wanted = -2 * Math.log(level);
  return (wanted + Math.log(wanted + 1)) / expected;
}
