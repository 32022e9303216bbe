/** Children for tests: they note what happens to them, and end, hang or fail when they are told to. */
import { expect } from "vitest";
import type { ChildContext, ChildSpec, ChildTemplate } from "./child-spec.ts";
import { DynamicSupervisor } from "./dynamic-supervisor.ts";
import { Supervisor } from "./supervisor.ts";
import type { DynamicSupervisorOptions, SupervisorEvent, SupervisorOptions } from "./supervisor-options.ts";

export interface Deferred {
  readonly promise: Promise<void>;
  resolve(): void;
}

export function deferred(): Deferred {
  let resolve!: () => void;
  const promise = new Promise<void>((r) => {
    resolve = r;
  });
  return { promise, resolve };
}

/** Waits until `look` gives `want`, or fails with the difference. */
export function until<T>(look: () => T, want: T): Promise<void> {
  return expect.poll(look, { timeout: 15_000, interval: 2 }).toEqual(want);
}

/**
 * What is noted: `+a` a starts, `!a` it fails to start, `?a` its start says ignore, `-a` it is stopped, `xa` it is killed.
 */
export class Lab {
  readonly events: SupervisorEvent[] = [];
  readonly #log: string[] = [];
  readonly #contexts = new Map<string, ChildContext>();
  readonly #runs = new Map<string, number>();
  readonly #failures = new Map<string, number>();
  readonly #ignores = new Set<string>();
  readonly #starts = new Map<string, Deferred>();
  readonly #stops = new Map<string, Deferred>();

  /** Its `info` is `a1` in a's first run, `a2` in the second. */
  child(id: string, spec: Partial<ChildSpec> = {}): ChildSpec {
    return { id, start: (context) => this.#start(context, id), ...spec };
  }

  /** Its children note themselves under their argument. */
  template(spec: Partial<ChildTemplate<string>> = {}): ChildTemplate<string> {
    return { start: (context, name) => this.#start(context, name), ...spec };
  }

  supervisor(options: Partial<SupervisorOptions> = {}): Supervisor {
    return new Supervisor(this.options(options));
  }

  dynamic(options: Partial<DynamicSupervisorOptions<string>> = {}): DynamicSupervisor<string> {
    return new DynamicSupervisor(this.options({ template: this.template(), ...options }));
  }

  /** With what tests of supervisors need: short waits, an ear for events. */
  options<T>(options: T): T & { name: string } {
    return {
      name: "top",
      backoff: () => 0,
      onEvent: (e: SupervisorEvent) => this.events.push(e),
      ...options,
    };
  }

  /** Ends by a failure. */
  crash(id: string): void {
    this.end(id, new Error(`${id} crashed`));
  }

  /** Ends as it is told to, by itself without an error. */
  end(id: string, error?: Error): void {
    this.context(id).exited(error);
  }

  context(id: string): ChildContext {
    return this.#contexts.get(id)!;
  }

  /** Its next starts fail. */
  failStarts(id: string, times = Number.POSITIVE_INFINITY): void {
    this.#failures.set(id, times);
  }

  ignoreStarts(id: string, ignore = true): void {
    if (ignore) this.#ignores.add(id);
    else this.#ignores.delete(id);
  }

  /** Its next start is not ready before this is resolved. */
  holdStart(id: string): Deferred {
    return hold(this.#starts, id);
  }

  /** Its next stop does not end before this is resolved. */
  holdStop(id: string): Deferred {
    return hold(this.#stops, id);
  }

  /** Waits until exactly this has happened since the last look. */
  async happened(want: string): Promise<void> {
    await until(() => this.#log.join(" "), want);
    this.#log.length = 0;
  }

  async #start(context: ChildContext, id: string) {
    const failures = this.#failures.get(id) ?? 0;
    if (failures > 0) {
      this.#failures.set(id, failures - 1);
      this.#log.push(`!${id}`);
      throw new Error(`${id} does not start`);
    }
    const ignores = this.#ignores.has(id);
    this.#log.push(`${ignores ? "?" : "+"}${id}`);
    if (ignores) return "ignore";
    this.#contexts.set(id, context);
    await released(this.#starts, id);
    const run = (this.#runs.get(id) ?? 0) + 1;
    this.#runs.set(id, run);
    return {
      info: `${id}${run}`,
      stop: () => {
        this.#log.push(`-${id}`);
        return released(this.#stops, id);
      },
      kill: () => void this.#log.push(`x${id}`),
    };
  }
}

/** Each child with its state, as `a:running`. */
export function states(supervisor: Pick<Supervisor, "which">): string[] {
  return supervisor.which().children.map((child) => `${child.id}:${child.state}`);
}

/** As OTP lists them: specs, active, supervisors, workers. */
export function counts(supervisor: Pick<Supervisor, "count">): number[] {
  const { specs, active, supervisors, workers } = supervisor.count();
  return [specs, active, supervisors, workers];
}

function hold(where: Map<string, Deferred>, id: string): Deferred {
  const held = deferred();
  where.set(id, held);
  return held;
}

async function released(where: Map<string, Deferred>, id: string): Promise<void> {
  const held = where.get(id);
  where.delete(id);
  await held?.promise;
}
