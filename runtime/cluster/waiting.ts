/** Waits that end: by what is waited for, by a time-out, or because the room is left. No timer outlives them. */

/** How a bounded wait went. `ended`: the signal came first. */
export type Outcome =
  | { readonly kind: "done" | "late" | "ended" }
  | { readonly kind: "failed"; readonly error: unknown };

/** Waits for `work` at most `ms`. It never throws; what comes after the time-out is ignored. */
export function within(work: Promise<unknown>, ms: number, signal?: AbortSignal): Promise<Outcome> {
  return new Promise((resolve) => {
    const end = (outcome: Outcome): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      resolve(outcome);
    };
    const onAbort = (): void => end({ kind: "ended" });
    const timer = setTimeout(() => end({ kind: "late" }), ms);
    if (signal?.aborted) onAbort();
    signal?.addEventListener("abort", onAbort);
    work.then(
      () => end({ kind: "done" }),
      (error: unknown) => end({ kind: "failed", error }),
    );
  });
}

export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await within(new Promise(() => {}), ms, signal);
}

/** One timer that is set anew; the last setting counts. */
export class Alarm {
  readonly #ring: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(ring: () => void) {
    this.#ring = ring;
  }

  /** Rings once, in `ms`; at once (on the next turn of the event loop) for 0 and less. */
  set(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#ring, Math.max(0, Math.ceil(ms)));
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/** Wakes all that wait for it. */
export class Bell {
  readonly #waiting = new Set<() => void>();

  ring(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** Whether it rings within `ms`. */
  async heard(ms: number, signal?: AbortSignal): Promise<boolean> {
    if (ms <= 0 || signal?.aborted) return false;
    let wake!: () => void;
    const rung = new Promise<void>((resolve) => {
      wake = resolve;
    });
    this.#waiting.add(wake);
    const { kind } = await within(rung, ms, signal);
    this.#waiting.delete(wake);
    return kind === "done";
  }
}
