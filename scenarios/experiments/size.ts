/** How many customers an experiment takes. */
import { UsageError } from "../../runtime/config/errors.ts";
import { halfWidth, TEST_DEFAULTS } from "./sequential.ts";

export interface SizeQuestion {
  /** Difference of the means that is to be found. */
  readonly effect: number;
  /** Variance of what is measured in each arm; of a rate p it is p(1 - p). */
  readonly variance: number;
  /** How likely it is to be found if it is there. Default 0.8. */
  readonly power?: number;
  readonly level?: number;
}

/** Nobody has more customers. */
const MOST = 1e9;

/**
 * Customers in each arm at whose end the effect is found with this probability; looked at in between it is found sooner, on average.
 * @throws UsageError where no number is enough, or the question is none
 */
export function sampleSize({
  effect,
  variance,
  power = 0.8,
  level = TEST_DEFAULTS.level,
}: SizeQuestion): number {
  if (!(Math.abs(effect) > 0) || !(variance > 0))
    throw new UsageError("an effect and a variance above 0 are needed");
  if (!(power > 0 && power < 1 && level > 0 && level < 1))
    throw new UsageError("power and level lie between 0 and 1");
  const isEnough = (count: number): boolean => {
    const spread = { varianceA: variance, varianceB: variance, countA: count, countB: count };
    const error = Math.sqrt((2 * variance) / count);
    return normalBelow((Math.abs(effect) - halfWidth(spread, level, count)) / error) >= power;
  };
  let high = TEST_DEFAULTS.least;
  while (!isEnough(high)) {
    high *= 2;
    if (high > MOST) throw new UsageError("an effect so small is not found with any number of customers");
  }
  let low = Math.floor(high / 2);
  while (low + 1 < high) {
    const middle = Math.floor((low + high) / 2);
    if (isEnough(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** Probability that a standard normal value is below x. Abramowitz and Stegun 26.2.17, to 1e-7. */
export function normalBelow(x: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(x));
  const density = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
  const above =
    density *
    t *
    (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return x >= 0 ? 1 - above : above;
}
