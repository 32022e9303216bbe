/** `step`: a recording record by record, with the state and what changed in it at each. */
import { writeFile } from "node:fs/promises";
import { playbookDirs } from "../../actors/playbooks/index.ts";
import type { CliEnv, Colors } from "../../runtime/config/cli.ts";
import { UsageError } from "../../runtime/config/errors.ts";
import { FrozenDesk, type SeenStep, stepsHtml, stepsOf } from "../../scenarios/frozen/index.ts";
import { only } from "./recordings.ts";

export interface StepFlags {
  readonly at?: number;
  readonly html?: string;
}

/** Changes that are named in a line of the terminal. */
const NAMED = 4;

export async function step(env: CliEnv, file: string, { at, html }: StepFlags): Promise<void> {
  const recording = await only(file);
  const desk = new FrozenDesk({ playbooks: playbookDirs(env.config().playbooks) });
  const { steps, result } = await stepsOf(recording, desk).finally(() => desk.close());
  const shown = at === undefined ? steps : steps.filter(({ step: n }) => n === at);
  if (shown.length === 0)
    throw new UsageError(`${recording.header.id} has ${steps.length} steps, and no step ${at}`);
  if (html !== undefined) await writeFile(html, stepsHtml(recording.header.id, steps), { mode: 0o600 });
  if (result.status !== "passed") {
    env.fail();
    env.err(`it ends there: ${result.divergence?.what ?? result.status}`);
  }
  const { id } = recording.header;
  env.out({ id, status: result.status, steps: shown }, () => {
    const c = env.colors;
    return shown.flatMap((each) => (at === undefined ? [lineOf(each, c)] : whole(each, c))).join("\n");
  });
}

function lineOf({ step: n, actor, words, before, value, changed }: SeenStep, c: Colors): string {
  const moved =
    text(before) === text(value) ? c.dim(text(value)) : c.cyan(`${text(before)} → ${text(value)}`);
  const names = changed.slice(0, NAMED).map(({ path }) => path);
  const more = changed.length > NAMED ? ` +${changed.length - NAMED}` : "";
  return [
    `${String(n).padStart(4)}  ${actor.split("/")[0]!.padEnd(12)} ${words.replace(/\s+/g, " ")}`,
    `      ${moved}  ${c.dim(`${names.join(", ")}${more}`)}`,
  ].join("\n");
}

/** One step with all of the context. */
function whole(each: SeenStep, c: Colors): string[] {
  const { at, actor, children, changed, context, timers } = each;
  return [
    lineOf(each, c),
    c.dim(`      ${actor} at ${at}`),
    ...Object.entries(children).map(([id, value]) => `      child ${id}: ${text(value)}`),
    ...Object.entries(timers).map(([key, ms]) => `      timer ${key} in ${Math.round(ms / 1_000)} s`),
    ...changed.map(
      ({ path, first, other }) => `      ${path}: ${c.red(text(first))} → ${c.green(text(other))}`,
    ),
    JSON.stringify(context, null, 2),
  ];
}

function text(value: unknown): string {
  if (value === undefined || value === null) return "–";
  return typeof value === "string" ? value : JSON.stringify(value);
}
