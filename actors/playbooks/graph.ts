/** Draws a playbook: as a Mermaid flow chart, and as the JSON of its machine. */
import type { Compiled } from "./compiler/compile.ts";
import type { FlowNode } from "./compiler/flow.ts";

/** What a step does, short enough for a box. */
function caption({ id, step }: FlowNode): string {
  const cut = (s: string): string => {
    const line = s.replace(/\s+/g, " ").trim();
    return line.length > 48 ? `${line.slice(0, 47)}…` : line;
  };
  switch (step.verb) {
    case "say":
      return `say: ${cut(step.say)}`;
    case "ask":
      return `ask: ${step.ask}`;
    case "call":
      return `call: ${step.call}`;
    case "confirm":
      return `confirm: ${cut(step.confirm)}`;
    case "choose":
      return `choose: ${cut(step.choose)}`;
    case "task":
      return `task: ${step.steps.map((s) => s.skill).join(", ")}${step.approval ? " (approval)" : ""}`;
    case "if":
      return cut(step.if);
    case "handoff":
      return `hand over: ${step.reason}`;
    case "end":
      return `end: ${step.end}`;
    case "goto":
      return `back to ${step.goto}`;
    default:
      return `${step.verb}: ${id}`;
  }
}

const SHAPES: Readonly<Record<string, [string, string]>> = {
  if: ["{", "}"],
  confirm: ["{{", "}}"],
  choose: ["{{", "}}"],
  ask: ["[/", "/]"],
  call: ["[[", "]]"],
  task: ["[[", "]]"],
  end: ["([", "])"],
  handoff: ["([", "])"],
};

/** Text in a Mermaid box: quotes and angle brackets would end it. */
const quoted = (s: string): string => `"${s.replace(/"/g, "'").replace(/[<>]/g, " ").replace(/[{}]/g, "")}"`;

export function mermaid({ flow }: Compiled): string {
  const ids = new Map([...flow.nodes.keys()].reverse().map((id, i) => [id, `n${i}`]));
  const lines = ["flowchart TD"];
  for (const node of [...flow.nodes.values()].reverse()) {
    const [open, close] = SHAPES[node.step.verb] ?? ["[", "]"];
    lines.push(`  ${ids.get(node.id)}${open}${quoted(caption(node))}${close}`);
    for (const [label, target] of Object.entries(node.to)) {
      const plain = ["next", "filled", "done"].includes(label);
      const arrow = plain ? "-->" : `-->|${label.replace(/^=/, "")}|`;
      lines.push(`  ${ids.get(node.id)} ${arrow} ${ids.get(target) ?? "lost"}`);
    }
  }
  return lines.join("\n");
}

/** The states of the compiled machine and their transitions. */
export function machineJson({ name, version, flow, machine }: Compiled): object {
  const states = Object.fromEntries(
    Object.entries(machine.states as Record<string, any>).map(([id, state]) => {
      const on: Record<string, string[]> = {};
      const transitions: { eventType: string; target?: { key: string }[] }[] = [
        ...(state.always ?? []).map((t: object) => ({ ...t, eventType: "always" })),
        ...[...(state.transitions?.values() ?? [])].flat(),
      ];
      for (const t of transitions) {
        const targets = (t.target ?? []).map((x) => x.key);
        on[t.eventType || "always"] = [...new Set([...(on[t.eventType || "always"] ?? []), ...targets])];
      }
      return [id, { ...(state.type === "final" ? { final: true } : {}), on }];
    }),
  );
  return { playbook: name, version, start: flow.start, steps: flow.nodes.size, states };
}
