/** From scores to probabilities that can be believed. */
import { softmax } from "./regression.ts";

/** Scores of one held-out example by both kinds of evidence. */
export interface HeldOut {
  readonly lexical: Float32Array;
  readonly semantic: Float32Array;
  /** Its class. */
  readonly target: number;
}

export interface Fusion {
  /** Factors of the two scores; their sum is turned into probabilities by softmax. */
  readonly lexical: number;
  readonly semantic: number;
}

/** Fuses: `lexical * a + semantic * b`. */
export function fuse(lexical: Float32Array, semantic: Float32Array, fusion: Fusion): Float64Array {
  const scores = new Float64Array(lexical.length);
  for (let k = 0; k < scores.length; k++) {
    scores[k] = lexical[k]! * fusion.lexical + semantic[k]! * fusion.semantic;
  }
  return scores;
}

/**
 * Factors with the smallest log loss over held-out examples, by coordinate search on a logarithmic scale. It weighs the two
 * kinds of evidence and is a temperature scaling at once.
 */
export function fitFusion(examples: readonly HeldOut[]): Fusion {
  let best: Fusion = { lexical: 1.5, semantic: 0.08 };
  if (examples.length === 0) return best;
  const loss = (f: Fusion): number => {
    let sum = 0;
    for (const e of examples) {
      const p = softmax(fuse(e.lexical, e.semantic, f))[e.target]!;
      sum -= Math.log(Math.max(p, 1e-9));
    }
    return sum;
  };
  let lowest = loss(best);
  for (const step of [2, 1.4, 1.15, 1.05]) {
    for (let round = 0; round < 8; round++) {
      const before = lowest;
      for (const tried of [
        { ...best, lexical: best.lexical * step },
        { ...best, lexical: best.lexical / step },
        { ...best, semantic: best.semantic * step },
        { ...best, semantic: best.semantic / step },
        { lexical: best.lexical * step, semantic: best.semantic * step },
        { lexical: best.lexical / step, semantic: best.semantic / step },
      ]) {
        const l = loss(tried);
        if (l < lowest) {
          lowest = l;
          best = tried;
        }
      }
      if (before - lowest < 1e-6 * before) break;
    }
  }
  return best;
}

/** Logistic regression on a handful of standardised features. */
export interface Logistic {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
  readonly weights: readonly number[];
  readonly bias: number;
}

/** Log-odds. */
export function logit(model: Logistic, features: readonly number[]): number {
  let sum = model.bias;
  for (const [i, w] of model.weights.entries()) {
    sum += (w * (features[i]! - model.mean[i]!)) / model.deviation[i]!;
  }
  return sum;
}

export function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/**
 * By Newton's method with a ridge, so that few or separable examples give no extreme weights.
 * @param weightOf weight of an example; 1 by default.
 */
export function fitLogistic(
  rows: readonly (readonly number[])[],
  positive: readonly boolean[],
  options: { readonly ridge?: number; readonly weightOf?: (row: number) => number } = {},
): Logistic {
  const width = rows[0]?.length ?? 0;
  const mean = new Array<number>(width).fill(0);
  const deviation = new Array<number>(width).fill(0);
  for (const row of rows) for (let i = 0; i < width; i++) mean[i]! += row[i]! / rows.length;
  for (const row of rows) {
    for (let i = 0; i < width; i++) deviation[i]! += (row[i]! - mean[i]!) ** 2 / rows.length;
  }
  for (let i = 0; i < width; i++) deviation[i] = Math.sqrt(deviation[i]!) || 1;
  const ridge = options.ridge ?? 1;
  const n = width + 1;
  const beta = new Array<number>(n).fill(0);
  for (let iteration = 0; iteration < 25; iteration++) {
    const gradient = beta.map((b, i) => (i < width ? ridge * b : 0.01 * b));
    const hessian = Array.from({ length: n }, (_, i) =>
      Array.from({ length: n }, (_, j) => (i === j ? (i < width ? ridge : 0.01) : 0)),
    );
    for (const [r, row] of rows.entries()) {
      const x = Array.from({ length: n }, (_, i) => (i < width ? (row[i]! - mean[i]!) / deviation[i]! : 1));
      const p = sigmoid(x.reduce((sum, v, i) => sum + v * beta[i]!, 0));
      const weight = options.weightOf?.(r) ?? 1;
      const error = weight * (p - (positive[r] ? 1 : 0));
      const curvature = weight * Math.max(p * (1 - p), 1e-6);
      for (let i = 0; i < n; i++) {
        gradient[i]! += error * x[i]!;
        for (let j = 0; j < n; j++) hessian[i]![j]! += curvature * x[i]! * x[j]!;
      }
    }
    const step = gauss(hessian, gradient);
    let size = 0;
    for (let i = 0; i < n; i++) {
      beta[i]! -= step[i]!;
      size += Math.abs(step[i]!);
    }
    if (size < 1e-7) break;
  }
  return { mean, deviation, weights: beta.slice(0, width), bias: beta[width]! };
}

/** Solves a small linear system by elimination with pivots. */
function gauss(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const m = matrix.map((row, i) => [...row, right[i]!]);
  const n = m.length;
  for (let c = 0; c < n; c++) {
    let pivot = c;
    for (let r = c + 1; r < n; r++) if (Math.abs(m[r]![c]!) > Math.abs(m[pivot]![c]!)) pivot = r;
    [m[c], m[pivot]] = [m[pivot]!, m[c]!];
    const diagonal = m[c]![c]! || 1e-12;
    for (let r = 0; r < n; r++) {
      if (r === c) continue;
      const factor = m[r]![c]! / diagonal;
      if (factor !== 0) for (let k = c; k <= n; k++) m[r]![k]! -= factor * m[c]![k]!;
    }
  }
  return m.map((row, i) => row[n]! / (row[i]! || 1e-12));
}

/**
 * Expected calibration error over ten equally wide bins: how far, on average, a confidence is from the share of right
 * answers among those given with it.
 */
export function calibrationError(
  confidences: readonly number[],
  right: readonly boolean[],
  bins = 10,
): number {
  const count = new Array<number>(bins).fill(0);
  const sure = new Array<number>(bins).fill(0);
  const hits = new Array<number>(bins).fill(0);
  for (const [i, c] of confidences.entries()) {
    const b = Math.min(bins - 1, Math.max(0, Math.floor(c * bins)));
    count[b]!++;
    sure[b]! += c;
    if (right[i]) hits[b]!++;
  }
  let error = 0;
  for (let b = 0; b < bins; b++) error += Math.abs(sure[b]! - hits[b]!);
  return confidences.length === 0 ? 0 : error / confidences.length;
}

/** Area under the receiver operating characteristic: chance that a positive scores above a negative. */
export function auroc(positives: readonly number[], negatives: readonly number[]): number {
  const all = [...positives.map((s) => [s, 1] as const), ...negatives.map((s) => [s, 0] as const)].sort(
    (a, b) => a[0] - b[0],
  );
  let rankSum = 0;
  for (let i = 0; i < all.length; ) {
    let j = i;
    while (j < all.length && all[j]![0] === all[i]![0]) j++;
    // Equal scores share the mean of their ranks.
    for (let k = i; k < j; k++) if (all[k]![1]) rankSum += (i + j + 1) / 2;
    i = j;
  }
  const [p, n] = [positives.length, negatives.length];
  return (rankSum - (p * (p + 1)) / 2) / (p * n);
}
