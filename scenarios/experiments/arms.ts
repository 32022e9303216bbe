/** What became of the customers of two arms, from their recordings. */
import type { Recording } from "../recording/recording.ts";
import { type Compared, compare, Sample, type TestOptions } from "./sequential.ts";

/** What is compared of a conversation: each as a number. */
const MEASURES = {
  /** Share that ended as resolved. */
  resolved: (r: Recording) => (outcomeOf(r) === "resolved" ? 1 : 0),
  /** Share that a person was called into. */
  handedOff: (r: Recording) =>
    r.records.some(({ to, type }) => to.kind === "channel" && type === "handoff") ? 1 : 0,
  /** Messages of the customer. */
  turns: (r: Recording) => r.records.filter(({ type }) => type === "customer.message").length,
} as const;
export type Measure = keyof typeof MEASURES;

export interface ArmsCompared extends Compared {
  readonly measure: Measure;
  readonly a: { readonly count: number; readonly mean: number };
  readonly b: { readonly count: number; readonly mean: number };
}

export async function compareArms(
  a: AsyncIterable<Recording>,
  b: AsyncIterable<Recording>,
  options: TestOptions = {},
): Promise<ArmsCompared[]> {
  const [left, right] = [await samplesOf(a), await samplesOf(b)];
  return (Object.keys(MEASURES) as Measure[]).map((measure) => {
    const [x, y] = [left[measure], right[measure]];
    const of = ({ count, mean }: Sample) => ({ count, mean });
    return { measure, a: of(x), b: of(y), ...compare(x, y, options) };
  });
}

async function samplesOf(recordings: AsyncIterable<Recording>): Promise<Record<Measure, Sample>> {
  const samples = { resolved: new Sample(), handedOff: new Sample(), turns: new Sample() };
  for await (const recording of recordings)
    for (const measure of Object.keys(MEASURES) as Measure[])
      samples[measure].add(MEASURES[measure](recording));
  return samples;
}

function outcomeOf({ records }: Recording): unknown {
  return records.findLast(({ to, type }) => to.kind === "channel" && type === "outcome")?.data.outcome;
}
