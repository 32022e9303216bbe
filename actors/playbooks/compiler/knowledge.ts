/** Checks what is known where: nothing is read before it is filled, no text uses a member that is not there. */
import { type Diagnostic, didYouMean } from "../language/diagnostics.ts";
import { type Expression, impliedPaths, parseExpression, pathsOf } from "../language/expression.ts";
import type { PlaybookSource } from "../language/read.ts";
import { type PlaybookDef, RESERVED } from "../language/schema.ts";
import { CUSTOMER, FAILURE, lookUp, RESULTS, type Shape, SLOTS } from "../language/shapes.ts";
import { dependents } from "./corrections.ts";
import type { Flow, FlowNode } from "./flow.ts";
import { type Read, readsOf } from "./reads.ts";

type Known = ReadonlySet<string>;
/** Marks that a customer has said yes to, or chosen, what follows. */
export const CONFIRMED = "(confirmed)";

/** What is known on every way to each step. */
export function knowledge(source: PlaybookSource, flow: Flow): Map<string, Known> {
  const { def } = source;
  const start = new Set([
    "settings",
    "said",
    "matter",
    "now",
    "candidates",
    "refused",
    ...(def.verify ? ["customer"] : []),
  ]);
  const known = new Map<string, Known>([[flow.start, start]]);
  const queue = [flow.start];
  for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
    const node = flow.nodes.get(id);
    if (!node) continue;
    for (const [label, next] of Object.entries(node.to)) {
      const after = learn(node, label, known.get(id)!, def);
      const before = known.get(next);
      const met = before ? new Set([...before].filter((k) => after.has(k))) : after;
      if (!before || met.size < before.size) {
        known.set(next, met);
        queue.push(next);
      }
    }
  }
  return known;
}

function learn({ step }: FlowNode, label: string, before: Known, def: PlaybookDef): Known {
  const after = new Set(before);
  const failed = !["filled", "done", "next", "unclear", "none", "yes", "no", "do", "else"].includes(label);
  switch (step.verb) {
    case "ask":
      if (label === "filled" && def.slots[step.ask]?.optional !== true) {
        after.add(step.ask);
        after.delete(CONFIRMED);
      }
      break;
    case "call":
      if (label === "done" && step.as) after.add(step.as);
      break;
    case "task":
      if (label === "done") after.add("result");
      break;
    case "confirm":
      if (label === "yes") after.add(CONFIRMED);
      else after.delete(CONFIRMED);
      break;
    case "choose":
      if (step.as && label.startsWith("=")) after.add(step.as);
      // Who picks one of several options has said what is to be done.
      if (label.startsWith("=")) after.add(CONFIRMED);
      break;
    case "set":
      for (const name of Object.keys(step.set)) after.add(name);
      break;
    case "clear":
      for (const slot of step.clear)
        for (const gone of [slot, ...dependents(def, slot)])
          for (const k of [...after]) if (k === gone || k.startsWith(`${gone}.`)) after.delete(k);
      break;
    case "if": {
      const condition = parsed(step.if);
      if (condition)
        for (const p of impliedPaths(condition, label === "do")) for (const k of prefixes(p)) after.add(k);
      break;
    }
  }
  if (failed && (step.verb === "ask" || step.verb === "call" || step.verb === "task")) after.add("error");
  return after;
}

function parsed(text: string): Expression | undefined {
  try {
    return parseExpression(text);
  } catch {
    return undefined; // reported where the step's reads are checked
  }
}

/** `order.address.line2` is known: so are `order.address` and `order`. */
function prefixes(parts: readonly (string | number)[]): string[] {
  const names = parts.filter((p) => typeof p === "string");
  return names.map((_, i) => names.slice(0, i + 1).join("."));
}

/** Name → the shape of what it holds, for everything that some step fills. */
function shapes(def: PlaybookDef, flow: Flow): Map<string, Shape | "value" | "any"> {
  const all = new Map<string, Shape | "value" | "any">([
    ["customer", CUSTOMER],
    ["settings", Object.fromEntries(Object.keys(def.settings).map((k) => [k, "value" as const]))],
    ["error", { ...FAILURE, reason: "value" }],
    ["candidates", SLOTS.order!],
    ["refused", "value"],
    ["said", "value"],
    ["matter", "value"],
    ["now", "value"],
    ["approval", "value"],
    ["result", "any"],
  ]);
  for (const [name, slot] of Object.entries(def.slots)) all.set(name, SLOTS[slot.type] ?? "value");
  const put = (name: string, shape: Shape | "value" | "any"): void => {
    all.set(name, all.has(name) && all.get(name) !== shape ? "any" : shape);
  };
  for (const { step } of flow.nodes.values()) {
    if (step.verb === "call" && step.as) put(step.as, RESULTS[step.call] ?? "any");
    if (step.verb === "choose" && step.as) put(step.as, "value");
    if (step.verb === "set") for (const name of Object.keys(step.set)) put(name, "any");
  }
  return all;
}

export function checkKnowledge(
  source: PlaybookSource,
  flow: Flow,
  reached: ReadonlySet<string>,
  found: Diagnostic[],
): void {
  const known = knowledge(source, flow);
  const all = shapes(source.def, flow);
  for (const node of flow.nodes.values()) {
    const { step } = node;
    for (const name of filledBy(node)) {
      if ((RESERVED as readonly string[]).includes(name))
        found.push(
          source.at(step.path, "reserved", `"${name}" has a meaning of its own; choose another name`),
        );
      else if (Object.hasOwn(source.def.slots, name))
        found.push(source.at(step.path, "reserved", `"${name}" is a slot; choose another name`));
    }
    const reads = readsOf(step, source.def, (path, code, message) => {
      found.push(source.at(path, code, message));
    });
    if (!reached.has(node.id)) continue;
    const here = known.get(node.id) ?? new Set();
    for (const read of reads) checkRead(source, read, here, all, found);
  }
}

function filledBy({ step }: FlowNode): string[] {
  if (step.verb === "set") return Object.keys(step.set);
  if ((step.verb === "call" || step.verb === "choose") && step.as) return [step.as];
  return [];
}

function checkRead(
  source: PlaybookSource,
  read: Read,
  here: Known,
  all: ReadonlyMap<string, Shape | "value" | "any">,
  found: Diagnostic[],
): void {
  const paths = pathsOf(read.value);
  const probed = new Set(paths.filter((p) => p.probed).map((p) => String(p.parts[0])));
  for (const { parts, probed: isProbe } of paths) {
    const root = String(parts[0]);
    if (read.local?.includes(root)) continue;
    const shape = all.get(root);
    const shown = parts.join(".");
    const complain = (code: string, message: string): void => {
      found.push(source.at(read.path, code, message));
    };
    if (shape === undefined) {
      complain("unknown-path", `nothing is called "${root}"${didYouMean(root, all.keys())}`);
      continue;
    }
    const look = lookUp(shape, parts.slice(1));
    if (!look.found) {
      const part = String(parts[look.at + 1]);
      complain("unknown-path", `"${shown}": there is no "${part}"${didYouMean(part, look.known)}`);
      continue;
    }
    if (isProbe || read.use === "optional") continue;
    if (!here.has(root) && !(read.use === "condition" && probed.has(root))) {
      complain(
        "not-filled",
        `"${shown}" is read here, but on some way to this step "${root}" is not known: ask for it first, or use exists() or [[ ]]`,
      );
      continue;
    }
    if (read.use !== "text") continue;
    for (const depth of look.optional) {
      const prefix = parts
        .slice(0, depth + 2)
        .filter((p) => typeof p === "string")
        .join(".");
      if (!here.has(prefix)) {
        complain(
          "maybe-missing",
          `"${prefix}" may be missing: put that part of the text in [[ ]], or ask exists() before`,
        );
        break;
      }
    }
  }
}
