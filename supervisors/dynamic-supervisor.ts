/**
 * OTP's simple_one_for_one: children made from one template, as many as there are things to look after. They come and go,
 * are restarted each for itself, and are stopped at the same time.
 */
import { type ChildSpec, type ChildTemplate, settingsOf } from "./child-spec.ts";
import type { ChildCounts } from "./child-table.ts";
import { SupervisorBase, type SupervisorSpec, supervisorChild } from "./supervisor-base.ts";
import type {
  DynamicSupervisorChange,
  DynamicSupervisorOptions,
  StartedChild,
} from "./supervisor-options.ts";

/**
 * Its children have numbers for ids. One that has ended for good is forgotten, whatever its restart type, so nothing can
 * be restarted or deleted by its id.
 * @typeParam A what a child is started with
 */
export class DynamicSupervisor<A> extends SupervisorBase {
  #template: ChildTemplate<A>;
  #made = 0;

  /** @throws SupervisorError `invalid_spec`; RangeError for an impossible intensity */
  constructor(options: DynamicSupervisorOptions<A>) {
    super(options, "simple_one_for_one");
    this.#template = options.template;
    this.#settings("template", options.template);
  }

  /** This supervisor as a child of another: its giving up is that child's failure. Each start makes a new one. */
  static child<A>(options: DynamicSupervisorOptions<A>, spec: SupervisorSpec = {}): ChildSpec {
    return supervisorChild(options.name, () => new DynamicSupervisor(options), spec);
  }

  /** Starts a child from the template. @throws what its start throws; SupervisorError `not_running` */
  startChild(argument: A): Promise<StartedChild> {
    return this.add({
      ...this.#template,
      id: String(++this.#made),
      // Looked up at each start, since the template can be changed.
      start: (context) => this.#template.start(context, argument),
    });
  }

  /** Stops a child, or gives up its restart; one that has ended already is well. @throws SupervisorError `not_found` */
  override async terminateChild(id: string): Promise<void> {
    const wasMade = /^[1-9]\d*$/.test(id) && Number(id) <= this.#made;
    if (wasMade && !this.children.has(id)) return;
    await super.terminateChild(id);
  }

  /**
   * Changes limits and template while the children run; a new template goes for those that run already, too: its
   * deadlines and restart type at once, its `start` from their next one on.
   * A supervisor that is restarted by the one above starts from its options again.
   * @throws SupervisorError `not_running`, `invalid_spec`; RangeError for an impossible intensity; nothing has changed
   *   then
   */
  change({ intensity, template }: DynamicSupervisorChange<A>): void {
    this.mustRun();
    if (intensity) this.intensity.check(intensity);
    if (template) {
      this.#settings("template", template);
      this.#template = template;
      for (const child of this.children.all) child.change(this.#settings(child.id, template));
    }
    if (intensity) this.intensity.change(intensity);
  }

  override count(): ChildCounts {
    return { ...super.count(), specs: 1 };
  }

  #settings(id: string, template: ChildTemplate<A>) {
    return settingsOf({ ...template, id, start: template?.start });
  }
}
