/**
 * Supervision with OTP's semantics: children start in order and stop in reverse order; one that fails is restarted, alone
 * or with its siblings as the strategy says, after a wait that grows; when that happens too often the supervisor stops
 * all of them and fails itself, so that the one above decides.
 */
import type { Child } from "./child.ts";
import type { ChildSpec } from "./child-spec.ts";
import { SupervisorError } from "./errors.ts";
import { SupervisorBase, type SupervisorSpec, supervisorChild } from "./supervisor-base.ts";
import {
  checkStrategy,
  type StartedChild,
  type SupervisorChange,
  type SupervisorOptions,
} from "./supervisor-options.ts";

export class Supervisor extends SupervisorBase {
  readonly #init: (() => readonly ChildSpec[] | "ignore") | undefined;

  /** @throws SupervisorError `invalid_options`, `invalid_spec`; RangeError for an impossible intensity */
  constructor(options: SupervisorOptions) {
    super(options, checkStrategy(options));
    if (typeof options.children === "function") this.#init = options.children;
    else this.children.addAll(options.children ?? []);
  }

  /** This supervisor as a child of another: its giving up is that child's failure. Each start makes a new one. */
  static child(options: SupervisorOptions, spec: SupervisorSpec = {}): ChildSpec {
    return supervisorChild(options.name, () => new Supervisor(options), spec);
  }

  /**
   * Adds a child to a running supervisor; it comes last in the order.
   * @throws what its start throws, and has forgotten it then; SupervisorError `not_running`, `invalid_spec`,
   *   `already_started`, `already_present`
   */
  startChild(spec: ChildSpec): Promise<StartedChild> {
    return this.add(spec);
  }

  /**
   * Starts a child that has ended, was terminated, or said `ignore`.
   * @throws what its start throws; SupervisorError `not_running`, `not_found`, `running`, `restarting`
   */
  async restartChild(id: string): Promise<StartedChild> {
    this.mustRun();
    return this.#whenDown(id, async (child) => {
      this.mustRun();
      try {
        return await this.runner.start(child);
      } catch (error) {
        child.lastError = error as Error;
        throw error;
      }
    });
  }

  /** Forgets a child that does not run. @throws SupervisorError `not_found`, `running`, `restarting` */
  async deleteChild(id: string): Promise<void> {
    await this.#whenDown(id, async (child) => this.children.remove(child));
  }

  /**
   * Changes limits and specs while the children run. New deadlines and restart types hold at once, a new `start` from
   * the child's next one on. Children that are new are not started; those without a new spec stay as they are.
   * A supervisor that is restarted by the one above starts from its options again.
   * @throws SupervisorError `not_running`, `invalid_spec`; RangeError for an impossible intensity; nothing has changed
   *   then
   */
  change({ intensity, children }: SupervisorChange): void {
    this.mustRun();
    if (intensity) this.intensity.check(intensity);
    if (children) this.children.change(children);
    if (intensity) this.intensity.change(intensity);
  }

  protected override init(): "ignore" | undefined {
    const specs = this.#init?.() ?? [];
    if (specs === "ignore") return "ignore";
    this.children.addAll(specs);
    return undefined;
  }

  async #whenDown<T>(id: string, work: (child: Child) => Promise<T>): Promise<T> {
    const down = (): Child => {
      const child = this.children.get(id);
      const { state } = child;
      if (state === "running" || state === "starting" || state === "stopping") {
        throw new SupervisorError(child.beingRestarted ? "restarting" : "running", `${id} is ${state}`);
      }
      if (child.beingRestarted) throw new SupervisorError("restarting", `${id} is being restarted`);
      return child;
    };
    const child = this.children.get(id);
    // Its lane is taken until the restart comes to an end, which may be long.
    if (child.beingRestarted) down();
    return this.runner.serially(child, () => work(down()));
  }
}
