/** For tests of this room. */
import type { Clock } from "../runtime/clock.ts";

export { LocalKeyRing } from "./store/local-keys.ts";

/** A clock that is set by hand. */
export class HandClock implements Clock {
  constructor(public time: number) {}
  now(): number {
    return this.time;
  }
  monotonic(): number {
    return this.time;
  }
}
