/** The same conversations with two releases: differences by conversation, which tell more than two groups of others. */
import type { Recording } from "../recording/recording.ts";
import { MEASURES, type Measure } from "./measures.ts";
import { type Compared, compare, Sample, type TestOptions } from "./sequential.ts";

/** What is compared besides: how long services that were really asked took in a conversation, ms. */
export type PairMeasure = Measure | "askedMs";

export interface PairsCompared extends Compared {
  readonly measure: PairMeasure;
  readonly count: number;
  /** Means before and after. */
  readonly before: number;
  readonly after: number;
}

interface Kept {
  readonly before: Sample;
  readonly after: Sample;
  readonly difference: Sample;
}

export class Pairs {
  readonly #kept = new Map<PairMeasure, Kept>();

  add(
    before: Recording,
    after: Recording,
    askedMs: { readonly before: number; readonly after: number },
  ): void {
    for (const measure of Object.keys(MEASURES) as Measure[])
      this.#add(measure, MEASURES[measure](before), MEASURES[measure](after));
    this.#add("askedMs", askedMs.before, askedMs.after);
  }

  compare(options: TestOptions = {}): PairsCompared[] {
    return [...this.#kept].map(([measure, { before, after, difference }]) => ({
      measure,
      count: difference.count,
      before: before.mean,
      after: after.mean,
      // Against as many noughts.
      ...compare({ count: difference.count, mean: 0, variance: 0 }, difference, options),
    }));
  }

  #add(measure: PairMeasure, before: number, after: number): void {
    let kept = this.#kept.get(measure);
    if (!kept) {
      kept = { before: new Sample(), after: new Sample(), difference: new Sample() };
      this.#kept.set(measure, kept);
    }
    kept.before.add(before);
    kept.after.add(after);
    kept.difference.add(after - before);
  }
}
