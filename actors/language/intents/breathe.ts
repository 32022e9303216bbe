/** Long computations that let the event loop run in between. */
import { setImmediate } from "node:timers/promises";

export interface Breath {
  /** Whether it is time for a pause. */
  due(): boolean;
  take(): Promise<void>;
}

/** @param everyMs longest time without a pause, ms. */
export function breathe(everyMs = 4): Breath {
  let since = performance.now();
  return {
    due: () => performance.now() - since > everyMs,
    take: async () => {
      await setImmediate();
      since = performance.now();
    },
  };
}
