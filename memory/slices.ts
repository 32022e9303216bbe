/** Long work in slices, so that the event loop gets to everything else in between. */
import { setImmediate } from "node:timers/promises";

/**
 * So long may a slice be, ms; what is done between two rests comes on top. Several that work at once have one each in every turn of
 * the event loop, and the scheduler takes the processor away after four.
 */
const SLICE_MS = 2;

/** @returns what is to be awaited wherever the work may rest: most times it does not */
export function slices(sliceMs = SLICE_MS): () => Promise<void> {
  let since = performance.now();
  return async () => {
    if (performance.now() - since < sliceMs) return;
    await setImmediate();
    since = performance.now();
  };
}

/** Work that may rest where it yields. What it works on may have changed by the time it goes on. */
export type Resting<T> = Generator<void, T>;

/** Does it without a rest. */
export function atOnce<T>(work: Resting<T>): T {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}

/** Does it in slices. */
export async function inSlices<T>(work: Resting<T>, rest = slices()): Promise<T> {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
    await rest();
  }
}
