/**
 * Multinomial logistic regression over sparse vectors, by stochastic gradients with per-weight steps (Adagrad). The order
 * of the examples comes from a seed, so equal examples give equal weights on every machine.
 */

import { breathe } from "./breathe.ts";
import type { SparseVector } from "./lexical.ts";

export interface RegressionOptions {
  /** Passes over the examples. Default 20 for up to 5,000 examples, 8 above. */
  readonly epochs?: number;
  /** Length of the first step. Default 0.5. */
  readonly rate?: number;
  /** Seed of the order. Default 1. */
  readonly seed?: number;
}

/** Gradients smaller than this move nothing that counts; leaving them out saves most of the work of later passes. */
const NEGLIGIBLE = 1e-4;

export class MultinomialRegression {
  constructor(
    readonly classes: number,
    /** `weights[feature * classes + class]`. */
    readonly weights: Float32Array,
    readonly bias: Float32Array,
  ) {}

  /** @param targets class of each example, 0 … classes-1. Lets others run every few milliseconds. */
  static async train(
    examples: readonly SparseVector[],
    targets: readonly number[],
    classes: number,
    features: number,
    options: RegressionOptions = {},
  ): Promise<MultinomialRegression> {
    const epochs = options.epochs ?? (examples.length <= 5_000 ? 20 : 8);
    const rate = options.rate ?? 0.5;
    const random = seeded(options.seed ?? 1);
    const model = new MultinomialRegression(
      classes,
      new Float32Array(features * classes),
      new Float32Array(classes),
    );
    const { weights, bias } = model;
    const squares = new Float32Array(features * classes).fill(0.01);
    const order = examples.map((_, i) => i);
    const scores = new Float32Array(classes);
    const moving = new Int32Array(classes);
    const pause = breathe();
    for (let epoch = 0; epoch < epochs; epoch++) {
      shuffle(order, random);
      for (const i of order) {
        const { indices, values } = examples[i]!;
        softmax(model.scores(examples[i]!, scores));
        scores[targets[i]!]! -= 1;
        let count = 0;
        for (let k = 0; k < classes; k++) if (Math.abs(scores[k]!) > NEGLIGIBLE) moving[count++] = k;
        for (let j = 0; j < indices.length; j++) {
          const row = indices[j]! * classes;
          const value = values[j]!;
          for (let a = 0; a < count; a++) {
            const k = moving[a]!;
            const gradient = scores[k]! * value;
            const at = row + k;
            squares[at]! += gradient * gradient;
            weights[at]! -= (rate * gradient) / Math.sqrt(squares[at]!);
          }
        }
        for (let a = 0; a < count; a++) bias[moving[a]!]! -= 0.01 * scores[moving[a]!]!;
        if (pause.due()) await pause.take();
      }
    }
    return model;
  }

  /** Writes the scores (before softmax) into `into`. */
  scores(example: SparseVector, into: Float32Array = new Float32Array(this.classes)): Float32Array {
    const { classes, weights } = this;
    const { indices, values } = example;
    into.set(this.bias);
    for (let j = 0; j < indices.length; j++) {
      const row = indices[j]! * classes;
      const value = values[j]!;
      for (let k = 0; k < classes; k++) into[k]! += value * weights[row + k]!;
    }
    return into;
  }
}

/** In place. */
export function softmax<T extends Float32Array | Float64Array>(scores: T): T {
  let top = -Infinity;
  for (const s of scores) if (s > top) top = s;
  let sum = 0;
  for (let k = 0; k < scores.length; k++) {
    const e = Math.exp(scores[k]! - top);
    scores[k] = e;
    sum += e;
  }
  for (let k = 0; k < scores.length; k++) scores[k]! /= sum;
  return scores;
}

/** Mulberry32: numbers in [0, 1) that follow from the seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Fisher and Yates, in place. */
export function shuffle<T>(list: T[], random: () => number): void {
  for (let i = list.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [list[i], list[j]] = [list[j]!, list[i]!];
  }
}
