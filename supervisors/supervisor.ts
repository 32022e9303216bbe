/**
 * Supervision with OTP's semantics: children start in order and stop in reverse order; one that fails is restarted, alone
 * or with its siblings as the strategy says, after a wait that grows; when that happens too often the supervisor stops
 * all of them and fails itself, so that the one above decides.
 */
import type { JsonObject } from "../runtime/json.ts";
import { type Backoff, exponentialBackoff } from "./backoff.ts";
import { Child, type ChildSpec, type ChildStatus } from "./child.ts";
import { type IntensityOptions, RestartIntensity } from "./intensity.ts";

/**
 * `one_for_one`: the failed child alone. `one_for_all`: every child. `rest_for_one`: the failed child and those that
 * were started after it.
 */
export type Strategy = "one_for_one" | "one_for_all" | "rest_for_one";

export interface SupervisorEvent {
  readonly supervisor: string;
  readonly child?: string;
  readonly type: "started" | "failed" | "finished" | "restarting" | "stopped" | "killed" | "escalated";
  readonly error?: Error;
  /** Of `restarting`: the wait before it. */
  readonly waitMs?: number;
}

export interface SupervisorOptions {
  readonly name: string;
  /** Default `one_for_one`. */
  readonly strategy?: Strategy;
  readonly intensity?: IntensityOptions;
  /** Wait before a restart by its number within the period. Default: from 100 ms, doubled up to 5 s, with jitter. */
  readonly backoff?: Backoff;
  readonly children?: readonly ChildSpec[];
  readonly onEvent?: (event: SupervisorEvent) => void;
}

export interface SupervisorStatus {
  readonly name: string;
  readonly strategy: Strategy;
  readonly state: "idle" | "running" | "stopping" | "stopped" | "failed";
  readonly children: readonly ChildStatus[];
}

/** The supervisor gave up: too many restarts within its period. `cause` is the last failure. */
export class EscalationError extends Error {
  override readonly name = "EscalationError";
}

export class SupervisorError extends Error {
  override readonly name = "SupervisorError";
}

export class Supervisor {
  readonly name: string;
  readonly strategy: Strategy;
  /** Resolves when the supervisor has ended: with an error when it gave up, without one when it was stopped. */
  readonly ended: Promise<Error | undefined>;
  readonly #children: Child[];
  readonly #intensity: RestartIntensity;
  readonly #backoff: Backoff;
  readonly #onEvent: (event: SupervisorEvent) => void;
  readonly #work = new Map<Child | undefined, Promise<void>>();
  #state: SupervisorStatus["state"] = "idle";
  #halt = new AbortController();
  #ending: Promise<void> | undefined;
  #end!: (error: Error | undefined) => void;

  constructor(options: SupervisorOptions) {
    this.name = options.name;
    this.strategy = options.strategy ?? "one_for_one";
    this.#children = (options.children ?? []).map((spec) => new Child(spec));
    const ids = new Set(this.#children.map((child) => child.spec.id));
    if (ids.size !== this.#children.length)
      throw new SupervisorError(`${this.name}: two children have the same id`);
    this.#intensity = new RestartIntensity(options.intensity);
    this.#backoff = options.backoff ?? exponentialBackoff();
    this.#onEvent = options.onEvent ?? (() => {});
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /**
   * Starts the children in order, each when the one before it is ready.
   * @throws the error of the first that does not start; those before it are stopped again.
   */
  async start(): Promise<void> {
    if (this.#state !== "idle") throw new SupervisorError(`${this.name} was started before`);
    this.#state = "running";
    let failure: Error | undefined;
    // In the lane of all, so that the end of an early child waits until the late ones have started.
    await this.#serially(undefined, async () => {
      for (const child of [...this.#children]) {
        if (this.#halt.signal.aborted) return;
        try {
          await this.#startChild(child);
        } catch (error) {
          failure = child.lastError = error as Error;
          return;
        }
      }
    });
    if (this.#ending) {
      await this.#ending;
      throw new SupervisorError(`${this.name} was stopped while it started`);
    }
    if (failure) {
      await this.#shutdown("failed", failure);
      throw failure;
    }
  }

  /** Stops the children in reverse order, each within its deadline. Idempotent. */
  async stop(): Promise<void> {
    await this.#shutdown("stopped", undefined);
  }

  /** Adds a child to a running supervisor; it comes last in the order. @throws what its start throws. */
  async startChild(spec: ChildSpec): Promise<void> {
    if (this.#state !== "running") throw new SupervisorError(`${this.name} is ${this.#state}`);
    if (this.#children.some((child) => child.spec.id === spec.id)) {
      throw new SupervisorError(`${this.name} has a child ${spec.id} already`);
    }
    const child = new Child(spec);
    this.#children.push(child);
    await this.#serially(child, async () => {
      try {
        if (this.#halt.signal.aborted) throw new SupervisorError(`${this.name} is ${this.#state}`);
        await this.#startChild(child);
      } catch (error) {
        this.#forget(child);
        throw error;
      }
    });
  }

  /** Stops a child and forgets it. False when there is none. */
  async stopChild(id: string): Promise<boolean> {
    const child = this.#children.find((c) => c.spec.id === id);
    if (!child) return false;
    await this.#serially(child, async () => {
      if (this.#halt.signal.aborted) return;
      await this.#stopChild(child);
      this.#forget(child);
    });
    return true;
  }

  which(): SupervisorStatus {
    return {
      name: this.name,
      strategy: this.strategy,
      state: this.#state,
      children: this.#children.map((child) => child.which()),
    };
  }

  /** This supervisor as a child of another: its giving up is that child's failure. Each start makes a new one. */
  static child(options: SupervisorOptions, spec: Omit<ChildSpec, "id" | "start"> = {}): ChildSpec {
    return {
      // It has deadlines for each of its children; together they may take as long as all of them.
      stopTimeoutMs: (options.children ?? []).reduce((sum, c) => sum + (c.stopTimeoutMs ?? 10_000), 1_000),
      startTimeoutMs: (options.children ?? []).reduce((sum, c) => sum + (c.startTimeoutMs ?? 60_000), 1_000),
      ...spec,
      id: options.name,
      start: async (context) => {
        const supervisor = new Supervisor(options);
        await supervisor.start();
        void supervisor.ended.then((error) => {
          if (error) context.exited(error);
        });
        return {
          stop: () => supervisor.stop(),
          which: () => supervisor.which() as unknown as JsonObject,
        };
      },
    };
  }

  async #startChild(child: Child): Promise<void> {
    await child.start((error, run) => {
      void this.#serially(child, () => this.#exited(child, error, run));
    });
    this.#emit({ type: "started", child: child.spec.id });
  }

  async #stopChild(child: Child): Promise<void> {
    if (child.state !== "running") {
      child.state = child.state === "finished" ? "finished" : "stopped";
      return;
    }
    const orderly = await child.stop();
    this.#emit({
      type: orderly ? "stopped" : "killed",
      child: child.spec.id,
      error: orderly ? undefined : child.lastError,
    });
  }

  async #exited(child: Child, error: Error | undefined, run: number): Promise<void> {
    // Stopped or restarted while its end waited for its turn.
    if (this.#halt.signal.aborted || child.run !== run) return;
    if (error) child.lastError = error;
    this.#emit({ type: error ? "failed" : "finished", child: child.spec.id, error });
    await child.stop();
    child.state = "finished";
    if (child.restart === "temporary") this.#forget(child);
    else if (child.restart === "permanent" || error) {
      await this.#restart(
        child,
        error ?? new SupervisorError(`${child.spec.id} ended though it is permanent`),
      );
    }
  }

  async #restart(first: Child, error: Error): Promise<void> {
    let failed = first;
    let cause = error;
    while (!this.#halt.signal.aborted) {
      if (!this.#intensity.record()) {
        this.#escalate(failed, cause);
        return;
      }
      const affected = this.#affected(failed);
      for (const child of affected) child.state = child.state === "running" ? "running" : "restarting";
      for (const child of [...affected].reverse())
        if (child.state === "running") await this.#stopChild(child);
      // A temporary child is never started again, not even with its siblings.
      for (const child of affected) if (child.restart === "temporary") this.#forget(child);
      const again = affected.filter((child) => child.restart !== "temporary");
      for (const child of again) child.state = "restarting";
      const waitMs = this.#backoff(this.#intensity.recent);
      this.#emit({ type: "restarting", child: failed.spec.id, waitMs, error: cause });
      await this.#pause(waitMs);
      let next: Child | undefined;
      for (const child of again) {
        if (this.#halt.signal.aborted) return;
        try {
          child.restarts++;
          await this.#startChild(child);
        } catch (thrown) {
          child.lastError = thrown as Error;
          cause = thrown as Error;
          next = child;
          this.#emit({ type: "failed", child: child.spec.id, error: cause });
          break;
        }
      }
      if (!next) return;
      failed = next;
    }
  }

  #affected(failed: Child): Child[] {
    if (this.strategy === "one_for_one") return [failed];
    if (this.strategy === "one_for_all") return [...this.#children];
    return this.#children.slice(this.#children.indexOf(failed));
  }

  #escalate(child: Child, cause: Error): void {
    const error = new EscalationError(
      `${this.name} gave up: more than ${this.#intensity.max} restarts within ${this.#intensity.periodMs} ms, the last of ${child.spec.id}: ${cause.message}`,
      { cause },
    );
    this.#emit({ type: "escalated", child: child.spec.id, error });
    // Not awaited: it waits for the work that we are in.
    void this.#shutdown("failed", error);
  }

  #shutdown(state: "stopped" | "failed", error: Error | undefined): Promise<void> {
    this.#ending ??= (async () => {
      this.#state = "stopping";
      this.#halt.abort();
      for (const child of this.#children) child.cancelStart();
      while (this.#work.size > 0) await Promise.allSettled([...this.#work.values()]);
      for (const child of [...this.#children].reverse()) await this.#stopChild(child);
      this.#state = state;
      this.#end(error);
    })();
    return this.#ending;
  }

  /**
   * One thing at a time: for a child alone where children do not concern each other, else for the supervisor. A child
   * that waits for its restart must not hold up its siblings.
   */
  #serially(child: Child | undefined, work: () => Promise<void>): Promise<void> {
    const lane = this.strategy === "one_for_one" ? child : undefined;
    const before = this.#work.get(lane) ?? Promise.resolve();
    const mine = before.catch(() => {}).then(work);
    this.#work.set(lane, mine);
    const done = () => {
      if (this.#work.get(lane) === mine) this.#work.delete(lane);
    };
    mine.then(done, done);
    return mine;
  }

  #forget(child: Child): void {
    const at = this.#children.indexOf(child);
    if (at >= 0) this.#children.splice(at, 1);
  }

  #pause(ms: number): Promise<void> {
    const { signal } = this.#halt;
    return new Promise((resolve) => {
      if (signal.aborted) {
        resolve();
        return;
      }
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener("abort", done);
    });
  }

  #emit(event: Omit<SupervisorEvent, "supervisor">): void {
    try {
      this.#onEvent({ supervisor: this.name, ...event });
    } catch {
      // A listener's trouble is not the tree's.
    }
  }
}
