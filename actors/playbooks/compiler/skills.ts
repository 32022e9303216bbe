/** Checks the use of skills: they exist, get what they need, and what is consequential is wanted and can be taken back. */
import { type Diagnostic, didYouMean } from "../language/diagnostics.ts";
import type { Path, PlaybookSource } from "../language/read.ts";
import type { StepOf } from "../language/schema.ts";
import type { SkillCatalog, SkillFacts } from "../protocol.ts";
import type { Flow, FlowNode } from "./flow.ts";
import { CONFIRMED, knowledge } from "./knowledge.ts";

/** Codes that every ask can fail with. */
const CODES = [
  "timeout",
  "unavailable",
  "not_found",
  "forbidden",
  "conflict",
  "invalid",
  "unknown_outcome",
  "failed",
] as const;

export function checkSkills(
  source: PlaybookSource,
  flow: Flow,
  skills: SkillCatalog,
  found: Diagnostic[],
): void {
  const known = knowledge(source, flow);
  const complain = (path: Path, code: string, message: string): void => {
    found.push(source.at(path, code, message));
  };
  const get = (name: string, path: Path): SkillFacts | undefined => {
    const facts = skills.get(name);
    if (!facts)
      complain(
        path,
        "unknown-skill",
        `there is no skill "${name}"${didYouMean(name, skills.names?.() ?? [])}`,
      );
    return facts;
  };
  for (const node of flow.nodes.values()) {
    const { step } = node;
    if (step.verb === "call") {
      const facts = get(step.call, [...step.path, "call"]);
      if (!facts) continue;
      if (facts.effect === "write")
        complain(
          [...step.path, "call"],
          "write-in-call",
          `${step.call} changes something: do it in a "task"`,
        );
      checkInputs(step.call, facts, step.with, [...step.path, "with"], complain);
      checkCodes(node, [facts], complain);
    } else if (step.verb === "task") {
      const wanted = known.get(node.id)?.has(CONFIRMED) === true;
      const facts = step.steps.flatMap((s, i) => get(s.skill, [...step.path, "steps", i, "skill"]) ?? []);
      checkCodes(node, facts, complain);
      checkTask(step, wanted, skills, get, complain);
    } else if (step.verb === "ask") {
      const type = source.def.slots[step.ask]?.type;
      const used =
        type === "order" ? ["orders.match", "orders.list"] : type === "variant" ? ["catalog.variants"] : [];
      checkCodes(
        node,
        used.flatMap((n) => get(n, [...step.path, "ask"]) ?? []),
        complain,
      );
    } else checkCodes(node, [], complain);
  }
}

type Complain = (path: Path, code: string, message: string) => void;

function checkTask(
  step: StepOf<"task">,
  confirmed: boolean,
  skills: SkillCatalog,
  get: (name: string, path: Path) => SkillFacts | undefined,
  complain: Complain,
): void {
  const approved = step.approval !== undefined && step.approval.if === undefined;
  step.steps.forEach((s, i) => {
    const path = [...step.path, "steps", i];
    const facts = skills.get(s.skill);
    if (!facts) return;
    if (facts.effect === "read")
      complain([...path, "skill"], "read-in-task", `${s.skill} only reads: use "call"`);
    checkInputs(s.skill, facts, s.with, [...path, "with"], complain);
    if (facts.consequential && !confirmed && !approved)
      complain(
        [...path, "skill"],
        "unconfirmed",
        `${s.skill} has consequences: "confirm" it on every way to here, or let a person approve it`,
      );
    if (facts.consequential && !s.compensate && !s.irreversible)
      complain(
        [...path, "skill"],
        "no-compensation",
        facts.compensatedBy
          ? `${s.skill} needs "compensate: {skill: ${facts.compensatedBy}, …}"`
          : `nothing takes ${s.skill} back: say why that is right in "irreversible"`,
      );
    if (s.compensate) {
      const back = get(s.compensate.skill, [...path, "compensate", "skill"]);
      if (back)
        checkInputs(s.compensate.skill, back, s.compensate.with, [...path, "compensate", "with"], complain);
      if (facts.compensatedBy && facts.compensatedBy !== s.compensate.skill)
        complain(
          [...path, "compensate", "skill"],
          "no-compensation",
          `${s.skill} is taken back by ${facts.compensatedBy}, not by ${s.compensate.skill}`,
        );
    }
  });
}

function checkInputs(
  name: string,
  facts: SkillFacts,
  given: Readonly<Record<string, unknown>>,
  path: Path,
  complain: Complain,
): void {
  if (!facts.inputs) return;
  const all = [...facts.inputs.required, ...facts.inputs.optional];
  for (const key of Object.keys(given))
    if (!all.includes(key))
      complain([...path, key], "skill-input", `${name} has no input "${key}"${didYouMean(key, all)}`);
  for (const key of facts.inputs.required)
    if (!Object.hasOwn(given, key)) complain(path, "skill-input", `${name} needs the input "${key}"`);
}

/** Ways on that nothing can ever take. */
function checkCodes(node: FlowNode, facts: readonly SkillFacts[], complain: Complain): void {
  const { step } = node;
  if (!("on" in step) || !step.on) return;
  const own: string[] = [];
  if (step.verb === "ask") own.push("unclear", "none", "failed");
  if (step.verb === "confirm" || step.verb === "choose") own.push("unclear");
  if (step.verb === "task") own.push("declined", "approval_timeout");
  const calls = facts.length > 0;
  const codes = calls
    ? [...CODES, ...facts.flatMap((f) => [...(f.failureCodes ?? []), ...(f.reasons ?? [])])]
    : [];
  for (const label of Object.keys(step.on)) {
    if (!own.includes(label) && !codes.includes(label) && !(label === "failed" && calls))
      complain(
        [...step.path, "on", label],
        "unknown-code",
        `"${step.verb}" never fails with "${label}"${didYouMean(label, [...own, ...codes])}`,
      );
  }
}
