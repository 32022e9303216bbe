/**
 * Health of a system as an actor: up, degraded (some calls failed), open (nothing is tried), probing (one call is).
 * It is the breaker: callers ask `admit` before a call and say afterwards how it went.
 */
import { assign, setup } from "../../runtime/host/machine.ts";
import { type Actor, createActor } from "../../runtime/host/resident.ts";

export interface HealthOptions {
  /** Failures in a row after which nothing is tried for a while. Default 5. */
  readonly openAfter?: number;
  /** How long nothing is tried at first; doubled by each failed probe. Default 2,000 ms. */
  readonly openMs?: number;
  /** Longest time in which nothing is tried. Default 30,000 ms. */
  readonly maxOpenMs?: number;
  /** Successes in a row after which a degraded system counts as up. Default 3. */
  readonly upAfter?: number;
}

export type HealthState = "up" | "degraded" | "open" | "probing";

type HealthEvent = { type: "ok" } | { type: "failed"; what: string; at: number };

interface HealthContext {
  failures: number;
  successes: number;
  openMs: number;
  lastFailure?: { what: string; at: number };
}

function machineOf(options: Required<HealthOptions>) {
  return setup({
    types: { context: {} as HealthContext, events: {} as HealthEvent },
    actions: {
      countFailure: assign(({ context, event }) =>
        event.type === "failed"
          ? { failures: context.failures + 1, successes: 0, lastFailure: { what: event.what, at: event.at } }
          : {},
      ),
      countSuccess: assign(({ context }) => ({ failures: 0, successes: context.successes + 1 })),
      longer: assign(({ context }) => ({ openMs: Math.min(context.openMs * 2, options.maxOpenMs) })),
      afresh: assign({ failures: 0, successes: 0, openMs: options.openMs }),
    },
    guards: {
      tooMany: ({ context }) => context.failures + 1 >= options.openAfter,
      steady: ({ context }) => context.successes + 1 >= options.upAfter,
    },
    delays: { openMs: ({ context }) => context.openMs },
  }).createMachine({
    id: "health",
    initial: "up",
    context: { failures: 0, successes: 0, openMs: options.openMs },
    states: {
      up: {
        entry: "afresh",
        on: {
          failed: [
            { guard: "tooMany", target: "open", actions: "countFailure" },
            { target: "degraded", actions: "countFailure" },
          ],
        },
      },
      degraded: {
        on: {
          ok: [{ guard: "steady", target: "up" }, { actions: "countSuccess" }],
          failed: [
            { guard: "tooMany", target: "open", actions: "countFailure" },
            { actions: "countFailure" },
          ],
        },
      },
      open: {
        // Calls that were under way when it opened may still come back well.
        on: { failed: { actions: "countFailure" } },
        after: { openMs: { target: "probing" } },
      },
      probing: {
        on: {
          ok: { target: "up" },
          failed: { target: "open", actions: ["countFailure", "longer"] },
        },
      },
    },
  });
}

/** Drives the actor and lets one probe at a time through. */
export class Health {
  readonly #options: Required<HealthOptions>;
  #actor: Actor<ReturnType<typeof machineOf>>;
  #probing = false;
  #stopped = false;

  constructor(options: HealthOptions = {}) {
    this.#options = { openAfter: 5, openMs: 2_000, maxOpenMs: 30_000, upAfter: 3, ...options };
    this.#actor = this.#begin();
  }

  get state(): HealthState {
    return this.#actor.getSnapshot().value as HealthState;
  }

  /** Whether a call may be made now. A granted probe has to be followed by `ok` or `failed`. */
  admit(): boolean {
    const { state } = this;
    if (state === "open" || (state === "probing" && this.#probing)) return false;
    if (state === "probing") this.#probing = true;
    return true;
  }

  ok(): void {
    this.#probing = false;
    if (!this.#stopped) this.#actor.send({ type: "ok" });
  }

  /** @param what a code, never personal text. */
  failed(what: string): void {
    this.#probing = false;
    if (!this.#stopped) this.#actor.send({ type: "failed", what, at: Date.now() });
  }

  describe() {
    const { failures, lastFailure, openMs } = this.#actor.getSnapshot().context;
    return {
      state: this.state,
      failures,
      ...(this.state === "open" ? { openMs } : {}),
      ...(lastFailure ? { lastFailure } : {}),
    };
  }

  /** What was under way may still end, and changes nothing any more. */
  stop(): void {
    this.#stopped = true;
    this.#actor.stop();
  }

  #begin(): Actor<ReturnType<typeof machineOf>> {
    const actor = createActor(machineOf(this.#options));
    // Its state is worth nothing after a defect: begin again at "up".
    actor.subscribe({
      error: () => {
        this.#actor = this.#begin();
      },
    });
    return actor.start();
  }
}
