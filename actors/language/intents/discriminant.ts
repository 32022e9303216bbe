/**
 * Linear discriminant analysis over sentence vectors: one mean a class and one covariance for all, shrunk towards a
 * multiple of the identity. With five examples a class it is far better than nearest neighbours or a regression, because the
 * covariance is learnt from all classes together.
 */
import { breathe } from "./breathe.ts";

export interface DiscriminantOptions {
  /** How far the covariance is drawn towards a multiple of the identity, 0 to 1. Default 0.5. */
  readonly shrinkage?: number;
}

export class LinearDiscriminant {
  constructor(
    readonly classes: number,
    readonly dimension: number,
    /** `weights[component * classes + class]`. */
    readonly weights: Float32Array,
    readonly bias: Float32Array,
  ) {}

  /** @param targets class of each vector, 0 … classes-1; every class has one at least. Lets others run now and then. */
  static async train(
    vectors: readonly Float32Array[],
    targets: readonly number[],
    classes: number,
    options: DiscriminantOptions = {},
  ): Promise<LinearDiscriminant> {
    const shrinkage = options.shrinkage ?? 0.5;
    const dimension = vectors[0]!.length;
    const { means, centre } = classMeans(vectors, targets, classes, dimension);
    const covariance = await pooledCovariance(vectors, targets, means, dimension);
    let trace = 0;
    for (let a = 0; a < dimension; a++) trace += covariance[a * dimension + a]!;
    const ridge = Math.max((shrinkage * trace) / dimension, 1e-9);
    for (let a = 0; a < dimension; a++) {
      for (let d = 0; d <= a; d++) covariance[a * dimension + d]! *= 1 - shrinkage;
      covariance[a * dimension + a]! += ridge;
    }
    await cholesky(covariance, dimension);

    const weights = new Float32Array(dimension * classes);
    const bias = new Float32Array(classes);
    const pause = breathe();
    for (let k = 0; k < classes; k++) {
      const mean = means.subarray(k * dimension, (k + 1) * dimension);
      const solved = solve(covariance, dimension, mean, centre);
      let offset = 0;
      for (let d = 0; d < dimension; d++) {
        weights[d * classes + k] = solved[d]!;
        offset += (solved[d]! * (mean[d]! + centre[d]!)) / 2;
      }
      bias[k] = -offset;
      if (pause.due()) await pause.take();
    }
    return new LinearDiscriminant(classes, dimension, weights, bias);
  }

  /** Log-likelihood ratios against the common mean. */
  scores(vector: Float32Array): Float32Array {
    const { classes, weights } = this;
    const into = new Float32Array(this.bias);
    for (let d = 0; d < this.dimension; d++) {
      const value = vector[d]!;
      const row = d * classes;
      for (let k = 0; k < classes; k++) into[k]! += value * weights[row + k]!;
    }
    return into;
  }
}

function classMeans(
  vectors: readonly Float32Array[],
  targets: readonly number[],
  classes: number,
  dimension: number,
): { means: Float64Array; centre: Float64Array } {
  const means = new Float64Array(classes * dimension);
  const centre = new Float64Array(dimension);
  const counts = new Float64Array(classes);
  for (const [i, vector] of vectors.entries()) {
    const k = targets[i]!;
    counts[k]!++;
    for (let d = 0; d < dimension; d++) {
      means[k * dimension + d]! += vector[d]!;
      centre[d]! += vector[d]! / vectors.length;
    }
  }
  for (let k = 0; k < classes; k++) {
    for (let d = 0; d < dimension; d++) means[k * dimension + d]! /= Math.max(1, counts[k]!);
  }
  return { means, centre };
}

/** Lower triangle of the covariance within classes. */
async function pooledCovariance(
  vectors: readonly Float32Array[],
  targets: readonly number[],
  means: Float64Array,
  dimension: number,
): Promise<Float64Array> {
  const sum = new Float64Array(dimension * dimension);
  const x = new Float64Array(dimension);
  const pause = breathe();
  for (const [i, vector] of vectors.entries()) {
    const mean = targets[i]! * dimension;
    for (let d = 0; d < dimension; d++) x[d] = vector[d]! - means[mean + d]!;
    for (let a = 0; a < dimension; a++) {
      const xa = x[a]!;
      const row = a * dimension;
      for (let d = 0; d <= a; d++) sum[row + d]! += xa * x[d]!;
    }
    if (pause.due()) await pause.take();
  }
  for (let i = 0; i < sum.length; i++) sum[i]! /= vectors.length;
  return sum;
}

/** Replaces the lower triangle of a positive definite matrix by its Cholesky factor. */
async function cholesky(m: Float64Array, n: number): Promise<void> {
  const pause = breathe();
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let v = m[i * n + j]!;
      const ri = i * n;
      const rj = j * n;
      for (let k = 0; k < j; k++) v -= m[ri + k]! * m[rj + k]!;
      m[ri + j] = i === j ? Math.sqrt(Math.max(v, 1e-12)) : v / m[rj + j]!;
    }
    if (pause.due()) await pause.take();
  }
}

/** Solves L Lᵀ x = mean - centre. */
function solve(l: Float64Array, n: number, mean: Float64Array, centre: Float64Array): Float64Array {
  const x = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    let v = mean[i]! - centre[i]!;
    for (let j = 0; j < i; j++) v -= l[i * n + j]! * x[j]!;
    x[i] = v / l[i * n + i]!;
  }
  for (let i = n - 1; i >= 0; i--) {
    x[i]! /= l[i * n + i]!;
    const v = x[i]!;
    for (let j = 0; j < i; j++) x[j]! -= l[i * n + j]! * v;
  }
  return x;
}
