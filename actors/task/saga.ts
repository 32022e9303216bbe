/**
 * The saga: steps in order, each under a key that stays the same however often it is tried; on failure what was done is
 * taken back in reverse. Functions on one fold's copy of the state; `machine.ts` carries out what they collect.
 */
import { address } from "../../runtime/address.ts";
import { type ActorEvent, ask, type Effect, tell } from "../../runtime/host/machine.ts";
import { copyJson, type Json, type JsonObject } from "../../runtime/json.ts";
import type { Task, TaskError, TaskSettings } from "./context.ts";

export class TaskFold {
  readonly t: Task;
  readonly effects: Effect[] = [];

  constructor(
    state: Task,
    readonly event: ActorEvent,
    readonly settings: TaskSettings,
  ) {
    this.t = copyJson(state);
  }

  tell(type: string, data: JsonObject): void {
    const { t } = this;
    this.effects.push(
      tell(address("conversation", t.conversation), type, { taskId: t.id, name: t.name, ...data }),
    );
  }
}

export function started(f: TaskFold): void {
  const { t } = f;
  const { name, label, steps, approval } = f.event.data ?? {};
  t.name = String(name ?? "");
  t.label = String(label ?? name ?? "");
  t.steps = Array.isArray(steps) ? copyJson(steps) : [];
  if (approval) {
    t.approval = copyJson(approval);
    t.phase = "approving";
    f.tell("task.approval", { approvalId: approvalId(t), ...(approval as JsonObject) });
    return;
  }
  attempt(f);
}

const approvalId = (t: Task): string => `${t.id}-a`;

export function approved(f: TaskFold): void {
  if (f.event.data?.approvalId !== approvalId(f.t)) return;
  f.t.approved = approvalId(f.t);
  attempt(f);
}

export function declined(f: TaskFold): void {
  if (f.event.data?.approvalId !== approvalId(f.t)) return;
  const note = String(f.event.data.note ?? "");
  report(f, { code: "declined", message: note || "not approved" });
  f.t.phase = "finished";
}

export function approvalTimedOut(f: TaskFold): void {
  report(f, { code: "approval_timeout", message: "nobody decided in time" });
  f.t.phase = "finished";
}

/** The action at hand: a step, or what takes it back. */
function action(t: Task): { skill: string; input: JsonObject } | undefined {
  const step = t.steps[t.index];
  return t.direction === "do" ? step : step?.compensate;
}

/** Stable over retries, restarts and replays; another one for taking it back. */
export function keyOf(t: Task): string {
  if (t.direction === "undo") return `${t.id}-${t.index}-undo`;
  return t.steps[t.index]?.key ?? `${t.id}-${t.index}`;
}

/** Tries the action at hand; when there is none left, the task is over. */
export function attempt(f: TaskFold): void {
  const { t } = f;
  skipWhatCannotBeUndone(t);
  const next = action(t);
  if (!next) {
    over(f);
    return;
  }
  t.attempt += 1;
  const dot = next.skill.indexOf(".");
  const operation = next.skill.slice(dot + 1).replaceAll(".", "_");
  send(f, "step", next.skill.slice(0, dot), operation, inputOf(f, next), f.settings.options.stepMs, keyOf(t));
  t.phase = "running";
}

/** An approval is named to the skill that wants to know under which one it acts. */
function inputOf(f: TaskFold, next: { skill: string; input: JsonObject }): JsonObject {
  const { t } = f;
  const takes = f.settings.skills.get(next.skill)?.inputs?.optional.includes("approval");
  if (!t.approved || !takes || t.direction === "undo") return next.input;
  return { ...next.input, approval: t.approved };
}

function send(
  f: TaskFold,
  what: "step" | "lookup",
  service: string,
  operation: string,
  input: JsonObject,
  timeoutMs: number,
  key?: string,
): void {
  f.t.asks += 1;
  const name = `${what}.${f.t.asks}`;
  f.t.open = { name, what };
  f.effects.push(ask(name, service, operation, input, key ? { timeoutMs, key } : { timeoutMs }));
}

/** Steps that were done and have nothing that takes them back stay done. */
function skipWhatCannotBeUndone(t: Task): void {
  while (t.direction === "undo" && t.index >= 0 && !t.steps[t.index]?.compensate) {
    const skill = t.steps[t.index]?.skill;
    if (skill && t.results[t.index] !== undefined) t.left.push(skill);
    t.index -= 1;
  }
}

/** Takes the answer to the open ask; others are late. */
export function answered(f: TaskFold): void {
  const { t, event } = f;
  const dot = event.type.lastIndexOf(".");
  const { open } = t;
  if (!open || event.type.slice(0, dot) !== open.name) return;
  t.open = undefined;
  const ok = event.type.slice(dot + 1) === "done";
  if (open.what === "step") {
    if (ok) done(f, event.data ?? null);
    else failed(f, errorOf(event.data));
  } else lookedUp(f, ok, event.data);
}

function errorOf(data: any): TaskError {
  return {
    code: String(data?.code ?? "failed"),
    message: String(data?.message ?? ""),
    retryable: data?.retryable === true,
  };
}

function done(f: TaskFold, value: JsonObject | null): void {
  const { t } = f;
  if (t.direction === "do") {
    t.results[t.index] = value;
    t.index += 1;
  } else t.index -= 1;
  t.attempt = 0;
  attempt(f);
}

/** The effect may have happened although the answer says nothing of it. */
const UNCERTAIN = new Set(["timeout", "unknown_outcome"]);

function failed(f: TaskFold, error: TaskError): void {
  const { t } = f;
  const skill = f.settings.skills.get(action(t)!.skill);
  const write = skill?.effect !== "read";
  const uncertain = UNCERTAIN.has(error.code) || (error.code === "failed" && error.retryable === true);
  const safe = !write || skill?.honoursKeys === true || !uncertain;
  const again = error.code === "timeout" || error.retryable === true;
  if (t.direction === "do") t.error = error;
  if (again && safe && t.attempt < f.settings.options.attempts) {
    t.phase = "backingOff";
    return;
  }
  if (uncertain && write) {
    // An agent that says so itself has looked already.
    if (skill?.lookup && error.code !== "unknown_outcome") lookUp(f);
    else park(f);
    return;
  }
  givenUp(f, error);
}

function lookUp(f: TaskFold): void {
  const { skill } = action(f.t)!;
  const service = skill.slice(0, skill.indexOf("."));
  send(f, "lookup", service, "lookup", { key: keyOf(f.t) }, f.settings.options.lookupMs);
  f.t.phase = "lookingUp";
}

/** What came of a key: done with a result, refused, not done, or nobody can say (`found` is then no boolean). */
function lookedUp(f: TaskFold, ok: boolean, data: any): void {
  const { t } = f;
  if (!ok || typeof data?.found !== "boolean" || data.unknown === true) {
    park(f);
    return;
  }
  if (data.found) {
    const known = data.result ?? null;
    // A back office tells how it ended beside the result; others give the result alone.
    const told = known !== null && typeof known.operation === "string" && typeof known.outcome === "string";
    if (told && known.outcome === "refused") givenUp(f, errorOf(known.result));
    else done(f, told ? (known.result ?? null) : known);
    return;
  }
  if (t.attempt < f.settings.options.attempts) {
    t.phase = "backingOff";
    return;
  }
  givenUp(f, t.error ?? { code: "failed", message: "not done" });
}

/** The action cannot be done: forward, everything is taken back; backward, it stays and the rest is taken back. */
function givenUp(f: TaskFold, error: TaskError): void {
  const { t } = f;
  if (t.direction === "undo") {
    // What cannot be taken back is for a person to look at, like everything whose state is not what it should be.
    park(f);
    return;
  }
  t.error = error;
  t.direction = "undo";
  t.index -= 1;
  t.attempt = 0;
  attempt(f);
}

/** Nobody knows, or nobody could: a person decides. The conversation is not kept waiting for him. */
function park(f: TaskFold): void {
  const { t } = f;
  const { skill } = action(t)!;
  t.unknown = { id: `${keyOf(t)}-u${t.asks}`, skill, key: keyOf(t) };
  const code = t.error?.code ?? "unknown_outcome";
  f.effects.push(
    tell(f.settings.orchestrator, "task.unknown", {
      unknownId: t.unknown.id,
      conversation: t.conversation,
      taskId: t.id,
      task: t.name,
      skill,
      key: t.unknown.key,
      direction: t.direction,
      code,
    }),
  );
  const message = `it is not known whether ${skill} was done`;
  report(f, t.direction === "undo" && t.error ? t.error : { code: "unknown_outcome", message });
  t.phase = "unknown";
}

/** A person has looked into it. */
export function resolved(f: TaskFold): void {
  const { t } = f;
  const { unknownId, outcome } = f.event.data ?? {};
  if (!t.unknown || (unknownId !== undefined && unknownId !== t.unknown.id)) return;
  f.effects.push(
    tell(f.settings.orchestrator, "task.known", { unknownId: t.unknown.id, outcome: String(outcome) }),
  );
  t.unknown = undefined;
  t.attempt = 0;
  if (outcome === "retry") attempt(f);
  else if (outcome === "done") done(f, null);
  else if (t.direction === "do") givenUp(f, t.error ?? { code: "failed", message: "not done" });
  else {
    t.left.push(action(t)!.skill);
    t.index -= 1;
    attempt(f);
  }
}

function over(f: TaskFold): void {
  const { t } = f;
  report(f, t.direction === "undo" ? (t.error ?? { code: "failed", message: "" }) : undefined);
  t.phase = "finished";
}

/** Tells the conversation how it ended, once; what comes out later is told as news. */
function report(f: TaskFold, error: TaskError | undefined): void {
  const { t } = f;
  if (t.reported) {
    if (t.unknown === undefined) f.tell("task.settled", { ok: !error, label: t.label });
    return;
  }
  t.reported = true;
  if (!error) {
    const last = t.results.at(-1);
    const result: Record<string, Json> = { ...(last ?? {}), steps: t.results };
    if (t.approved) result.approvalId = t.approved;
    f.tell("task.finished", { ok: true, result });
    return;
  }
  const compensated = !t.unknown && t.left.length === 0;
  const { code, message } = error;
  f.tell("task.finished", {
    ok: false,
    error: { code, message, retryable: error.retryable ?? false },
    compensated,
    ...(t.left.length > 0 ? { left: t.left } : {}),
  });
}

/** One of its records was given up on: what it was doing may or may not have been done. */
export function brokenDown(f: TaskFold): void {
  const { t } = f;
  t.open = undefined;
  if (t.phase === "finished" || t.phase === "unknown") return;
  t.error ??= { code: "failed", message: "the task broke down" };
  if (action(t) && t.phase !== "idle" && t.phase !== "approving") park(f);
  else {
    report(f, t.error);
    t.phase = "finished";
  }
}
