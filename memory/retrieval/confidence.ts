/**
 * How sure the desk may be that the best passage answers the question: a probability, calibrated for the encoder in use.
 *
 * A logistic model over the evidence of a hit is fitted on a small set of our own questions (`calibration.json`), some
 * with an answer among its articles and some without. Each question that has an answer is asked a second time with
 * its article taken away: what is then best looks alike and is no answer. The articles are about other trades than a
 * shop's, so nothing is learnt about words, only about how much evidence means how much. Evidence counts as far as it
 * exceeds the collection's background: where all articles are about one thing, looking alike says little.
 */
import { readFile } from "node:fs/promises";
import { asset } from "../../runtime/config/paths.ts";
import type { Encoder } from "../encoder/encoder.ts";
import { slices } from "../slices.ts";
import { partsOf } from "./documents.ts";
import { type Background, type Evidence, HybridIndex } from "./hybrid.ts";
import { encodeQuery } from "./query.ts";

export interface Calibration {
  /** Of a constant and of the features, in the order of `features`. */
  readonly weights: readonly number[];
  /** Of the calibration set: stands in as long as a collection is too small to have its own. */
  readonly background: Background;
}

export interface CalibrationSet {
  readonly articles: readonly { readonly id: string; readonly title: string; readonly text: string }[];
  readonly questions: readonly { readonly text: string; readonly answer: string | null }[];
}

export interface Example {
  readonly evidence: Evidence;
  /** Whether the hit was the answer. */
  readonly right: boolean;
}

/** 0 … 1, for a hit of a collection with this background. */
export function confidence(
  { weights, background }: Calibration,
  evidence: Evidence,
  own: Background,
): number {
  const values = features(evidence, blended(own, background));
  const sum = values.reduce((total, value, i) => total + value * weights[i + 1]!, weights[0]!);
  return 1 / (1 + Math.exp(-sum));
}

/** Scaled so that one step of each is worth about as much. */
function features({ cosine, prominence, coverage, lead }: Evidence, background: Background): number[] {
  return [(cosine - background.cosine) * 4, prominence, (coverage - background.coverage) * 2, lead * 4];
}

/** A background of few titles is drawn towards the usual one. */
function blended(own: Background, usual: Background): Background {
  const share = own.asked / (own.asked + 10);
  return {
    cosine: share * own.cosine + (1 - share) * usual.cosine,
    coverage: share * own.coverage + (1 - share) * usual.coverage,
    asked: own.asked,
  };
}

export async function shippedCalibrationSet(): Promise<CalibrationSet> {
  return JSON.parse(
    await readFile(asset("memory", "retrieval", "calibration.json"), "utf8"),
  ) as CalibrationSet;
}

/** Asks the questions and notes what came first and whether it was right. */
export async function examplesOf(
  set: CalibrationSet,
  encoder: Encoder | undefined,
): Promise<{ examples: Example[]; background: Background }> {
  const rest = slices();
  const index = new HybridIndex();
  for (const { id, title, text } of set.articles) {
    await rest();
    index.add({ id, title, text, vectors: await encoder?.encode(partsOf(title, text).texts) });
  }
  await encoder?.encode(set.questions.map(({ text }) => text));
  const examples: Example[] = [];
  for (const { text, answer } of set.questions) {
    await rest();
    const query = await encodeQuery(text, encoder);
    const [best] = index.search(query, { k: 1 });
    if (best) examples.push({ evidence: best.evidence, right: best.id === answer });
    if (answer === null) continue;
    const [without] = index.search(query, { k: 1, allow: (id) => id !== answer });
    if (without) examples.push({ evidence: without.evidence, right: false });
  }
  return { examples, background: await index.measureBackground(rest) };
}

/** Logistic regression with a little regularisation, by gradient descent; the same examples give the same weights. */
export async function calibration(
  examples: readonly Example[],
  background: Background,
): Promise<Calibration> {
  const rest = slices();
  const rows = examples.map(({ evidence, right }) => ({
    x: [1, ...features(evidence, background)],
    y: right ? 1 : 0,
  }));
  const weights = rows[0]!.x.map(() => 0);
  for (let step = 0; step < 3_000; step++) {
    await rest();
    const gradient = weights.map((weight, i) => (i === 0 ? 0 : 0.01 * weight));
    for (const { x, y } of rows) {
      let sum = 0;
      for (let i = 0; i < x.length; i++) sum += x[i]! * weights[i]!;
      const error = 1 / (1 + Math.exp(-sum)) - y;
      for (let i = 0; i < x.length; i++) gradient[i]! += (error * x[i]!) / rows.length;
    }
    for (const [i, slope] of gradient.entries()) weights[i]! -= 0.3 * slope;
  }
  return { weights: weights.map((weight) => Math.round(weight * 1e4) / 1e4), background };
}

/** For an encoder, or for words alone. Encodes some 120 short texts. */
export async function calibrate(encoder: Encoder | undefined): Promise<Calibration> {
  const { examples, background } = await examplesOf(await shippedCalibrationSet(), encoder);
  return calibration(examples, background);
}
