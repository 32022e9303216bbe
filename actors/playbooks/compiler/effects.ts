/** What steps do: pure functions from what a playbook remembers to what it remembers next and what it sends. */
import { evaluate, parseExpression, truthy } from "../language/expression.ts";
import type { PlaybookDef, StepOf } from "../language/schema.ts";
import { parseTemplate, render, renderValue } from "../language/template.ts";
import type { PlaybookCommand, PlaybookFailure, PlaybookResult, SlotType, TaskStep } from "../protocol.ts";
import { type Failure, type RunContext, scopeOf } from "./context.ts";

export interface Effect {
  readonly context: RunContext;
  readonly commands: readonly PlaybookCommand[];
}

export function text(c: RunContext, template: string, more: Readonly<Record<string, unknown>> = {}): string {
  return render(parseTemplate(template), { ...scopeOf(c), ...more });
}

export function holds(c: RunContext, condition: string): boolean {
  return truthy(evaluate(parseExpression(condition), scopeOf(c)));
}

/** Adds to what will be said next. */
export function draft(c: RunContext, more: string): RunContext {
  if (more === "") return c;
  return { ...c, draft: c.draft === "" ? more : `${c.draft}\n\n${more}` };
}

/** Says what has been kept, if anything. */
export function flush(c: RunContext, quickReplies?: readonly string[]): Effect {
  if (c.draft === "") return { context: c, commands: [] };
  const say: PlaybookCommand = quickReplies?.length
    ? { type: "pb.say", text: c.draft, quickReplies }
    : { type: "pb.say", text: c.draft };
  return { context: { ...c, draft: "" }, commands: [say] };
}

/** Puts a question, after whatever is still to be said. */
export function question(
  c: RunContext,
  step: string,
  what: "ask" | "choose" | "confirm" | "approval",
  words: string,
  slots: readonly SlotType[],
  quickReplies?: readonly string[],
): Effect {
  const said = flush(draft(c, words), quickReplies);
  return { context: said.context, commands: [...said.commands, { type: "pb.expect", slots, step, what }] };
}

/** Fills a nest of templates; what is not known is left out, so that it stays JSON. */
export function fillIn(value: unknown, c: RunContext): unknown {
  if (typeof value === "string") return renderValue(value, scopeOf(c));
  if (Array.isArray(value)) return value.map((v) => fillIn(v, c)).filter((v) => v !== undefined);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value).flatMap(([k, v]) => {
        const filled = fillIn(v, c);
        return filled === undefined ? [] : [[k, filled]];
      }),
    );
  }
  return value;
}

export function call(c: RunContext, step: string, skill: string, input: unknown): Effect {
  const seq = c.seq + 1;
  const name = `${step}-${seq}`;
  return {
    context: { ...c, seq, awaiting: name, error: null },
    commands: [{ type: "pb.call", name, skill, input: input as never }],
  };
}

export function startTask(c: RunContext, id: string, step: StepOf<"task">): Effect {
  const seq = c.seq + 1;
  const name = `${id}-${seq}`;
  const steps = step.steps
    .filter((s) => s.if === undefined || holds(c, s.if))
    .map(
      (s): TaskStep => ({
        skill: s.skill,
        input: fillIn(s.with, c) as never,
        ...(s.compensate
          ? { compensate: { skill: s.compensate.skill, input: fillIn(s.compensate.with, c) as never } }
          : {}),
      }),
    );
  const wanted = step.approval && (step.approval.if === undefined || holds(c, step.approval.if));
  const amount = wanted && step.approval?.amount ? renderValue(step.approval.amount, scopeOf(c)) : undefined;
  const approval =
    wanted && step.approval
      ? { what: text(c, step.approval.what), ...(typeof amount === "number" ? { amount } : {}) }
      : undefined;
  const said = flush(c);
  return {
    context: { ...said.context, seq, awaiting: name, error: null, result: null, approval: null },
    commands: [...said.commands, { type: "pb.task", name, steps, ...(approval ? { approval } : {}) }],
  };
}

/** `not_cancellable: order W1 is delivered` → its reason. */
export function failureOf(error: PlaybookFailure): Failure {
  const message = error.message ?? "";
  const reason = /^([a-z][a-z0-9_]*): /.exec(message)?.[1] ?? "";
  return { code: error.code, reason, message };
}

export function finish(c: RunContext, result: PlaybookResult, outcome?: string): Effect {
  const said = flush(c);
  const commands: PlaybookCommand[] = [...said.commands];
  if (outcome !== undefined) commands.push({ type: "pb.outcome", outcome });
  commands.push({ type: "pb.done", result });
  return { context: said.context, commands };
}

/** What a person who takes over should know. */
export function handOver(c: RunContext, def: PlaybookDef, step: StepOf<"handoff">): Effect {
  const said = flush(c);
  const facts = Object.entries(c.slots)
    .map(([name, value]) => {
      const id = (value as { id?: unknown } | null)?.id;
      const shown = typeof id === "string" ? id : typeof value === "object" ? undefined : String(value);
      return shown === undefined ? undefined : `${name} ${shown}`;
    })
    .filter((x) => x !== undefined);
  const why = c.error ? `; failed: ${c.error.reason || c.error.code}` : "";
  const summary = step.summary ? text(c, step.summary) : "";
  return {
    context: said.context,
    commands: [
      ...said.commands,
      {
        type: "pb.handoff",
        reason: step.reason,
        sentence: text(c, step.handoff),
        summary: summary || `${def.title}${facts.length ? ` (${facts.join(", ")})` : ""}${why}`,
      },
      { type: "pb.done", result: "handed_off" },
    ],
  };
}
