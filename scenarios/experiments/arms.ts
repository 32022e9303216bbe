/** What became of the customers of two arms, from their recordings. */
import type { Recording } from "../recording/recording.ts";
import { MEASURES, type Measure } from "./measures.ts";
import { type Compared, compare, Sample, type TestOptions } from "./sequential.ts";

const OF_ARMS = ["resolved", "handedOff", "turns"] as const satisfies readonly Measure[];

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
  return OF_ARMS.map((measure) => {
    const [x, y] = [left[measure], right[measure]];
    const of = ({ count, mean }: Sample) => ({ count, mean });
    return { measure, a: of(x), b: of(y), ...compare(x, y, options) };
  });
}

async function samplesOf(
  recordings: AsyncIterable<Recording>,
): Promise<Record<(typeof OF_ARMS)[number], Sample>> {
  const samples = { resolved: new Sample(), handedOff: new Sample(), turns: new Sample() };
  for await (const recording of recordings)
    for (const measure of OF_ARMS) samples[measure].add(MEASURES[measure](recording));
  return samples;
}
