/**
 * `models pull`: fetches an encoder from a hub into the folder of models, because an operator asked for it. Nothing else
 * in the desk ever goes to a hub.
 */
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { DependencyError, UsageError } from "../../runtime/config/errors.ts";
import { NEEDED, writeChecksums } from "./model-folder.ts";
import { writeWhole } from "./whole-folder.ts";

export const DEFAULT_HUB = "https://huggingface.co";

export interface PullOptions {
  readonly modelsDir: string;
  /** `Xenova/all-MiniLM-L6-v2` and the like. */
  readonly model: string;
  /** Where to fetch from. Default: the public hub. */
  readonly hub?: string;
  /** Branch, tag or commit. Default `main`. */
  readonly revision?: string;
  /** The small, quantized weights instead of the full ones. */
  readonly quantized?: boolean;
  readonly progress?: (file: string, bytes: number, all: number | undefined) => void;
  readonly signal?: AbortSignal;
  /** No byte for so long, and it is given up. Default 60,000 ms. */
  readonly stallMs?: number;
}

/** Names of models. */
export const MODEL = /^[A-Za-z0-9][\w.-]*(\/[A-Za-z0-9][\w.-]*)?$/;

/**
 * Answers the folder of the model, which appears whole or not at all.
 * @throws UsageError for a name that is none or that the hub does not have, DependencyError when the hub is not reached.
 */
export async function pullModel(options: PullOptions): Promise<string> {
  const { modelsDir, model, revision = "main" } = options;
  if (!MODEL.test(model)) {
    throw new UsageError(
      `${JSON.stringify(model)} is no model name: give it as owner/name, such as Xenova/all-MiniLM-L6-v2`,
    );
  }
  const weights = options.quantized ? "onnx/model_quantized.onnx" : "onnx/model.onnx";
  const folder = join(modelsDir, model);
  await writeWhole(folder, async (fresh) => {
    const files: Record<string, string> = {};
    for (const file of [...NEEDED, weights]) {
      files[file] = await fetchFile(file, join(fresh, file), options);
    }
    const source = `${options.hub ?? DEFAULT_HUB}/${model}@${revision}`;
    await writeChecksums(fresh, { model, source, files });
  });
  return folder;
}

/** Writes one file and answers its SHA-256 (hex). */
async function fetchFile(file: string, target: string, options: PullOptions): Promise<string> {
  const { hub = DEFAULT_HUB, model, revision = "main", stallMs = 60_000 } = options;
  const url = `${hub.replace(/\/+$/, "")}/${model}/resolve/${encodeURIComponent(revision)}/${file}`;
  const stalled = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stalled.signal]) : stalled.signal;
  const timer = setTimeout(() => stalled.abort(new Error(`nothing came for ${stallMs} ms`)), stallMs);
  try {
    const response = await fetch(url, { signal });
    if (response.status === 404 || response.status === 401) {
      throw new UsageError(
        `${hub} has no ${file} of ${model} (${response.status}): the model needs weights in ONNX; check its name, or try --quantized`,
      );
    }
    if (!response.ok || !response.body)
      throw new DependencyError(`${url} answered ${response.status}: try again later`);
    const all = Number(response.headers.get("content-length")) || undefined;
    const hash = createHash("sha256");
    let bytes = 0;
    await mkdir(dirname(target), { recursive: true });
    await pipeline(
      Readable.fromWeb(response.body),
      async function* (chunks: AsyncIterable<Uint8Array>) {
        for await (const chunk of chunks) {
          timer.refresh();
          hash.update(chunk);
          bytes += chunk.length;
          options.progress?.(file, bytes, all);
          yield chunk;
        }
      },
      createWriteStream(target),
    );
    return hash.digest("hex");
  } catch (error) {
    if (error instanceof UsageError || error instanceof DependencyError) throw error;
    options.signal?.throwIfAborted();
    const { message, cause } = error as Error;
    const why = stalled.signal.aborted
      ? (stalled.signal.reason as Error).message
      : ((cause as Error)?.message ?? message);
    throw new DependencyError(
      `cannot fetch ${url} (${why}): check the network or proxy, or copy the model's folder to ${options.modelsDir} by hand`,
    );
  } finally {
    clearTimeout(timer);
  }
}
