/** Scores the classifier on labelled utterances. */
import type { Encoder } from "../types.ts";
import { auroc, calibrationError } from "./calibration.ts";
import { type Example, IntentClassifier } from "./classifier.ts";
import type { Row } from "./csv.ts";
import { chooseThreshold } from "./threshold.ts";

export interface IntentScores {
  /** Of all test rows; an out-of-scope row is right when it is turned away. */
  readonly accuracy: number;
  /** Of the in-scope rows: kept and right. */
  readonly inScopeAccuracy: number;
  /** The same if none were turned away. */
  readonly inScopeAccuracyUnthresholded: number;
  /** Share of the out-of-scope rows that are turned away; null when there are none. */
  readonly oosRecall: number | null;
  /** Share of out-of-scope rows among those turned away; null when none are. */
  readonly oosPrecision: number | null;
  readonly auroc: number | null;
  /** Expected calibration error of the confidence over in-scope rows, ten bins. */
  readonly ece: number;
  /** Score below which a row is turned away; 0 without an out-of-scope label. Chosen on held-out rows. */
  readonly threshold: number;
  /** One text, encoding included. */
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly trainMs: number;
  readonly rows: { readonly train: number; readonly validation: number; readonly test: number };
}

export interface EvaluationInput {
  readonly train: readonly Row[];
  readonly test: readonly Row[];
  /** Without them the threshold is chosen on training rows that are held out in turn. */
  readonly valid?: readonly Row[];
  /** Label of rows that are outside of what is known. */
  readonly oos?: string;
}

const BATCH = 64;

export async function evaluateIntents(
  input: EvaluationInput,
  encoder: Encoder,
  progress: (what: string, done?: number, all?: number) => void = () => {},
): Promise<IntentScores> {
  const train = await encodeRows(input.train, encoder, (done) =>
    progress("encoding", done, input.train.length),
  );
  const valid = input.valid && (await encodeRows(input.valid, encoder, () => {}));
  progress("training");
  const started = performance.now();
  const classifier = await IntentClassifier.train(train, { outside: input.oos, validation: valid });
  const trainMs = performance.now() - started;
  const threshold = input.oos === undefined ? 0 : chooseThreshold(classifier.heldOut);

  const times: number[] = [];
  const results = [];
  for (const [i, { text, label }] of input.test.entries()) {
    const from = performance.now();
    const [vector] = await encoder.encode([text]);
    const prediction = classifier.predict(text, vector!);
    times.push(performance.now() - from);
    results.push({ label, prediction, kept: prediction.inside >= threshold });
    if (i % 50 === 0) progress("testing", i, input.test.length);
  }
  times.sort((a, b) => a - b);

  const outside = results.filter((r) => r.label === input.oos);
  const within = results.filter((r) => r.label !== input.oos);
  const turnedAway = results.filter((r) => !r.kept);
  const best = within.map((r) => r.prediction.label === r.label);
  const right = within.filter((r, i) => best[i] && r.kept).length;
  const recalled = outside.filter((r) => !r.kept).length;
  return {
    accuracy: (right + recalled) / results.length,
    inScopeAccuracy: within.length ? right / within.length : 0,
    inScopeAccuracyUnthresholded: within.length ? best.filter(Boolean).length / within.length : 0,
    oosRecall: outside.length ? recalled / outside.length : null,
    oosPrecision: outside.length && turnedAway.length ? recalled / turnedAway.length : null,
    auroc:
      outside.length && within.length
        ? auroc(
            within.map((r) => r.prediction.inside),
            outside.map((r) => r.prediction.inside),
          )
        : null,
    ece: calibrationError(
      within.map((r) => r.prediction.confidence),
      best,
    ),
    threshold,
    p50Ms: times[Math.floor(times.length * 0.5)]!,
    p95Ms: times[Math.floor(times.length * 0.95)]!,
    trainMs,
    rows: { train: input.train.length, validation: input.valid?.length ?? 0, test: input.test.length },
  };
}

async function encodeRows(
  rows: readonly Row[],
  encoder: Encoder,
  progress: (done: number) => void,
): Promise<Example[]> {
  const examples: Example[] = [];
  for (let i = 0; i < rows.length; i += BATCH) {
    const batch = rows.slice(i, i + BATCH);
    const vectors = await encoder.encode(batch.map((r) => r.text));
    for (const [j, row] of batch.entries()) examples.push({ ...row, vector: vectors[j]! });
    progress(i);
  }
  return examples;
}
