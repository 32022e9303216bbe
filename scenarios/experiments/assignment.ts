/** Which arm of an experiment a customer is in: the same one each time, whatever node asks, and whatever else is tried out. */
import { createHash } from "node:crypto";
import { UsageError } from "../../runtime/config/errors.ts";

export interface Experiment {
  /** Other experiments divide customers in other ways. */
  readonly name: string;
  /** Shares of customers by arm, 0 … 1, in a fixed order; what they leave of 1 is held out: it has the release as it is. */
  readonly arms: Readonly<Record<string, number>>;
}

/** Of those who are in no arm. */
export const HELD_OUT = "held-out";

/** More places than there are customers to tell apart. */
const PLACES = 2 ** 48;

/** @param customer a key of his that stays @throws UsageError when the shares are none */
export function armOf({ name, arms }: Experiment, customer: string): string {
  const shares = Object.values(arms);
  const sum = shares.reduce((total, share) => total + share, 0);
  if (shares.some((share) => !(share >= 0)) || sum > 1 + 1e-9)
    throw new UsageError(
      `experiment ${name}: shares of its arms are from 0 on, and not more than 1 together`,
    );
  const place = createHash("sha256").update(`${name}\0${customer}`).digest().readUIntBE(0, 6) / PLACES;
  let end = 0;
  for (const [arm, share] of Object.entries(arms)) {
    end += share;
    if (place < end) return arm;
  }
  return HELD_OUT;
}
