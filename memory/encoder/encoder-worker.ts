/**
 * The process that runs the model. Tokenising and the forward pass are synchronous inside of the libraries, so they
 * would hold up the event loop of the desk. Started by `encoder-process.ts` with its settings as JSON.
 */
import { access } from "node:fs/promises";
import { createRequire } from "node:module";
import { constants, getPriority, setPriority } from "node:os";
import { join } from "node:path";
import type { EncoderInput, FromWorker, ToWorker, WorkerSettings } from "./encoder-protocol.ts";

/** Padded tokens in one forward pass: bounds memory. */
const TOKENS_PER_PASS = 2_048;
/** Padding that costs about as much as a pass of its own, tokens: a text that would add more begins another pass. */
const PADDING_PER_PASS = 32;

if (!process.send) throw new Error("encoder-worker is started by the encoder only, not by hand");
const settings = JSON.parse(process.argv[2] ?? "") as WorkerSettings;

// Before the library starts threads, which inherit it. Relative to the desk's, which may be nice itself.
setPriority(Math.min(constants.priority.PRIORITY_LOW, getPriority() + settings.niceness));

// The desk ends it, by letting go of it: also when the desk is killed. Ctrl-C reaches the whole group, and while the
// desk drains it still needs its encoder.
process.on("disconnect", () => process.exit(0));
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});

type Encoded = Record<string, number[]> & { input_ids: number[] };
interface Passed {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

const weights = await weightsFile();
limitThreads(settings.threads, weights.path);
const { AutoModel, AutoModelForSequenceClassification, AutoTokenizer, env, Tensor } = await import(
  "@xenova/transformers"
);
env.allowRemoteModels = false;
env.allowLocalModels = true;
env.localModelPath = settings.modelsDir;
const tokenizer = await AutoTokenizer.from_pretrained(settings.model, { local_files_only: true });
const ranks = settings.task === "rank";
const model = await (ranks ? AutoModelForSequenceClassification : AutoModel).from_pretrained(settings.model, {
  quantized: weights.quantized,
  local_files_only: true,
});
const dimension = (await pass([tokenise(ranks ? ["a", "a"] : "a")])).dims[1]!;

process.on("message", ({ batch, texts }: ToWorker) => void answer(batch, texts));
send({ kind: "ready", dimension });

async function answer(batch: number, texts: readonly EncoderInput[]): Promise<void> {
  try {
    const data = await encode(texts);
    send({ kind: "vectors", batch, data });
  } catch (error) {
    send({ kind: "failed", batch, message: (error as Error).message });
  }
}

async function encode(texts: readonly EncoderInput[]): Promise<Float32Array> {
  const data = new Float32Array(texts.length * dimension);
  // A text without tokens keeps its zero vector: it is like nothing.
  const encoded = texts
    .map((text, index) => ({ index, tokens: tokenise(text) }))
    .filter(({ tokens }) => tokens.input_ids.length > 0)
    .sort((a, b) => a.tokens.input_ids.length - b.tokens.input_ids.length);
  let from = 0;
  while (from < encoded.length) {
    let to = from + 1;
    for (; to < encoded.length; to++) {
      const length = encoded[to]!.tokens.input_ids.length;
      const padding = (to - from) * (length - encoded[to - 1]!.tokens.input_ids.length);
      if (padding > PADDING_PER_PASS || (to + 1 - from) * length > TOKENS_PER_PASS) break;
    }
    const group = encoded.slice(from, to);
    const vectors = await pass(group.map(({ tokens }) => tokens));
    for (const [i, { index }] of group.entries()) {
      data.set(vectors.data.subarray(i * dimension, (i + 1) * dimension), index * dimension);
    }
    from = to;
  }
  return data;
}

function tokenise(input: EncoderInput): Encoded {
  const [text, pair] = typeof input === "string" ? [input] : input;
  const cut = (one: string | undefined): string | undefined => one?.slice(0, settings.maxCharacters);
  const options = { text_pair: cut(pair) ?? null, truncation: true, return_tensor: false };
  return tokenizer(cut(text), options) as Encoded;
}

/** One forward pass; answers [texts, dimension], normalised where they are vectors. */
async function pass(texts: readonly Encoded[]): Promise<Passed> {
  const longest = Math.max(...texts.map((text) => text.input_ids.length));
  const inputs: Record<string, InstanceType<typeof Tensor>> = {};
  for (const name of Object.keys(texts[0]!)) {
    const cells = new BigInt64Array(texts.length * longest);
    for (const [row, text] of texts.entries()) {
      for (let i = 0; i < longest; i++) {
        const padding = name === "input_ids" ? (tokenizer.pad_token_id ?? 0) : 0;
        cells[row * longest + i] = BigInt(text[name]![i] ?? padding);
      }
    }
    inputs[name] = new Tensor("int64", cells, [texts.length, longest]);
  }
  const outputs = (await model(inputs)) as Record<string, Passed>;
  if (ranks) return outputs.logits ?? lacking(outputs, "logits");
  const sentence = outputs.sentence_embedding;
  if (sentence) return normalised(sentence);
  const states = outputs.last_hidden_state ?? outputs.token_embeddings;
  return normalised(pooled(states ?? lacking(outputs, "sentence_embedding or last_hidden_state"), texts));
}

function lacking(outputs: object, needed: string): never {
  throw new Error(`the model has the outputs ${Object.keys(outputs).join(", ")}; needed is ${needed}`);
}

function pooled(states: Passed, texts: readonly Encoded[]): Passed {
  const [rows, tokens, width] = states.dims as [number, number, number];
  const data = new Float32Array(rows * width);
  for (const [row, text] of texts.entries()) {
    const counted = settings.pooling === "cls" ? 1 : text.input_ids.length;
    for (let token = 0; token < counted; token++) {
      const at = (row * tokens + token) * width;
      for (let i = 0; i < width; i++) data[row * width + i]! += states.data[at + i]! / counted;
    }
  }
  return { dims: [rows, width], data };
}

function normalised(vectors: Passed): Passed {
  const [rows, width] = vectors.dims as [number, number];
  for (let row = 0; row < rows; row++) {
    const vector = vectors.data.subarray(row * width, (row + 1) * width);
    const norm = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
    if (norm > 0) for (let i = 0; i < width; i++) vector[i]! /= norm;
  }
  return vectors;
}

function send(message: FromWorker): void {
  process.send?.(message);
}

/** The hub's layout has full and quantized weights; a folder copied by hand may hold the small ones only. */
async function weightsFile(): Promise<{ path: string; quantized: boolean }> {
  const folder = join(settings.modelsDir, settings.model, "onnx");
  const full = join(folder, "model.onnx");
  return access(full).then(
    () => ({ path: full, quantized: false }),
    () => ({ path: join(folder, "model_quantized.onnx"), quantized: true }),
  );
}

/**
 * The library opens its sessions from bytes and without options; onnxruntime would then take every core, and spin on
 * them after each run. It heeds its options only where it reads the file itself.
 */
function limitThreads(threads: number, path: string): void {
  const library = createRequire(import.meta.url).resolve("@xenova/transformers");
  const { InferenceSession } = createRequire(library)("onnxruntime-node") as {
    InferenceSession: { create: (model: unknown, options?: object) => Promise<unknown> };
  };
  const create = InferenceSession.create.bind(InferenceSession);
  InferenceSession.create = () =>
    create(path, { executionProviders: ["cpu"], intraOpNumThreads: threads, interOpNumThreads: 1 });
}
