/** What `eval intents` does. */
import { encoderOptions, openEncoder } from "../../../memory/encoder/index.ts";
import type { CliEnv } from "../../../runtime/config/cli.ts";
import { UsageError } from "../../../runtime/config/errors.ts";
import { TrainingError } from "./classifier.ts";
import { type Row, readRows } from "./csv.ts";
import { evaluateIntents, type IntentScores } from "./evaluate.ts";

export interface EvalIntentsOptions {
  readonly train: string;
  readonly test: string;
  readonly valid?: string;
  readonly oos?: string;
}

export async function runEvalIntents(options: EvalIntentsOptions, env: CliEnv): Promise<void> {
  const [train, test, valid] = await Promise.all([
    readRows(options.train),
    readRows(options.test),
    options.valid ? readRows(options.valid) : undefined,
  ]);
  warnOfUnknown(train, test, valid, options, env);
  const encoder = await openEncoder(encoderOptions(env.config().encoder));
  const progress = env.progress("intents");
  try {
    const scores = await evaluateIntents(
      { train, test, valid, oos: options.oos },
      encoder,
      (what, done, all) => progress.update(what, done, all),
    );
    progress.end();
    env.out({ ...scores, encoder: encoder.id }, () => table(scores));
  } catch (error) {
    progress.end();
    if (error instanceof TrainingError) throw new UsageError(`${options.train}: ${error.message}`);
    throw error;
  } finally {
    await encoder.close();
  }
}

/** A label that was never trained can only be missed: most likely a spelling, or a forgotten --oos. */
function warnOfUnknown(
  train: readonly Row[],
  test: readonly Row[],
  valid: readonly Row[] | undefined,
  options: EvalIntentsOptions,
  env: CliEnv,
): void {
  const known = new Set(train.map((r) => r.label));
  for (const [file, rows] of [
    [options.test, test],
    [options.valid, valid ?? []],
  ] as const) {
    const unknown = rows.filter((r) => !known.has(r.label) && r.label !== options.oos);
    if (unknown.length === 0) continue;
    env.err(
      `${file}: ${unknown.length} rows have labels that ${options.train} lacks (such as "${unknown[0]!.label}"): ` +
        "they count as wrong. If they are out of scope, say so with --oos LABEL.",
    );
  }
}

function table(s: IntentScores): string {
  const percent = (value: number | null): string => (value === null ? "-" : `${(100 * value).toFixed(1)} %`);
  const lines: [string, string][] = [
    ["rows (train, validation, test)", `${s.rows.train}, ${s.rows.validation}, ${s.rows.test}`],
    ["accuracy", percent(s.accuracy)],
    ["in-scope accuracy", percent(s.inScopeAccuracy)],
    ["  if none were turned away", percent(s.inScopeAccuracyUnthresholded)],
    ["out-of-scope recall", percent(s.oosRecall)],
    ["out-of-scope precision", percent(s.oosPrecision)],
    ["AUROC", s.auroc === null ? "-" : s.auroc.toFixed(3)],
    ["expected calibration error", s.ece.toFixed(3)],
    ["threshold", s.threshold.toFixed(3)],
    ["one text, p50 / p95", `${s.p50Ms.toFixed(1)} / ${s.p95Ms.toFixed(1)} ms`],
    ["training", `${(s.trainMs / 1000).toFixed(1)} s`],
  ];
  return lines.map(([name, value]) => `${name.padEnd(34)}${value}`).join("\n");
}
