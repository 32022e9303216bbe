/**
 * Runs the children of a supervisor: starts and stops them, and when one ends does what its restart type and the strategy
 * say, until there are too many restarts.
 */
import type { Backoff } from "./backoff.ts";
import type { Child } from "./child.ts";
import type { ChildTable } from "./child-table.ts";
import { EscalationError, ShutdownError } from "./errors.ts";
import type { RestartIntensity } from "./intensity.ts";
import { Lanes } from "./lanes.ts";
import type { StartedChild, Strategy, SupervisorEvent } from "./supervisor-options.ts";

export interface RunnerOptions {
  /** Of the supervisor. */
  readonly name: string;
  readonly strategy: Strategy;
  readonly children: ChildTable;
  readonly intensity: RestartIntensity;
  readonly backoff: Backoff;
  readonly onEvent: (event: SupervisorEvent) => void;
  /** Called from within the work that failed for good, and so must not wait for it. */
  readonly onEscalation: (error: EscalationError) => void;
}

export class ChildRunner {
  readonly #options: RunnerOptions;
  readonly #children: ChildTable;
  readonly #lanes = new Lanes<Child | undefined>();
  #halted = false;

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#children = options.children;
  }

  /** Nothing is started any more. */
  get halted(): boolean {
    return this.#halted;
  }

  /** Gives up starts and restarts that are under way, and waits for what can't be given up. */
  async halt(): Promise<void> {
    this.#halted = true;
    for (const child of this.#children.all) child.giveUp();
    await this.#lanes.idle();
  }

  /** Work of the supervisor as a whole, apart from that of its children where these do not concern each other. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    return this.#lanes.run(undefined, work);
  }

  /**
   * One thing at a time: for a child alone where children do not concern each other, else for the supervisor. A child
   * that waits for its restart must not hold up its siblings.
   */
  serially<T>(child: Child, work: () => Promise<T>): Promise<T> {
    const { strategy } = this.#options;
    const own = strategy === "one_for_one" || strategy === "simple_one_for_one";
    return this.#lanes.run(own ? child : undefined, work);
  }

  /** @throws what its start throws */
  async start(child: Child): Promise<StartedChild> {
    await child.start((error, run) => {
      void this.serially(child, () => this.#ended(child, error, run));
    });
    const runs = child.state === "running";
    this.#emit({ type: runs ? "started" : "ignored", child: child.id });
    if (!runs) this.forget(child);
    return { id: child.id, runs, info: child.info };
  }

  async stop(child: Child): Promise<void> {
    if (child.state !== "running") {
      child.state = child.state === "finished" ? "finished" : "stopped";
      return;
    }
    const orderly = await child.stop();
    const late = !orderly && child.settings.stopTimeoutMs !== "brutal_kill";
    const error = late ? child.lastError : undefined;
    this.#emit({ type: orderly ? "stopped" : "killed", child: child.id, error });
  }

  /** In reverse order; those made from a template, of which there may be very many, at the same time. */
  async stopAll(): Promise<void> {
    const children = this.#children.all.reverse();
    if (this.#options.strategy === "simple_one_for_one") {
      await Promise.all(children.map((child) => this.stop(child)));
    } else for (const child of children) await this.stop(child);
  }

  /** Of a child that has come to rest: removes it unless its spec is of use yet. */
  forget(child: Child): void {
    const made = this.#options.strategy === "simple_one_for_one";
    if (made || child.restart === "temporary") this.#children.remove(child);
  }

  async #ended(child: Child, error: Error | undefined, run: number): Promise<void> {
    // Stopped or restarted while its end waited for its turn.
    if (this.#halted || child.run !== run) return;
    const failed = error !== undefined && !(error instanceof ShutdownError);
    if (failed) child.lastError = error;
    this.#emit({ type: failed ? "failed" : "finished", child: child.id, error });
    const again = child.restart === "permanent" || (child.restart === "transient" && failed);
    child.beingRestarted = again;
    await child.stop();
    if (again) await this.#restart(child, error ?? new Error(`${child.id} ended though it is permanent`));
    else {
      child.state = "finished";
      this.forget(child);
    }
  }

  async #restart(first: Child, error: Error): Promise<void> {
    const group = this.#affected(first, this.#children.all);
    for (const child of group) if (child !== first) child.beingRestarted = true;
    let failed = first;
    let cause = error;
    while (!this.#halted) {
      // Whoever was terminated meanwhile stays so.
      const affected = this.#affected(failed, group).filter((child) => child.beingRestarted);
      if (affected.length === 0) break;
      if (!this.#options.intensity.record()) {
        this.#escalate(failed, cause);
        break;
      }
      const again = await this.#stopForRestart(affected);
      const waitMs = this.#options.backoff(this.#options.intensity.recent);
      this.#emit({ type: "restarting", child: failed.id, waitMs, error: cause });
      if (failed.beingRestarted) await failed.pause(waitMs);
      const next = await this.#startAgain(again);
      if (!next) break;
      failed = next;
      cause = next.lastError ?? cause;
    }
    for (const child of group) child.beingRestarted = false;
  }

  /** Resolves to those that are to be started again. */
  async #stopForRestart(affected: readonly Child[]): Promise<Child[]> {
    for (const child of affected) if (child.state !== "running") child.state = "restarting";
    for (const child of [...affected].reverse()) {
      if (child.state === "running") await this.stop(child);
      if (child.beingRestarted) child.state = "restarting";
      // A temporary child is never started again, not even with its siblings.
      if (child.restart === "temporary") this.#children.remove(child);
    }
    return affected.filter((child) => child.restart !== "temporary");
  }

  /** Resolves to the first that does not start. */
  async #startAgain(children: readonly Child[]): Promise<Child | undefined> {
    for (const child of children) {
      if (this.#halted) return undefined;
      if (!child.beingRestarted) continue;
      child.restarts++;
      try {
        await this.start(child);
      } catch (thrown) {
        if (!child.beingRestarted) continue;
        child.lastError = thrown as Error;
        this.#emit({ type: "failed", child: child.id, error: child.lastError });
        return child;
      }
    }
    return undefined;
  }

  #affected(failed: Child, among: readonly Child[]): Child[] {
    switch (this.#options.strategy) {
      case "one_for_all":
        return [...among];
      case "rest_for_one":
        return among.slice(among.indexOf(failed));
      default:
        return [failed];
    }
  }

  #escalate(child: Child, cause: Error): void {
    const { name, intensity, onEscalation } = this.#options;
    const error = new EscalationError(
      `${name} gave up: more than ${intensity.max} restarts within ${intensity.periodMs} ms, the last of ${child.id}: ${cause.message}`,
      { cause },
    );
    this.#emit({ type: "escalated", child: child.id, error });
    onEscalation(error);
  }

  #emit(event: Omit<SupervisorEvent, "supervisor">): void {
    try {
      this.#options.onEvent({ supervisor: this.#options.name, ...event });
    } catch {
      // A listener's trouble is not the tree's.
    }
  }
}
