/** Transitions of SCXML states in XState's words. */
import { and, not, or, stateIn } from "../../../runtime/host/machine.ts";
import type { Content } from "./content.ts";
import { UnconvertibleError } from "./errors.ts";
import {
  type Expressions,
  eventName,
  type MachineEvent,
  type Memory,
  type Names,
  scopeOf,
  statesAskedFor,
} from "./expressions.ts";
import { type Element, elementsOf } from "./xml.ts";

type Config = Record<string, any>;

export interface TransitionsOptions {
  readonly expressions: Expressions;
  readonly names: Names;
  readonly content: Content;
  readonly reference: (state: string) => string;
  /** Ids of all states. */
  readonly known: ReadonlySet<string>;
}

interface Transition {
  /** Without what SCXML lets one write at the end; empty where no event is needed. */
  readonly descriptors: readonly string[];
  readonly guard: any;
  readonly config: Config;
}

export class Transitions {
  readonly #options: TransitionsOptions;

  constructor(options: TransitionsOptions) {
    this.#options = options;
  }

  /** `on` and `always` of a state. */
  of(state: Element, id: string): Config {
    const all = elementsOf(state, "transition").map((each) => this.#transition(each, state, id));
    const always = all
      .filter((each) => each.descriptors.length === 0)
      .map(({ guard, config }) => ({ guard, ...config }));
    return { on: inOrder(all.filter((each) => each.descriptors.length > 0)), always };
  }

  targets(states: readonly string[]): string[] {
    for (const state of states) {
      if (!this.#options.known.has(state)) throw new UnconvertibleError(`there is no state ${state}`);
    }
    return states.map(this.#options.reference);
  }

  #transition(element: Element, state: Element, id: string): Transition {
    const { event = "", cond, target, type } = element.attributes;
    const content = elementsOf(element);
    const descriptors = event
      .split(/\s+/)
      .filter(Boolean)
      .map((each) => each.replace(/\.\*?$/, ""));
    const config: Config = { actions: content.length > 0 ? [this.#options.content.action(content)] : [] };
    if (target !== undefined) {
      const targets = target.split(/\s+/).filter(Boolean);
      config.target = this.targets(targets);
      // For SCXML an internal transition begins in a compound state and stays within; else it is external.
      const inside = targets.every((each) => each !== id && holds(state, each));
      config.reenter = !(type === "internal" && state.name === "state" && inside);
    }
    return { descriptors, guard: cond === undefined ? undefined : this.#guard(cond), config };
  }

  /** A condition that fails is false; SCXML would raise an error, which a guard of XState cannot. */
  #guard(cond: string): any {
    const { names, reference } = this.#options;
    const condition = this.#options.expressions.expression(cond);
    const guard = (isIn: (state: string) => boolean) => {
      return ({ context, event }: { context: Memory; event: MachineEvent }): boolean => {
        try {
          return Boolean(condition(scopeOf(names, context, event, isIn)));
        } catch {
          return false;
        }
      };
    };
    // A guard does not see the states, but `stateIn` does: one guard for each way in which it may answer.
    const asked = statesAskedFor(cond).filter((each) => this.#options.known.has(each));
    if (asked.length === 0) return guard(() => false);
    return or(
      subsets(asked).map((active) =>
        and([
          ...asked.map((each) =>
            active.includes(each) ? stateIn(reference(each)) : not(stateIn(reference(each))),
          ),
          guard((each) => active.includes(each)) as any,
        ]),
      ),
    );
  }
}

/**
 * XState prefers the most specific descriptor, SCXML the first transition that matches: where two of a state may match
 * the same event, all of them stand under `*` and look at the name themselves.
 */
function inOrder(transitions: readonly Transition[]): Config {
  const descriptors = [...new Set(transitions.flatMap((each) => each.descriptors))];
  const ordered = descriptors.some(
    (each) =>
      /^(?:\*|done|done\.state|done\.invoke)$/.test(each) ||
      descriptors.some((other) => other !== each && matches(other, each)),
  );
  if (ordered) {
    return {
      "*": transitions.map(({ descriptors: own, guard, config }) => {
        const named = ({ event }: { event: MachineEvent }): boolean =>
          own.some((each) => matches(eventName(event.type), each));
        return { guard: guard === undefined ? named : and([named as any, guard]), ...config };
      }),
    };
  }
  const on: Config = {};
  for (const { descriptors: own, guard, config } of transitions) {
    for (const each of new Set(own)) {
      const descriptor = `${typeName(each)}.*`;
      on[descriptor] = [...(on[descriptor] ?? []), { guard, ...config }];
    }
  }
  return on;
}

function matches(name: string, descriptor: string): boolean {
  return descriptor === "*" || name === descriptor || name.startsWith(`${descriptor}.`);
}

/** The type that XState gives an event of SCXML. */
function typeName(name: string): string {
  return name
    .replace(/^done\.state\./, "xstate.done.state.")
    .replace(/^done\.invoke\./, "xstate.done.actor.");
}

function holds(state: Element, id: string): boolean {
  return elementsOf(state).some((child) => child.attributes.id === id || holds(child, id));
}

function subsets<T>(list: readonly T[]): T[][] {
  const [first, ...rest] = list;
  if (first === undefined) return [[]];
  return subsets(rest).flatMap((some) => [some, [first, ...some]]);
}
