/** Flattens the nested steps of a playbook into a graph: one node a step, one labelled edge for each way on. */
import { type Diagnostic, didYouMean } from "../language/diagnostics.ts";
import type { Path, PlaybookSource } from "../language/read.ts";
import type { Branch, SlotDef, Step, StepOf } from "../language/schema.ts";

export interface FlowNode {
  readonly id: string;
  readonly step: Step;
  /** Label → id of the node that follows. Labels are `next`, `do`, `else`, `yes`, `failed`, a failure's code … */
  readonly to: Readonly<Record<string, string>>;
}

export interface Flow {
  readonly start: string;
  readonly nodes: ReadonlyMap<string, FlowNode>;
  /** Steps to which the playbook-wide `on` leads. */
  readonly shared: ReadonlySet<string>;
}

/** Stands where a path runs off the end of the steps. */
export const OFF_THE_END = "(end)";

/** The ways out of an ask that its slot's type makes possible, besides `filled`. */
export function askLabels(slot: SlotDef | undefined): string[] {
  switch (slot?.type) {
    case "order":
      return ["unclear", "failed", "none"];
    case "variant":
      return ["unclear", "failed", "none"];
    default:
      return ["unclear"];
  }
}

interface Draft {
  id: string;
  step: Step;
  to: Record<string, string>;
}

/** Reports what cannot be resolved into `found`; the graph is only sound when nothing was. */
export function buildFlow(source: PlaybookSource, found: Diagnostic[]): Flow {
  const { def } = source;
  const nodes = new Map<string, Draft>();
  const named = new Map<string, Step>();
  const references: { node: Draft; label: string; id: string; path: Path }[] = [];
  let count = 0;

  const nameAll = (steps: readonly Step[]): void => {
    for (const step of steps) {
      if (step.id !== undefined) {
        if (named.has(step.id))
          found.push(source.at([...step.path, "id"], "duplicate-step", `there is another step "${step.id}"`));
        named.set(step.id, step);
      }
      for (const branch of branchesOf(step)) if (typeof branch !== "string") nameAll(branch);
    }
  };
  nameAll(def.steps);
  for (const branch of Object.values(def.on)) if (typeof branch !== "string") nameAll(branch);

  /** Answers the id of the first node; `after` is where the last one goes. */
  const flatten = (steps: readonly Step[], after: string): string => {
    let next = after;
    for (const step of [...steps].reverse()) next = add(step, next);
    return next;
  };
  const link = (node: Draft, label: string, branch: Branch, after: string, path: Path): void => {
    if (typeof branch === "string") references.push({ node, label, id: branch, path });
    else node.to[label] = flatten(branch, after);
  };

  const add = (step: Step, next: string): string => {
    const id = step.id ?? `${step.verb}-${++count}`;
    const node: Draft = { id, step, to: {} };
    nodes.set(id, node);
    switch (step.verb) {
      case "say":
      case "set":
      case "clear":
      case "remember":
      case "offer":
        node.to.next = next;
        break;
      case "ask":
        node.to.filled = next;
        break;
      case "call":
      case "task":
        node.to.done = next;
        break;
      case "confirm":
        if (step.yes === undefined) node.to.yes = next;
        else link(node, "yes", step.yes, next, [...step.path, "yes"]);
        link(node, "no", step.no, next, [...step.path, "no"]);
        break;
      case "choose":
        step.options.forEach((o, i) => {
          if (o.do === undefined) node.to[`=${o.value}`] = next;
          else link(node, `=${o.value}`, o.do as Branch, next, [...step.path, "options", i, "do"]);
        });
        break;
      case "if":
        link(node, "do", step.do, next, [...step.path, "do"]);
        if (step.else === undefined) node.to.else = next;
        else link(node, "else", step.else, next, [...step.path, "else"]);
        break;
      case "goto":
        references.push({ node, label: "next", id: step.goto, path: [...step.path, "goto"] });
        if (step.else !== undefined) link(node, "else", step.else, next, [...step.path, "else"]);
        break;
      case "handoff":
      case "end":
        break;
    }
    if ("on" in step && step.on) {
      for (const [label, branch] of Object.entries(step.on))
        link(node, label, branch, next, [...step.path, "on", label]);
    }
    // A condition on a step other than `if` is a fork in front of it.
    if (step.verb !== "if" && "if" in step && step.if !== undefined) {
      const fork: StepOf<"if"> = { verb: "if", if: step.if, do: id, path: step.path, id: undefined };
      nodes.set(`${id}-if`, { id: `${id}-if`, step: fork, to: { do: id, else: next } });
      return `${id}-if`;
    }
    return id;
  };

  const start = flatten(def.steps, OFF_THE_END);
  const shared: Record<string, string> = {};
  for (const [label, branch] of Object.entries(def.on)) {
    if (typeof branch !== "string") shared[label] = flatten(branch, OFF_THE_END);
    else if (named.has(branch)) shared[label] = entryOf(nodes, branch);
    else found.push(source.at(["on", label], "unknown-step", unknownStep(branch, named.keys())));
  }
  for (const r of references) {
    if (named.has(r.id)) r.node.to[r.label] = entryOf(nodes, r.id);
    else found.push(source.at(r.path, "unknown-step", unknownStep(r.id, named.keys())));
  }
  // What a step does not say itself, the playbook says for all.
  for (const node of nodes.values()) {
    for (const label of neededLabels(node.step, def.slots)) {
      if (node.to[label] === undefined && shared[label] !== undefined) node.to[label] = shared[label];
    }
  }
  return { start, nodes, shared: new Set(Object.values(shared)) };
}

/** A step with a condition is entered through its fork. */
function entryOf(nodes: ReadonlyMap<string, Draft>, id: string): string {
  return nodes.has(`${id}-if`) ? `${id}-if` : id;
}

function unknownStep(id: string, known: Iterable<string>): string {
  const all = [...known];
  return `there is no step "${id}"${didYouMean(id, all)}`;
}

/** The labels that a step cannot do without. */
export function neededLabels(step: Step, slots: Readonly<Record<string, SlotDef>>): string[] {
  switch (step.verb) {
    case "ask":
      return askLabels(slots[step.ask]);
    case "call":
      return ["failed"];
    case "task":
      return step.approval ? ["failed", "declined"] : ["failed"];
    case "confirm":
    case "choose":
      return ["unclear"];
    default:
      return [];
  }
}

export function branchesOf(step: Step): Branch[] {
  const out: Branch[] = [];
  if ("on" in step && step.on) out.push(...Object.values(step.on));
  if (step.verb === "confirm") out.push(...[step.yes, step.no].filter((b): b is Branch => b !== undefined));
  if (step.verb === "if") out.push(...[step.do, step.else].filter((b): b is Branch => b !== undefined));
  if (step.verb === "goto" && step.else !== undefined) out.push(step.else);
  if (step.verb === "choose")
    out.push(
      ...step.options.map((o) => o.do as Branch | undefined).filter((b): b is Branch => b !== undefined),
    );
  return out;
}
