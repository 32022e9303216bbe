/** Random machines: states from `shape.ts`, and between them everything that a durable machine may do. */
import {
  type AnyStateMachine,
  and,
  cancel,
  enqueueActions,
  fromTransition,
  not,
  or,
  raise,
  setup,
  spawnChild,
  stateIn,
  stopChild,
} from "../../../runtime/host/machine.ts";
import type { Random } from "./random.ts";
import { isHistory, pathOf, randomShape, type Shape, statesOf } from "./shape.ts";
import { actions, delays, firstContext, guards, mix, randomDelay } from "./vocabulary.ts";

/** Events from outside; children are sent the first two. */
export const EVENTS = ["e0", "e1", "e2", "e3", "e4"] as const;

/** Children of children have none. */
const DEEPEST = 2;

type Config = Record<string, any>;
type Counts = Record<keyof RandomMachine["has"], number>;

/** A machine and how many of each thing it has, its children's included. */
export interface RandomMachine {
  readonly machine: AnyStateMachine;
  readonly has: Readonly<Record<"delays" | "parallel" | "shallow" | "deep" | "children", number>>;
}

export function randomMachine(random: Random): RandomMachine {
  const has = { delays: 0, parallel: 0, shallow: 0, deep: 0, children: 0 };
  const machine = new Generator(random, 0, has).machine();
  return { machine, has };
}

class Generator {
  readonly #random: Random;
  /** 0 is the root machine. */
  readonly #level: number;
  readonly #has: Counts;
  readonly #root: Shape;
  readonly #states: readonly Shape[];
  readonly #targets: readonly Shape[];
  readonly #actors: Record<string, any> = {};
  /** How the machine names its states: by path, by an id, by an id with dots. */
  readonly #naming: "path" | "plain" | "dotted";
  readonly #id: string;

  constructor(random: Random, level: number, has: Counts) {
    this.#random = random;
    this.#level = level;
    this.#has = has;
    const limits = level === 0 ? { depth: 3, width: 3 } : { depth: random.chance(0.3) ? 2 : 1, width: 2 };
    this.#root = randomShape(random, limits);
    this.#states = statesOf(this.#root);
    this.#targets = this.#states.filter((each) => each.parent);
    this.#naming = random.pick(["path", "plain", "dotted"]);
    this.#id = random.pick(["machine", "a.machine"]);
    for (const { kind } of this.#states) {
      if (kind === "parallel" || kind === "shallow" || kind === "deep") has[kind]++;
    }
  }

  machine(): AnyStateMachine {
    const config = this.#config(this.#root);
    config.id = this.#id;
    config.context = ({ input }: { input?: { n?: number } }) => firstContext(input ?? {});
    // Whatever else there is: one delay, and one child.
    this.#delay(config, this.#root, 60);
    const another = this.#level < DEEPEST && this.#random.chance(0.3);
    if (this.#level === 0 || another) this.#invoke(config, this.#root);
    this.#mayInvoke(config);
    const actors = {
      tally: fromTransition((count: number, event) => count + event.type.length, 0),
      ...this.#actors,
    };
    return setup({ actors, actions, guards, delays } as any).createMachine(config as any);
  }

  #config(shape: Shape): Config {
    const { kind, parent, key } = shape;
    const random = this.#random;
    const config: Config = {};
    if (parent && this.#naming === "plain") config.id = key;
    if (parent && this.#naming === "dotted") config.id = key.replace("s", "s.");
    if (kind === "parallel" || kind === "final") config.type = kind;
    if (isHistory(shape)) {
      const siblings = parent!.children.filter((each) => !isHistory(each) && each.kind !== "final");
      const target = random.chance(0.5) ? { target: random.pick(siblings).key } : {};
      return { ...config, type: "history", history: kind, ...target };
    }
    const children = shape.children.map((child) => [child.key, this.#config(child)]);
    if (children.length > 0) config.states = Object.fromEntries(children);
    if (kind === "compound") config.initial = shape.children[0]!.key;
    config.entry = [mix(random)];
    config.exit = [mix(random)];
    if (kind === "final") return config;
    config.on = {};
    for (const event of this.#level === 0 ? EVENTS : EVENTS.slice(0, 2)) {
      if (random.chance(0.2)) config.on[event] = this.#candidates(shape, { stays: 0.4, far: 0.15 });
    }
    if (random.chance(0.15)) config.on["kid.told"] = this.#costly(shape);
    if (random.chance(0.04)) config.on["*"] = this.#costly(shape);
    if (parent && random.chance(0.1)) config.always = this.#costly(shape);
    if (children.length > 0 && parent && random.chance(0.6)) config.onDone = this.#costly(shape);
    if (random.chance(this.#level === 0 ? 0.3 : 0.15)) this.#delay(config, shape);
    if (random.chance(this.#level === 0 ? 0.2 : 0.1)) this.#raiseLater(config, shape);
    if (random.chance(0.15)) this.#raiseNow(config, shape);
    if (parent && this.#level < DEEPEST && random.chance(0.06)) this.#invoke(config, shape);
    if (this.#level < DEEPEST && random.chance(0.06)) this.#spawn(config);
    // A child may break, which its parent outlives.
    if (this.#level > 0 && random.chance(0.1)) {
      config.on.e1 = [{ guard: "third", actions: "breakDown" }, ...(config.on.e1 ?? [])];
    }
    if (!parent) config.on["xstate.error.actor.*"] = { actions: mix(random) };
    return config;
  }

  /**
   * One to three transitions, of which the first whose guard holds is taken.
   * @param far how often a target may be anywhere; what is far ends many delays before their time
   */
  #candidates(shape: Shape, { also = "refuel", stays = 0.65, far = 0 } = {}): Config[] {
    const random = this.#random;
    return Array.from({ length: random.between(1, 3) }, () => {
      const target = random.chance(stays) ? undefined : this.#target(shape, random.chance(far));
      const transition: Config = { actions: [also, mix(random)] };
      if (target) transition.target = target;
      if (random.chance(shape.parent ? 0.1 : 0.02)) transition.reenter = true;
      if (random.chance(0.5)) transition.guard = this.#guard();
      if (random.chance(0.3)) transition.actions.push(this.#utterance());
      return transition;
    });
  }

  /** Transitions that nothing from outside causes. */
  #costly(shape: Shape): Config[] {
    return this.#candidates(shape, { also: "burn", stays: 0.75, far: 0.02 }).map((transition) => ({
      ...transition,
      guard: transition.guard ? and(["fuelled", transition.guard]) : "fuelled",
    }));
  }

  #utterance(): object {
    const params = { k: this.#random.between(1, 96) };
    return { type: this.#level === 0 ? "say" : "report", params };
  }

  #guard(): any {
    const random = this.#random;
    const simple = (): any =>
      random.pick([
        () => "even",
        () => "third",
        () => "small",
        () => ({ type: "above", params: { limit: random.between(0, 96) } }),
        () => stateIn(this.#name(random.pick(this.#targets.filter((each) => !isHistory(each))))),
      ])();
    return random.pick([
      simple,
      () => not(simple()),
      () => and([simple(), simple()]),
      () => or([simple(), simple()]),
    ])();
  }

  /** Near is among its siblings, or else within it; undefined where these are regions. */
  #target(shape: Shape, far: boolean): string | string[] | undefined {
    const random = this.#random;
    if (!far) {
      const within = [shape.parent, shape].find((each) => each?.kind === "compound");
      return within && this.#name(random.pick(within.children));
    }
    const regions = this.#states.filter((each) => each.kind === "parallel" && each.parent);
    if (regions.length > 0 && random.chance(0.2)) {
      const [a, b] = random.pick(regions).children;
      return [a!, b!].map((region) => this.#name(random.pick(statesOf(region).filter((s) => !isHistory(s)))));
    }
    const histories = this.#targets.filter(isHistory);
    return this.#name(random.pick(histories.length > 0 && random.chance(0.5) ? histories : this.#targets));
  }

  /** How a target is written. */
  #name(shape: Shape): string {
    const path = pathOf(shape);
    if (this.#naming === "path") return `#${[this.#id.replace(".", "\\."), ...path].join(".")}`;
    return this.#naming === "plain" ? `#${shape.key}` : `#${shape.key.replace("s", "s\\.")}`;
  }

  #delay(config: Config, shape: Shape, delay: number | string = randomDelay(this.#random)): void {
    this.#has.delays++;
    config.after = { ...config.after, [delay]: this.#candidates(shape) };
  }

  /** An event that comes later, and is called off now and then. */
  #raiseLater(config: Config, shape: Shape): void {
    const random = this.#random;
    this.#has.delays++;
    const name = `late.${shape.key}`;
    const data = { n: random.between(0, 96) };
    config.entry.push(raise({ type: name, data } as any, { id: name, delay: randomDelay(random) as any }));
    config.on[name] = this.#candidates(shape);
    if (random.chance(0.3)) config.exit.push(cancel(name));
    if (random.chance(0.3)) config.on.e4 = [{ actions: [mix(random), cancel(name)] }];
  }

  #raiseNow(config: Config, shape: Shape): void {
    const name = `now.${shape.key}`;
    const event = this.#random.pick(EVENTS);
    config.on[event] = [
      { guard: "fuelled", actions: ["burn", mix(this.#random), raise({ type: name } as any)] },
      ...(config.on[event] ?? []),
    ];
    config.on[name] = this.#costly(shape);
  }

  #child(): string {
    this.#has.children++;
    const src = `kid${Object.keys(this.#actors).length + 1}`;
    this.#actors[src] = new Generator(this.#random, this.#level + 1, this.#has).machine();
    return src;
  }

  /** A child for as long as the state is active, with messages to it, now and later. */
  #invoke(config: Config, shape: Shape): void {
    const random = this.#random;
    const src = this.#child();
    const id = `${src} of ${random.pick(["a", "a/b", "a|b"])} ${shape.key}`;
    const invoke: Config = { src, id, input: ({ context }: any) => ({ n: context.n }) };
    if (random.chance(0.7)) invoke.onDone = this.#costly(shape);
    if (random.chance(0.4)) invoke.onSnapshot = { actions: mix(random) };
    config.invoke = [...(config.invoke ?? []), invoke];
    const pokes = [this.#poke(id), ...(random.chance(0.6) ? [this.#poke(id, randomDelay(random))] : [])];
    config.on.e3 = [{ guard: this.#guard(), actions: [mix(random), ...pokes] }, ...(config.on.e3 ?? [])];
  }

  /** An event to a child, if it is there: another region may just have left the state that invokes it. */
  #poke(id: string, delay?: number | string): any {
    const event = { type: this.#random.pick(["e0", "e1"]), data: { n: this.#random.between(0, 96) } };
    const later = delay === undefined ? undefined : { id: `poke ${id}`, delay };
    return enqueueActions(({ self, enqueue }) => {
      const child = self.getSnapshot()?.children?.[id];
      if (child) enqueue.sendTo(child, event, later as any);
    });
  }

  /** A child that is spawned, spoken to and stopped by one event, in turns. */
  #spawn(config: Config): void {
    const random = this.#random;
    const src = this.#child();
    const id = `spawned ${src}`;
    const event = random.pick(EVENTS);
    const params = { id };
    const poke = this.#poke(id, randomDelay(random));
    config.on[event] = [
      {
        guard: not({ type: "spawned", params } as any),
        actions: [mix(random), spawnChild(src as any, { id }), { type: "remember", params }],
      },
      { guard: random.pick(["even", "third"]), actions: [mix(random), poke] },
      { actions: [mix(random), stopChild(id), { type: "forget", params }] },
    ];
  }

  /** Pure transitions as a child, alive as long as the machine. */
  #mayInvoke(config: Config): void {
    if (!this.#random.chance(0.3)) return;
    config.invoke = [...(config.invoke ?? []), { src: "tally", id: "tally" }];
    config.on.e2 = [
      { guard: "even", actions: [mix(this.#random), this.#poke("tally")] },
      ...(config.on.e2 ?? []),
    ];
  }
}
