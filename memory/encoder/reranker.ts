/**
 * A cross-encoder: reads a question together with what may answer it, and says how well it does. Slower than comparing vectors, so
 * it is asked about the best few. Runs in a process of its own like the encoder.
 */
import { resolve } from "node:path";
import { EncoderError } from "./encoder-error.ts";
import { EncoderProcess, NICENESS } from "./encoder-process.ts";
import { locateModel } from "./model-folder.ts";

export interface Reranker {
  /** Name and digest of the model. */
  readonly id: string;
  /**
   * How well each text answers the question, 0 … 1, in order.
   * @throws EncoderError when the model cannot be run; the signal's reason when aborted
   */
  rank(question: string, texts: readonly string[], signal?: AbortSignal): Promise<number[]>;
}

/** One that runs until it is closed. */
export interface OpenReranker extends Reranker {
  /** `up`, `starting` (again, after a crash) or `down`, with counts. */
  health(): { state: string; restarts: number; waiting: number };
  close(): Promise<void>;
}

export interface RerankerOptions {
  /** Folder that holds model folders. */
  readonly modelsDir: string;
  /** Folder of the model in there: one for classifying a pair of texts, with one figure or one for each class, the last of which counts. */
  readonly model: string;
  /** Threads of one forward pass. Default 1. */
  readonly threads?: number;
  /** What comes after this many characters of a text is not read. Default 2,000. */
  readonly maxCharacters?: number;
  /** Loading of the model, ms. Default 30,000. */
  readonly startTimeoutMs?: number;
  /** One batch, ms; a process that takes longer is replaced. Default 10,000. */
  readonly batchTimeoutMs?: number;
}

/** @throws EncoderError `missing` when there is no such model, `unavailable` when it cannot be loaded or ranks nothing */
export async function openReranker(options: RerankerOptions): Promise<OpenReranker> {
  const { model, threads = 1, maxCharacters = 2_000 } = options;
  const modelsDir = resolve(options.modelsDir);
  const digest = await locateModel(modelsDir, model);
  const worker = new EncoderProcess({
    settings: { task: "rank", modelsDir, model, threads, pooling: "auto", maxCharacters, niceness: NICENESS },
    maxBatch: 32,
    startTimeoutMs: options.startTimeoutMs ?? 30_000,
    batchTimeoutMs: options.batchTimeoutMs ?? 10_000,
  });
  await worker.start();
  return {
    id: `${model}@${digest}`,
    rank: async (question, texts, signal) => {
      if (texts.length === 0) return [];
      const pairs = texts.map((text): [string, string] => [question, text]);
      return (await worker.encode(pairs, signal)).map((figures) => probability(figures, model));
    },
    health: () => worker.health(),
    close: () => worker.close(),
  };
}

/** Of the last class; of the only one there is. */
function probability(figures: Float32Array, model: string): number {
  const last = figures.at(-1)!;
  const share =
    figures.length === 1
      ? 1 / (1 + Math.exp(-last))
      : 1 / figures.reduce((sum, figure) => sum + Math.exp(figure - last), 0);
  if (Number.isFinite(share)) return share;
  throw new EncoderError("unavailable", `the model ${model} answers with what is no number: get it again`);
}
