/**
 * The intent classifier. Two kinds of evidence, each by the method that suits it: a logistic regression over words and pieces
 * of words, and a discriminant analysis over sentence vectors. Their scores are fused and calibrated on held-out examples; a
 * third model tells what lies outside of all classes.
 */
import { breathe } from "./breathe.ts";
import {
  type Fusion,
  fitFusion,
  fitLogistic,
  fuse,
  type HeldOut,
  type Logistic,
  logit,
  sigmoid,
} from "./calibration.ts";
import { LinearDiscriminant } from "./discriminant.ts";
import { LexicalFeatures } from "./lexical.ts";
import { MultinomialRegression, seeded, shuffle, softmax } from "./regression.ts";

export interface Example {
  readonly text: string;
  readonly label: string;
  /** Of the sentence encoder. */
  readonly vector: Float32Array;
}

export interface TrainingOptions {
  /** Examples with this label are outside of what is known: no class, but what to tell the classes from. */
  readonly outside?: string;
  /** Examples that calibrate and tune; by default parts of the training examples are held out in turn. */
  readonly validation?: readonly Example[];
  /** Parts that are held out in turn. Default 5, and a single tenth from 4,000 examples on. */
  readonly folds?: number;
  readonly seed?: number;
}

export interface Prediction {
  /** The best class. */
  readonly label: string;
  /** Calibrated probability that the best class is the right one (what lies outside counts as wrong). */
  readonly confidence: number;
  /** Probability that the text lies within the classes at all; only its order matters where no outside examples were known. */
  readonly inside: number;
  /** Probabilities of all classes given that it is one of them, best first. */
  readonly ranked: readonly { readonly label: string; readonly probability: number }[];
}

/** What a text looks like to a trained pair of models. */
interface Evidence {
  readonly lexical: Float32Array;
  readonly semantic: Float32Array;
  /** Cosine with the nearest training example among those of the likeliest classes. */
  readonly nearest: number;
}

/** The two models and the training vectors, without calibration. */
interface Core {
  readonly lexicon: LexicalFeatures;
  readonly regression: MultinomialRegression;
  readonly discriminant: LinearDiscriminant;
  /** Training vectors by class. */
  readonly vectors: readonly (readonly Float32Array[])[];
}

export interface Calibration {
  readonly fusion: Fusion;
  readonly inside: Logistic;
  readonly confidence: Logistic;
}

export interface HeldOutResult {
  readonly inside: number;
  readonly confidence: number;
  /** The best class was the right one. */
  readonly right: boolean;
  /** It belonged to one of the classes. */
  readonly within: boolean;
}

export class TrainingError extends Error {
  override readonly name = "TrainingError";
}

/** Nearest neighbours are looked for in this many of the likeliest classes. */
const NEAR_CLASSES = 4;
/** Texts beyond this length (characters) tell nothing new about a wish. */
const MAX_TEXT = 2_000;

export class IntentClassifier {
  readonly #core: Core;
  constructor(
    readonly labels: readonly string[],
    core: Core,
    readonly calibration: Calibration,
    /** How the examples came out that calibrated it; empty after loading from a cache. */
    readonly heldOut: readonly HeldOutResult[] = [],
  ) {
    this.#core = core;
  }

  /** @throws TrainingError when there are fewer than two classes. */
  static async train(examples: readonly Example[], options: TrainingOptions = {}): Promise<IntentClassifier> {
    const known = examples.filter((e) => e.label !== options.outside);
    const labels = [...new Set(known.map((e) => e.label))];
    if (labels.length < 2) {
      throw new TrainingError(`a classifier needs two labels at least, the examples have ${labels.length}`);
    }
    const index = new Map(labels.map((label, i) => [label, i]));
    const targets = known.map((e) => index.get(e.label)!);
    const core = await trainCore(known, targets, labels.length);
    const outside = examples.filter((e) => e.label === options.outside);
    const validation = options.validation?.filter((e) => e.label === options.outside || index.has(e.label));
    const judged = validation?.length
      ? await judge(core, [...validation, ...outside], index)
      : await crossValidate(known, targets, labels.length, outside, options);
    const { calibration, results } = calibrate(judged);
    // Foreign examples of the training set teach what is foreign, but thresholds are for validation rows alone.
    return new IntentClassifier(labels, core, calibration, results.slice(0, validation?.length || undefined));
  }

  /**
   * About a millisecond, without the encoding. Without a vector (the encoder is down) it goes by the words alone and is less
   * sure.
   */
  predict(text: string, vector?: Float32Array, lexical = this.lexical(text)): Prediction {
    if (!vector) return this.#byWords(lexical);
    const evidence = weigh(this.#core, lexical, vector, this.calibration.fusion);
    const scores = fuse(evidence.lexical, evidence.semantic, this.calibration.fusion);
    const features = featuresOf(evidence, scores);
    const inside = logit(this.calibration.inside, features.slice(1));
    return this.#prediction(scores, logit(this.calibration.confidence, [...features, inside]), inside);
  }

  /** The lexical scores of a text, for those who predict it more than once. */
  lexical(text: string): Float32Array {
    return lexicalScores(this.#core, text);
  }

  #prediction(scores: Float64Array, confidence: number, inside: number): Prediction {
    const probabilities = softmax(scores);
    const ranked = this.labels
      .map((label, k) => ({ label, probability: probabilities[k]! }))
      .sort((a, b) => b.probability - a.probability || (a.label < b.label ? -1 : 1));
    return { label: ranked[0]!.label, confidence: sigmoid(confidence), inside: sigmoid(inside), ranked };
  }

  #byWords(lexical: Float32Array): Prediction {
    const { fusion, inside, confidence } = this.calibration;
    const scores = fuse(lexical, new Float32Array(lexical.length), fusion);
    let best = 0;
    for (let k = 1; k < scores.length; k++) if (scores[k]! > scores[best]!) best = k;
    const [sure] = featuresOf({ lexical, semantic: lexical, nearest: 0 }, scores);
    // What the vectors would have said is taken to be a little worse than usual.
    const usual = confidence.mean.map((mean, i) => mean - 0.3 * confidence.deviation[i]!);
    const features = [sure!, lexical[best]!, usual[2]!, usual[3]!];
    const within = logit(inside, features.slice(1));
    return this.#prediction(scores, logit(confidence, [...features, within]), within);
  }

  /** Words of the training texts, the commonest first. */
  words(): string[] {
    return this.#core.lexicon.words();
  }

  /** For a cache on disk. */
  get parts(): {
    readonly labels: readonly string[];
    readonly core: Core;
    readonly calibration: Calibration;
  } {
    return { labels: this.labels, core: this.#core, calibration: this.calibration };
  }
}

async function trainCore(
  examples: readonly Example[],
  targets: readonly number[],
  classes: number,
): Promise<Core> {
  const texts = examples.map((e) => e.text.slice(0, MAX_TEXT));
  const lexicon = LexicalFeatures.fit(texts);
  const pause = breathe();
  const sparse = [];
  for (const text of texts) {
    sparse.push(lexicon.vector(text));
    if (pause.due()) await pause.take();
  }
  const regression = await MultinomialRegression.train(sparse, targets, classes, lexicon.size);
  const vectors = examples.map((e) => e.vector);
  const discriminant = await LinearDiscriminant.train(vectors, targets, classes);
  const byClass: Float32Array[][] = Array.from({ length: classes }, () => []);
  for (const [i, vector] of vectors.entries()) byClass[targets[i]!]!.push(vector);
  return { lexicon, regression, discriminant, vectors: byClass };
}

function lexicalScores({ lexicon, regression }: Core, text: string): Float32Array {
  return regression.scores(lexicon.vector(text.slice(0, MAX_TEXT)));
}

function weigh(core: Core, lexical: Float32Array, vector: Float32Array, fusion: Fusion): Evidence {
  const semantic = core.discriminant.scores(vector);
  const fused = fuse(lexical, semantic, fusion);
  const likely = [...fused.keys()].sort((a, b) => fused[b]! - fused[a]!).slice(0, NEAR_CLASSES);
  let nearest = -1;
  for (const k of likely)
    for (const other of core.vectors[k]!) nearest = Math.max(nearest, dot(vector, other));
  return { lexical, semantic, nearest };
}

/** Four sums, since each addition would wait for the one before. */
function dot(a: Float32Array, b: Float32Array): number {
  let s = 0;
  let t = 0;
  let u = 0;
  let v = 0;
  let i = 0;
  for (; i + 3 < a.length; i += 4) {
    s += a[i]! * b[i]!;
    t += a[i + 1]! * b[i + 1]!;
    u += a[i + 2]! * b[i + 2]!;
    v += a[i + 3]! * b[i + 3]!;
  }
  for (; i < a.length; i++) s += a[i]! * b[i]!;
  return s + t + u + v;
}

/**
 * What tells how sure one may be. The plain height of the scores matters more than their ratio: to something foreign all
 * classes are equally unlikely, and a ratio cannot show that.
 */
function featuresOf(evidence: Evidence, fused: Float64Array): number[] {
  let best = 0;
  for (let k = 1; k < fused.length; k++) if (fused[k]! > fused[best]!) best = k;
  let rest = 0;
  for (let k = 0; k < fused.length; k++) if (k !== best) rest += Math.exp(fused[k]! - fused[best]!);
  return [
    Math.min(12, -Math.log(Math.max(rest, 1e-9))),
    evidence.lexical[best]!,
    evidence.semantic[best]!,
    evidence.nearest,
  ];
}

interface Judged extends Evidence {
  /** -1 is outside of all classes. */
  readonly target: number;
}

async function judge(
  core: Core,
  examples: readonly Example[],
  index: ReadonlyMap<string, number>,
): Promise<Judged[]> {
  const judged: Judged[] = [];
  const pause = breathe();
  for (const e of examples) {
    const evidence = weigh(core, lexicalScores(core, e.text), e.vector, fitFusion([]));
    judged.push({ ...evidence, target: index.get(e.label) ?? -1 });
    if (pause.due()) await pause.take();
  }
  return judged;
}

/** Holds out parts in turn, each class spread over all of them. */
async function crossValidate(
  known: readonly Example[],
  targets: readonly number[],
  classes: number,
  outside: readonly Example[],
  options: TrainingOptions,
): Promise<Judged[]> {
  const single = options.folds === undefined && known.length >= 4_000;
  const folds = single ? 10 : (options.folds ?? 5);
  const random = seeded(options.seed ?? 1);
  const fold = new Array<number>(known.length);
  for (let k = 0; k < classes; k++) {
    const members = targets.flatMap((t, i) => (t === k ? [i] : []));
    shuffle(members, random);
    const offset = Math.floor(random() * folds);
    for (const [n, i] of members.entries()) fold[i] = (n + offset) % folds;
  }
  const judged: Judged[] = [];
  for (let f = 0; f < (single ? 1 : folds); f++) {
    const kept = known.flatMap((_, i) => (fold[i] !== f ? [i] : []));
    const classIndex = [...new Set(kept.map((i) => targets[i]!))].sort((a, b) => a - b);
    // A class with a single example is missing in the fold that holds it out: that example cannot be judged.
    const place = new Map(classIndex.map((k, i) => [k, i]));
    const core = await trainCore(
      kept.map((i) => known[i]!),
      kept.map((i) => place.get(targets[i]!)!),
      classIndex.length,
    );
    const held = known.flatMap((e, i) =>
      fold[i] === f && place.has(targets[i]!) ? [{ e, t: place.get(targets[i]!)! }] : [],
    );
    const foreign = outside.filter((_, i) => single || i % folds === f).map((e) => ({ e, t: -1 }));
    const pause = breathe();
    for (const { e, t } of [...held, ...foreign]) {
      judged.push({ ...weigh(core, lexicalScores(core, e.text), e.vector, fitFusion([])), target: t });
      if (pause.due()) await pause.take();
    }
  }
  return judged;
}

function calibrate(judged: readonly Judged[]): { calibration: Calibration; results: HeldOutResult[] } {
  const within: HeldOut[] = judged.filter((j) => j.target >= 0);
  const fusion = fitFusion(within);
  const rows = judged.map((j) => {
    const fused = fuse(j.lexical, j.semantic, fusion);
    let best = 0;
    for (let k = 1; k < fused.length; k++) if (fused[k]! > fused[best]!) best = k;
    return { features: featuresOf(j, fused), right: best === j.target, within: j.target >= 0 };
  });
  const foreign = rows.filter((r) => !r.within).length;
  const inside =
    foreign >= 10
      ? // Both kinds weigh the same, however many there are of each.
        fitLogistic(
          rows.map((r) => r.features.slice(1)),
          rows.map((r) => r.within),
          {
            ridge: 5,
            weightOf: (i) => rows.length / 2 / (rows[i]!.within ? rows.length - foreign : foreign),
          },
        )
      : unsupervisedInside(rows.map((r) => r.features.slice(1)));
  const confidence = fitLogistic(
    rows.map((r) => [...r.features, logit(inside, r.features.slice(1))]),
    rows.map((r) => r.right),
  );
  const results = rows.map((r) => ({
    inside: sigmoid(logit(inside, r.features.slice(1))),
    confidence: sigmoid(logit(confidence, [...r.features, logit(inside, r.features.slice(1))])),
    right: r.right,
    within: r.within,
  }));
  return { calibration: { fusion, inside, confidence }, results };
}

/** Without any example from outside: the lower the scores against those of known texts, the more foreign. */
function unsupervisedInside(rows: readonly (readonly number[])[]): Logistic {
  const fitted = fitLogistic(
    rows,
    rows.map(() => true),
  );
  return { ...fitted, weights: [0.6, 0.6, 0.8], bias: 3 };
}
