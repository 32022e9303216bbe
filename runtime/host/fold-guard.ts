/**
 * Keeps folds pure (invariant L5). During a fold `Date` and `Math.random` are log time and a generator seeded from the
 * record (XState itself calls both); whatever else would reach outside throws.
 *
 * A fold is synchronous, so one flag is enough and the rest of the process never sees it set. The globals are replaced
 * once; outside of a fold they behave as ever.
 */
import { createHash } from "node:crypto";

export class ImpureMachineError extends Error {
  override readonly name = "ImpureMachineError";
}

interface Fold {
  readonly now: number;
  readonly seed: string;
  random: (() => number) | undefined;
}

let fold: Fold | undefined;
let installed = false;

const FORBIDDEN = [
  "fetch",
  "setTimeout",
  "setInterval",
  "setImmediate",
  "queueMicrotask",
  "process",
  "crypto",
  "performance",
] as const;

/** Runs a fold at log time `now`, with randomness from `seed`. */
export function inFold<T>(now: number, seed: string, body: () => T): T {
  if (!installed) install();
  const outer = fold;
  fold = { now, seed, random: undefined };
  try {
    return body();
  } finally {
    fold = outer;
  }
}

function install(): void {
  installed = true;
  const RealDate = globalThis.Date;
  const realRandom = Math.random;

  class FoldDate extends RealDate {
    constructor(...args: any[]) {
      if (args.length === 0 && fold) super(fold.now);
      else super(...(args as [any]));
    }
    static override now(): number {
      return fold ? fold.now : RealDate.now();
    }
  }
  // `Date()` without `new` answers text; a class cannot be called, so that rare use goes through a proxy.
  globalThis.Date = new Proxy(FoldDate, {
    apply: () => new FoldDate().toString(),
  }) as unknown as DateConstructor;

  Math.random = () => {
    if (!fold) return realRandom();
    fold.random ??= seededRandom(fold.seed);
    return fold.random();
  };

  for (const name of FORBIDDEN) {
    const descriptor = Object.getOwnPropertyDescriptor(globalThis, name);
    if (!descriptor?.configurable) continue;
    let own: unknown;
    let replaced = false;
    const read = (): unknown =>
      replaced ? own : descriptor.get ? descriptor.get.call(globalThis) : descriptor.value;
    Object.defineProperty(globalThis, name, {
      configurable: true,
      enumerable: descriptor.enumerable ?? false,
      get() {
        if (fold) {
          throw new ImpureMachineError(
            `a machine reached for ${name} while folding: machines are pure, ask a resident agent instead`,
          );
        }
        return read();
      },
      set(value: unknown) {
        own = value;
        replaced = true;
      },
    });
  }
}

/** Mulberry32 over the first four bytes of the seed's SHA-256: equal seeds give equal numbers, 0 ≤ x < 1. */
export function seededRandom(seed: string): () => number {
  let a = createHash("sha256").update(seed).digest().readUInt32LE(0);
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
