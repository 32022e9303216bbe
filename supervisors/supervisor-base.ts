/** What all supervisors have in common: start, stop, escalation, and what they tell of their children. */
import type { JsonObject } from "../runtime/json.ts";
import { exponentialBackoff } from "./backoff.ts";
import { ChildRunner } from "./child-runner.ts";
import type { ChildSettings, ChildSpec } from "./child-spec.ts";
import { type ChildCounts, ChildTable } from "./child-table.ts";
import { ShutdownError, SupervisorError } from "./errors.ts";
import { RestartIntensity } from "./intensity.ts";
import type { CommonOptions, StartedChild, Strategy, SupervisorStatus } from "./supervisor-options.ts";

/** What a supervisor says of itself to the one above, besides what follows from its options. */
export type SupervisorSpec = Omit<ChildSpec, "id" | "start" | "type">;

export abstract class SupervisorBase {
  readonly name: string;
  readonly strategy: Strategy;
  /** Resolves when the supervisor has ended: with an error when it gave up, without one when it was stopped. */
  readonly ended: Promise<Error | undefined>;
  protected readonly children: ChildTable;
  protected readonly intensity: RestartIntensity;
  protected readonly runner: ChildRunner;
  #state: SupervisorStatus["state"] = "idle";
  #ending: Promise<void> | undefined;
  #end!: (error: Error | undefined) => void;

  constructor(options: CommonOptions, strategy: Strategy) {
    this.name = options.name;
    this.strategy = strategy;
    this.children = new ChildTable(this.name);
    this.intensity = new RestartIntensity(options.intensity);
    this.runner = new ChildRunner({
      name: this.name,
      strategy,
      children: this.children,
      intensity: this.intensity,
      backoff: options.backoff ?? exponentialBackoff(),
      onEvent: options.onEvent ?? (() => {}),
      onEscalation: (error) => void this.#shutdown("failed", error),
    });
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /**
   * Starts the children in order, each when the one before it is ready. `ignore`: there was nothing to supervise.
   * @throws the error of the first that does not start; those before it are stopped again.
   */
  async start(): Promise<"ignore" | undefined> {
    if (this.#state !== "idle") {
      throw new SupervisorError("already_started", `${this.name} was started before`);
    }
    this.#state = "running";
    let failure: Error | undefined;
    let ignored = false;
    // In the lane of all, so that the end of an early child waits until the late ones have started.
    await this.runner.alone(async () => {
      try {
        ignored = this.init() === "ignore";
        await this.#startAll();
      } catch (error) {
        failure = error as Error;
      }
    });
    if (this.#ending) {
      const why = await this.ended;
      throw why ?? new SupervisorError("not_running", `${this.name} was stopped while it started`);
    }
    if (failure) {
      await this.#shutdown("failed", failure);
      throw failure;
    }
    if (!ignored) return undefined;
    await this.stop();
    return "ignore";
  }

  /** Stops the children in reverse order, each within its deadline. Idempotent. */
  async stop(): Promise<void> {
    await this.#shutdown("stopped", undefined);
  }

  /**
   * Stops a child, or gives up its restart. Its spec is kept, so that `restartChild`, or a restart of its siblings,
   * starts it again; that of a temporary child is not.
   * @throws SupervisorError `not_found`
   */
  async terminateChild(id: string): Promise<void> {
    const child = this.children.get(id);
    if (child.beingRestarted) child.giveUp();
    await this.runner.serially(child, async () => {
      if (this.runner.halted) return;
      await this.runner.stop(child);
      this.runner.forget(child);
    });
    // A supervisor that is being stopped itself stops this child in its turn.
    await this.#ending;
  }

  which(): SupervisorStatus {
    const children = this.children.all.map((child) => child.which());
    return { name: this.name, strategy: this.strategy, state: this.#state, children };
  }

  count(): ChildCounts {
    return this.children.count();
  }

  /** What holds for a child, defaults included. @throws SupervisorError `not_found` */
  childSpec(id: string): ChildSettings {
    return this.children.get(id).settings;
  }

  /** What a child that runs handed over at its start, a supervisor itself. @throws SupervisorError `not_found` */
  info(id: string): unknown {
    return this.children.get(id).info;
  }

  /** Called at the start, before that of the children. */
  protected init(): "ignore" | undefined {
    return undefined;
  }

  /** @throws SupervisorError `not_running` */
  protected mustRun(): void {
    if (this.#state !== "running") {
      throw new SupervisorError("not_running", `${this.name} is ${this.#state}`);
    }
  }

  /** Adds a child at the end and starts it; one that does not start is forgotten. */
  protected async add(spec: ChildSpec): Promise<StartedChild> {
    this.mustRun();
    const child = this.children.add(spec);
    return this.runner.serially(child, async () => {
      try {
        this.mustRun();
        return await this.runner.start(child);
      } catch (error) {
        this.children.remove(child);
        throw error;
      }
    });
  }

  async #startAll(): Promise<void> {
    for (const child of this.children.all) {
      if (this.runner.halted) return;
      try {
        await this.runner.start(child);
      } catch (error) {
        child.lastError = error as Error;
        throw error;
      }
    }
  }

  #shutdown(state: "stopped" | "failed", error: Error | undefined): Promise<void> {
    this.#ending ??= (async () => {
      this.#state = "stopping";
      await this.runner.halt();
      await this.runner.stopAll();
      this.#state = state;
      this.#end(error);
    })();
    return this.#ending;
  }
}

/** A supervisor as a child of another: its giving up is that child's failure. Each start makes a new one. */
export function supervisorChild(name: string, make: () => SupervisorBase, spec: SupervisorSpec): ChildSpec {
  return {
    ...spec,
    id: name,
    type: "supervisor",
    start: async ({ signal, exited }) => {
      const supervisor = make();
      // Also while it starts: whoever stops the tree then waits for what has started already.
      signal.addEventListener("abort", () => void supervisor.stop(), { once: true });
      if ((await supervisor.start()) === "ignore") return "ignore";
      void supervisor.ended.then((error) => exited(error ?? new ShutdownError(`${name} was stopped`)));
      return {
        info: supervisor,
        stop: () => supervisor.stop(),
        which: () => supervisor.which() as unknown as JsonObject,
      };
    },
  };
}
