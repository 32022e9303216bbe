/** What happens to a random machine: events, and time that passes between them. */
import type { Twins } from "../twins.ts";
import { EVENTS } from "./generate.ts";
import type { Random } from "./random.ts";

/** Folds of a course; a machine may arm one timer after the other for ever. */
export const MOST_STEPS = 40;

/** Plays a random course until it is over or the twins differ. @throws BrokenMachineError */
export function playCourse(twins: Twins, random: Random): void {
  const length = random.between(12, 24);
  for (let n = 0; n < length; n++) {
    if (random.chance(0.3)) twins.send(random.pick(EVENTS), { n: random.between(0, 96) });
    else twins.wait(random.between(10, 150), random.chance(0.3) ? random.between(1, 40) : 0);
  }
  twins.drain(MOST_STEPS);
}
