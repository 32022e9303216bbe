/** The encoder: one short text after the other, as customers write, and in full batches. */
import { openEncoder } from "../../memory/encoder/index.ts";
import { Latencies, type Percentiles } from "../harness/index.ts";
import { type Place, TEXTS_AT_ONCE } from "./place.ts";
import type { Side } from "./roles.ts";
import { question } from "./texts.ts";

export interface EncodeTexts extends Pick<Place, "encoder" | "seed"> {
  /** Encoded one by one; four times as many in batches. */
  readonly texts: number;
}

export interface EncoderMeasured {
  readonly id: string;
  readonly single: Percentiles;
  /** Texts a second in batches. */
  readonly rate: number;
}

/** Those that are encoded before anything is measured. */
const WARM_UP = 20;
const BATCHED = 4;

export function encoderSide(): Side {
  return { handlers: { measure }, end: async () => {} };
}

async function measure({ encoder: options, seed, texts: count }: EncodeTexts): Promise<EncoderMeasured> {
  // None comes from the cache.
  const all = WARM_UP + (1 + BATCHED) * count;
  const texts = new Set<string>();
  for (let n = 0; texts.size < all; n++) texts.add(question(`${seed} encoder`, n));
  const [warm, single, batched] = parts([...texts], WARM_UP, count);
  const encoder = await openEncoder(options);
  try {
    for (const text of warm) await encoder.encode([text]);
    const latencies = new Latencies();
    for (const text of single) {
      const from = performance.now();
      await encoder.encode([text]);
      latencies.record(performance.now() - from);
    }
    const begun = performance.now();
    for (let i = 0; i < batched.length; i += TEXTS_AT_ONCE)
      await encoder.encode(batched.slice(i, i + TEXTS_AT_ONCE));
    const seconds = (performance.now() - begun) / 1_000;
    return { id: encoder.id, single: latencies.percentiles()!, rate: batched.length / seconds };
  } finally {
    await encoder.close();
  }
}

function parts(texts: readonly string[], first: number, second: number): [string[], string[], string[]] {
  return [texts.slice(0, first), texts.slice(first, first + second), texts.slice(first + second)];
}
