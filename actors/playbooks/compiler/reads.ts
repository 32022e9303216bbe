/** Everything that a step reads: its texts, its conditions, the inputs of its skills. */
import { type Expression, ExpressionError, parseExpression } from "../language/expression.ts";
import type { Path } from "../language/read.ts";
import type { PlaybookDef, SlotDef, Step } from "../language/schema.ts";
import { expressionsOf, parseTemplate, TemplateError } from "../language/template.ts";

export interface Read {
  readonly path: Path;
  readonly value: Expression;
  /**
   * `text`: what is missing would leave a gap. `condition`: what is missing makes it false. `input`: what is missing is
   * left out. `optional`: stands in `[[ ]]`.
   */
  readonly use: "text" | "condition" | "input" | "optional";
  /** Names that only this text knows. */
  readonly local?: readonly string[];
}

export type Complain = (path: Path, code: string, message: string) => void;

/** Reads of a step, with those of the slot that it asks for. Texts that cannot be read are complained about. */
export function readsOf(step: Step, def: PlaybookDef, complain: Complain): Read[] {
  const out: Read[] = [];
  const text = (
    source: string | undefined,
    path: Path,
    use: "text" | "input" = "text",
    local?: string[],
  ): void => {
    if (source === undefined) return;
    try {
      for (const e of expressionsOf(parseTemplate(source)))
        out.push({ path, value: e.value, use: e.optional ? "optional" : use, ...(local ? { local } : {}) });
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      complain(path, "template", error.message);
    }
  };
  const condition = (
    source: string | undefined,
    path: Path,
    use: "condition" | "input" = "condition",
  ): void => {
    if (source === undefined) return;
    try {
      out.push({ path, value: parseExpression(source), use });
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      complain(path, "expression", `${JSON.stringify(source)}: ${error.message}`);
    }
  };
  const nest = (value: unknown, path: Path): void => {
    if (typeof value === "string") text(value, path, "input");
    else if (Array.isArray(value)) for (const [i, v] of value.entries()) nest(v, [...path, i]);
    else if (typeof value === "object" && value !== null)
      for (const [k, v] of Object.entries(value)) nest(v, [...path, k]);
  };
  const at = (...more: (string | number)[]): Path => [...step.path, ...more];

  switch (step.verb) {
    case "say":
      text(step.say, at("say"));
      break;
    case "confirm":
      text(step.confirm, at("confirm"));
      text(step.reprompt, at("reprompt"));
      break;
    case "choose":
      text(step.choose, at("choose"));
      text(step.reprompt, at("reprompt"));
      break;
    case "call":
      nest(step.with, at("with"));
      break;
    case "task":
      for (const [i, s] of step.steps.entries()) {
        nest(s.with, at("steps", i, "with"));
        condition(s.if, at("steps", i, "if"));
        if (s.compensate) nest(s.compensate.with, at("steps", i, "compensate", "with"));
      }
      if (step.approval) {
        condition(step.approval.if, at("approval", "if"));
        text(step.approval.what, at("approval", "what"));
        text(step.approval.amount, at("approval", "amount"), "input");
        text(step.approval.sentence, at("approval", "sentence"));
      }
      break;
    case "if":
      condition(step.if, at("if"));
      break;
    case "handoff":
      text(step.handoff, at("handoff"));
      text(step.summary, at("summary"));
      break;
    case "remember":
      text(step.text, at("text"));
      nest(step.value, at("value"));
      break;
    case "offer":
      text(step.title, at("title"));
      text(step.text, at("text"));
      nest(step.value, at("value"));
      break;
    case "set":
      for (const [name, e] of Object.entries(step.set)) condition(e, at("set", name), "input");
      break;
    case "ask":
      slotReads(step.ask, def.slots[step.ask], text, condition);
      break;
    case "goto":
    case "clear":
    case "end":
      break;
  }
  return out;
}

function slotReads(
  name: string,
  slot: SlotDef | undefined,
  text: (source: string | undefined, path: Path, use?: "text" | "input", local?: string[]) => void,
  condition: (source: string | undefined, path: Path, use?: "condition" | "input") => void,
): void {
  if (!slot) return;
  const at = (...more: (string | number)[]): Path => ["slots", name, ...more];
  const local = slot.type === "variant" ? ["pool", "item"] : [];
  for (const key of ["ask", "reprompt", "which", "refuse", "offer"] as const)
    text(slot[key], at(key), "text", local);
  condition(slot.from, at("from"), "input");
  condition(slot.except, at("except"), "input");
  for (const [i, path] of (slot.known ?? []).entries()) condition(path, at("known", i), "input");
}
