/**
 * Sentence encoders: text in, unit vectors out. The model runs in a process of its own, so the event loop never waits for it;
 * requests that come while it works are put together into the next batch.
 */
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { LRUCache } from "lru-cache";
import { cacheDir } from "../../runtime/config/paths.ts";
import { isFiniteVector } from "../retrieval/rows.ts";
import { type BulkOptions, BulkProcess } from "./bulk-process.ts";
import { EncoderError } from "./encoder-error.ts";
import { EncoderProcess, INTERACTIVE, NICENESS, type ProcessOptions } from "./encoder-process.ts";
import type { Pooling } from "./encoder-protocol.ts";
import { hashOfText, keptVectors } from "./kept-vectors.ts";
import { locateModel } from "./model-folder.ts";
import { BUILT_IN_MODEL } from "./prepare.ts";

export interface Encoder {
  /** Name and digest of the model: vectors of different ids cannot be compared. */
  readonly id: string;
  readonly dimension: number;
  /**
   * One vector of length 1 for each text, in order. A text without anything to read gives zeros. The vectors are shared
   * with a cache: do not write to them.
   * @throws EncoderError when the model cannot be run; the signal's reason when aborted.
   */
  encode(texts: readonly string[], signal?: AbortSignal): Promise<Float32Array[]>;
}

export interface EncoderOptions {
  /** Folder that holds model folders. */
  readonly modelsDir: string;
  /** Folder of the model in there. Default: the built-in encoder. */
  readonly model?: string;
  /** Threads of one forward pass. Default 1: texts of a chat are too short to gain from more. */
  readonly threads?: number;
  /** For models without a sentence output. Default `auto`: the mean of the token vectors. */
  readonly pooling?: Pooling;
  /** What comes after this many characters is not read. Default 4,000. */
  readonly maxCharacters?: number;
  /** Vectors kept by text. Default 4,096 (8 MiB at 512 dimensions). */
  readonly cacheSize?: number;
  /** Texts in one batch. Default 16. */
  readonly maxBatch?: number;
  /** Loading of the model, ms. Default 30,000. */
  readonly startTimeoutMs?: number;
  /** One batch, ms; a process that takes longer is replaced. Default 5,000. */
  readonly batchTimeoutMs?: number;
  /** How far the priority of its process is below the desk's, as with `nice`, 0 … 19. Default 5. */
  readonly niceness?: number;
  /** Folder of vectors that were computed before (`keepVectors`). Default: there are none. */
  readonly kept?: string;
  /** Many texts at once have a process of their own, which is there while it is needed. Default: one process for all. */
  readonly bulk?: BulkOptions;
}

/** What the section `encoder` of the configuration says. */
export function encoderOptions(settings: {
  readonly model: string;
  readonly path?: string;
  readonly threads: number;
}): EncoderOptions {
  const { model, threads } = settings;
  const kept = keptVectorsDir();
  if (isAbsolute(model)) return { modelsDir: dirname(model), model: basename(model), threads, kept };
  return { modelsDir: settings.path ?? join(cacheDir(), "models"), model, threads, kept };
}

/** Where set-up keeps vectors of what is shipped. */
export function keptVectorsDir(): string {
  return join(cacheDir(), "vectors");
}

/** An encoder that runs until it is closed. */
export interface OpenEncoder extends Encoder {
  /** `up`, `starting` (again, after a crash) or `down`, with counts. */
  health(): { state: string; restarts: number; waiting: number; cached: number };
  close(): Promise<void>;
}

/**
 * Loads a model and answers when it can encode.
 * @throws EncoderError `missing` when there is no such model, `unavailable` when it cannot be loaded.
 */
export async function openEncoder(options: EncoderOptions): Promise<OpenEncoder> {
  const model = options.model ?? BUILT_IN_MODEL;
  const modelsDir = resolve(options.modelsDir);
  const digest = await locateModel(modelsDir, model);
  const process: ProcessOptions = {
    settings: {
      task: "encode",
      modelsDir,
      model,
      threads: options.threads ?? 1,
      pooling: options.pooling ?? "auto",
      maxCharacters: options.maxCharacters ?? 4_000,
      niceness: options.niceness ?? NICENESS,
    },
    maxBatch: options.maxBatch ?? 16,
    startTimeoutMs: options.startTimeoutMs ?? 30_000,
    batchTimeoutMs: options.batchTimeoutMs ?? 5_000,
  };
  const worker = new EncoderProcess(process);
  const dimension = await worker.start();
  const bulk = options.bulk && new BulkProcess(process, options.bulk);
  const id = `${model}@${digest}`;
  const kept = options.kept === undefined ? new Map() : await keptVectors(options.kept, { id, dimension });
  return new CachedEncoder(id, dimension, { worker, bulk }, kept, options.cacheSize ?? 4_096);
}

class CachedEncoder implements OpenEncoder {
  /** By hash, so that the cache holds no text. */
  readonly #cache: LRUCache<string, Float32Array>;
  readonly worker: EncoderProcess;
  readonly bulk: BulkProcess | undefined;
  /** By hash as well. */
  readonly #kept: ReadonlyMap<string, Float32Array>;

  constructor(
    readonly id: string,
    readonly dimension: number,
    processes: { readonly worker: EncoderProcess; readonly bulk: BulkProcess | undefined },
    kept: ReadonlyMap<string, Float32Array>,
    cacheSize: number,
  ) {
    this.#kept = kept;
    this.worker = processes.worker;
    this.bulk = processes.bulk;
    this.#cache = new LRUCache({ max: cacheSize });
  }

  async encode(texts: readonly string[], signal?: AbortSignal): Promise<Float32Array[]> {
    signal?.throwIfAborted();
    const keys = texts.map(hashOfText);
    const vectors = keys.map((key) => this.#cache.get(key) ?? this.#kept.get(key));
    const missing = new Map<string, string>();
    for (const [i, key] of keys.entries()) if (!vectors[i]) missing.set(key, texts[i]!);
    if (missing.size > 0) {
      const process = missing.size > INTERACTIVE ? (this.bulk ?? this.worker) : this.worker;
      const fresh = await process.encode([...missing.values()], signal);
      for (const vector of fresh) this.#check(vector);
      const byKey = new Map([...missing.keys()].map((key, i) => [key, fresh[i]!]));
      for (const [key, vector] of byKey) this.#cache.set(key, vector);
      for (const [i, key] of keys.entries()) vectors[i] ??= byKey.get(key)!;
    }
    return vectors as Float32Array[];
  }

  /** What is no number would be neither near to anything nor far, and is not to be kept. */
  #check(vector: Float32Array): void {
    if (isFiniteVector(vector)) return;
    throw new EncoderError(
      "unavailable",
      `the encoder ${this.id} answers with what is no number: its files are damaged or do not fit together; prepare it again with \`npm run setup\`, or pull or copy it again`,
    );
  }

  health(): { state: string; restarts: number; waiting: number; cached: number } {
    const { state, ...own } = this.worker.health();
    const { restarts, waiting } = this.bulk?.health() ?? { restarts: 0, waiting: 0 };
    return {
      state,
      restarts: own.restarts + restarts,
      waiting: own.waiting + waiting,
      cached: this.#cache.size,
    };
  }

  async close(): Promise<void> {
    await Promise.all([this.worker.close(), this.bulk?.close()]);
  }
}
