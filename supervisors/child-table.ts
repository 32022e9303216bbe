/** The children of a supervisor by id, in the order in which they start. */
import { Child } from "./child.ts";
import { type ChildSpec, settingsOf } from "./child-spec.ts";
import { SupervisorError } from "./errors.ts";

export interface ChildCounts {
  /** Specs that the supervisor keeps; of a DynamicSupervisor one, the template. */
  readonly specs: number;
  /** Children that run. */
  readonly active: number;
  /** Children of type supervisor, running or not. */
  readonly supervisors: number;
  readonly workers: number;
}

export class ChildTable {
  readonly #owner: string;
  #children = new Map<string, Child>();

  /** @param owner name of the supervisor, for messages */
  constructor(owner: string) {
    this.#owner = owner;
  }

  get all(): Child[] {
    return [...this.#children.values()];
  }

  has(id: string): boolean {
    return this.#children.has(id);
  }

  /** @throws SupervisorError `not_found` */
  get(id: string): Child {
    const child = this.#children.get(id);
    if (!child) throw new SupervisorError("not_found", `${this.#owner} has no child ${id}`);
    return child;
  }

  /** Adds a child at the end. @throws SupervisorError `invalid_spec`, `already_started`, `already_present` */
  add(spec: ChildSpec): Child {
    const child = new Child(spec);
    const present = this.#children.get(child.id);
    if (present) {
      const runs = present.state === "running" || present.state === "starting";
      const code = runs ? "already_started" : "already_present";
      throw new SupervisorError(code, `${this.#owner} has a child ${child.id} already`);
    }
    this.#children.set(child.id, child);
    return child;
  }

  /** Adds all or, should one be refused, none. @throws SupervisorError `invalid_spec` */
  addAll(specs: readonly ChildSpec[]): void {
    this.#check(specs);
    for (const spec of specs) this.add(spec);
  }

  remove(child: Child): void {
    if (this.#children.get(child.id) === child) this.#children.delete(child.id);
  }

  /**
   * New specs for children that are there, and children that are not started for the other specs, in the order of the
   * specs. Children without a new spec stay as they are, and come last. @throws SupervisorError `invalid_spec`
   */
  change(specs: readonly ChildSpec[]): void {
    this.#check(specs);
    const before = this.#children;
    this.#children = new Map();
    for (const spec of specs) {
      const child = before.get(spec.id);
      if (child) {
        child.change(settingsOf(spec), (context) => spec.start(context));
        this.#children.set(child.id, child);
      } else this.add(spec);
    }
    for (const [id, child] of before) if (!this.#children.has(id)) this.#children.set(id, child);
  }

  count(): ChildCounts {
    const { all } = this;
    const supervisors = all.filter((child) => child.settings.type === "supervisor").length;
    return {
      specs: all.length,
      active: all.filter((child) => child.state === "running").length,
      supervisors,
      workers: all.length - supervisors,
    };
  }

  #check(specs: readonly ChildSpec[]): void {
    if (!Array.isArray(specs)) {
      throw new SupervisorError("invalid_spec", `${this.#owner}: its children are not a list`);
    }
    const ids = new Set(specs.map((spec) => settingsOf(spec).id));
    if (ids.size !== specs.length) {
      throw new SupervisorError("invalid_spec", `${this.#owner}: two children have the same id`);
    }
  }
}
