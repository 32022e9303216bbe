/**
 * What the compiler refuses. A playbook that passes cannot lose its way: every step is reached and leads somewhere, every
 * failure has a path, nothing is read before it is known, nothing consequential happens without a yes or an approval
 * and a way back, and nothing goes round for ever.
 */
import { type Diagnostic, didYouMean } from "../language/diagnostics.ts";
import type { PlaybookSource } from "../language/read.ts";
import type { SkillCatalog } from "../protocol.ts";
import { buildFlow, type Flow, neededLabels, OFF_THE_END } from "./flow.ts";
import { checkKnowledge } from "./knowledge.ts";
import { checkSkills } from "./skills.ts";

/** Everything that is wrong with a playbook, in the order of the file. */
export function lintPlaybook(source: PlaybookSource, skills: SkillCatalog): Diagnostic[] {
  const found: Diagnostic[] = [];
  const flow = buildFlow(source, found);
  checkSlots(source, flow, found);
  checkPaths(source, flow, found);
  const reached = reachable(flow);
  checkReached(source, flow, reached, found);
  checkLoops(source, flow, found);
  checkKnowledge(source, flow, reached, found);
  checkSkills(source, flow, skills, found);
  const unique = new Map(found.map((d) => [`${d.line}:${d.col}:${d.code}:${d.message}`, d]));
  return [...unique.values()].sort((a, b) => a.line - b.line || a.col - b.col);
}

export function reachable(flow: Flow): Set<string> {
  const seen = new Set<string>();
  const queue = [flow.start];
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    if (seen.has(id)) continue;
    seen.add(id);
    const node = flow.nodes.get(id);
    if (node) queue.push(...Object.values(node.to));
  }
  return seen;
}

function checkSlots(source: PlaybookSource, flow: Flow, found: Diagnostic[]): void {
  const { def } = source;
  const asked = new Set<string>();
  for (const { step } of flow.nodes.values()) {
    const named = step.verb === "ask" ? [step.ask] : step.verb === "clear" ? step.clear : [];
    for (const name of named) {
      if (step.verb === "ask") asked.add(name);
      if (!Object.hasOwn(def.slots, name))
        found.push(
          source.at(
            [...step.path, step.verb],
            "unknown-slot",
            `there is no slot "${name}"${didYouMean(name, Object.keys(def.slots))}`,
          ),
        );
    }
  }
  for (const [name, slot] of Object.entries(def.slots)) {
    const complain = (code: string, message: string): void => {
      found.push(source.at(["slots", name], code, message));
    };
    if (!asked.has(name)) complain("unused-slot", `no step asks for "${name}"`);
    const needsQuestion = !slot.optional && slot.type !== "order" && slot.type !== "variant";
    if (needsQuestion && slot.ask === undefined)
      complain("slot", `"${name}" needs the question that asks for it`);
    if ((slot.type === "items" || slot.type === "variant") && slot.from === undefined)
      complain("slot", `"${name}" needs "from": what it is chosen from`);
    if (slot.type === "choice" && slot.from === undefined && slot.options === undefined)
      complain("slot", `"${name}" needs "options" or "from"`);
  }
}

/** Failure paths, and the end. */
function checkPaths(source: PlaybookSource, flow: Flow, found: Diagnostic[]): void {
  for (const node of flow.nodes.values()) {
    const { step } = node;
    for (const label of neededLabels(step, source.def.slots)) {
      if (node.to[label] === undefined)
        found.push(
          source.at(
            [...step.path, step.verb],
            "missing-path",
            `"${step.verb}" has no path for "${label}": say "on: {${label}: …}" here or for the whole playbook`,
          ),
        );
    }
    if (Object.values(node.to).includes(OFF_THE_END))
      found.push(
        source.at(
          step.path,
          "no-end",
          `after this step the playbook runs off its end: add "end" or "handoff"`,
        ),
      );
    const onward = node.to.next ?? node.to.filled ?? node.to.done;
    if (step.verb !== "goto" && onward !== undefined && flow.shared.has(onward))
      found.push(
        source.at(
          step.path,
          "falls-into-failure",
          `after this step the playbook runs into "${onward}", the path for what went wrong: add "end", or "goto: ${onward}" if that is meant`,
        ),
      );
    if (step.verb === "goto" && step.max !== undefined && step.else === undefined)
      found.push(
        source.at([...step.path, "max"], "missing-path", `"max" needs "else": where to go after that`),
      );
  }
}

function checkReached(
  source: PlaybookSource,
  flow: Flow,
  reached: ReadonlySet<string>,
  found: Diagnostic[],
): void {
  for (const node of flow.nodes.values()) {
    // What follows an unreachable step is unreachable as well; one message is enough.
    const first = ![...flow.nodes.values()].some(
      (n) => !reached.has(n.id) && Object.values(n.to).includes(node.id),
    );
    if (!reached.has(node.id) && first)
      found.push(source.at(node.step.path, "unreachable", "no path leads to this step"));
  }
}

/** A circle is allowed only through a `goto` with `max`. */
function checkLoops(source: PlaybookSource, flow: Flow, found: Diagnostic[]): void {
  const state = new Map<string, "open" | "done">();
  const visit = (id: string): void => {
    const node = flow.nodes.get(id);
    if (!node || state.get(id) === "done") return;
    state.set(id, "open");
    for (const [label, next] of Object.entries(node.to)) {
      if (node.step.verb === "goto" && node.step.max !== undefined && label === "next") continue;
      if (state.get(next) === "open")
        found.push(
          source.at(
            node.step.path,
            "unbounded-loop",
            `this leads back to "${next}" without a limit: go there by "goto" with "max" and "else"`,
          ),
        );
      else visit(next);
    }
    state.set(id, "done");
  };
  visit(flow.start);
}
