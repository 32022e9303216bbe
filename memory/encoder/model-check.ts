/** `models verify`: whether a model's files are what they were, and whether it tells what is alike from what is not. */
import { join, resolve } from "node:path";
import { openEncoder } from "./encoder.ts";
import { recordedSums, sumOf } from "./model-folder.ts";

export interface ModelCheck {
  readonly model: string;
  readonly folder: string;
  readonly id: string;
  readonly dimension: number;
  /** Files that were compared with what was noted when they were put there; 0 when nobody noted it. */
  readonly compared: number;
  /** One short text, median, ms. */
  readonly msAText: number;
  /** Cosine of two sentences that mean the same, and of two that have nothing in common. */
  readonly alike: number;
  readonly unlike: number;
  readonly problems: readonly string[];
}

const SAME = ["My parcel has not arrived yet", "The package still did not come"] as const;
const OTHER = "Do you have a car park for visitors?";
/** Short texts that are timed, after one that warms up. */
const TIMED = 21;

/** @throws EncoderError when there is no such model, or when it can't be loaded */
export async function checkModel(modelsDir: string, model: string): Promise<ModelCheck> {
  const folder = join(resolve(modelsDir), model);
  const problems: string[] = [];
  const sums = Object.entries((await recordedSums(folder)) ?? {});
  for (const [file, sum] of sums) {
    const now = await sumOf(join(folder, file)).catch(() => undefined);
    if (now !== sum) problems.push(`${file} ${now === undefined ? "is missing" : "was changed"}`);
  }
  const encoder = await openEncoder({ modelsDir, model, cacheSize: 1 });
  try {
    const [one, two, other] = await encoder.encode([...SAME, OTHER]);
    for (const vector of [one!, two!, other!])
      if (Math.abs(dot(vector, vector) - 1) > 1e-3) problems.push("a vector is not of length 1");
    const alike = dot(one!, two!);
    const unlike = dot(one!, other!);
    if (!(alike > unlike))
      problems.push("two sentences that mean the same are no more alike than any others");
    const times: number[] = [];
    for (let i = 0; i < TIMED; i++) {
      const from = performance.now();
      await encoder.encode([`where is order number ${i}`]);
      times.push(performance.now() - from);
    }
    const msAText = times.sort((a, b) => a - b)[(TIMED - 1) / 2]!;
    const { id, dimension } = encoder;
    return { model, folder, id, dimension, compared: sums.length, msAText, alike, unlike, problems };
  } finally {
    await encoder.close();
  }
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}
