import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encoderOptions, openEncoder, type Pooling } from "./index.ts";
import { OnnxGraph } from "./onnx-graph.ts";
import { tokenizerFiles } from "./use-lite-tokenizer.ts";
import type { Piece } from "./use-lite-weights.ts";

/** A model of another family: token vectors out, which the encoder has to pool. Its rows are easy to reckon with. */
const ROWS = [
  [0, 0],
  [0, 0],
  [0, 0],
  [0, 0],
  [0, 0],
  [0, 0],
  [3, 0],
  [0, 4],
];
const PIECES: Piece[] = ["unknown", "s", "e", "x1", "x2", "x3", "▁red", "▁blue"].map((piece, i) => [
  piece,
  -i,
]);

let modelsDir: string;
beforeAll(async () => {
  modelsDir = await mkdtemp(join(tmpdir(), "models-"));
  const folder = join(modelsDir, "acme", "tiny");
  await mkdir(join(folder, "onnx"), { recursive: true });
  const g = new OnnxGraph();
  const ids = g.input("input_ids", "int64", ["batch", "tokens"]);
  g.input("attention_mask", "int64", ["batch", "tokens"]);
  const table = g.weights("table", [ROWS.length, 2], Float32Array.from(ROWS.flat()));
  g.output(g.node("Gather", [table, ids], {}, "last_hidden_state"), "float32", ["batch", "tokens", 2]);
  // Only small weights, as in a folder that was copied by hand.
  await writeFile(join(folder, "onnx", "model_quantized.onnx"), g.finish("tiny", "test"));
  const { tokenizer, config, model } = tokenizerFiles(PIECES);
  await writeFile(join(folder, "tokenizer.json"), JSON.stringify(tokenizer));
  await writeFile(join(folder, "tokenizer_config.json"), JSON.stringify(config));
  await writeFile(join(folder, "config.json"), JSON.stringify(model));
});
afterAll(() => rm(modelsDir, { recursive: true }));

async function encode(pooling: Pooling, ...texts: string[]): Promise<number[][]> {
  const encoder = await openEncoder({ modelsDir, model: "acme/tiny", pooling });
  try {
    expect(encoder.dimension).toBe(2);
    expect(encoder.id).toMatch(/^acme\/tiny@[0-9a-f]{12}$/);
    return (await encoder.encode(texts)).map((vector) => [...vector]);
  } finally {
    await encoder.close();
  }
}
const close = (vectors: number[][], expected: number[][]) => {
  for (const [i, vector] of expected.entries())
    for (const [j, value] of vector.entries()) expect(vectors[i]![j]).toBeCloseTo(value, 5);
};

describe("another model", () => {
  it("has its token vectors averaged, without padding, and brought to length 1", async () => {
    const vectors = await encode("auto", "red blue", "red", "blue blue red red red red");
    close(vectors, [
      [0.6, 0.8],
      [1, 0],
      [12 / Math.hypot(12, 8), 8 / Math.hypot(12, 8)],
    ]);
  });

  it("can be read at its first token instead", async () => {
    close(await encode("cls", "blue red red", "red"), [
      [0, 1],
      [1, 0],
    ]);
  });
});

describe("encoderOptions", () => {
  it("finds a model by name below the folder of models, or by its path", () => {
    expect(encoderOptions({ model: "acme/tiny", path: "/m", threads: 2 })).toEqual({
      modelsDir: "/m",
      model: "acme/tiny",
      threads: 2,
    });
    expect(encoderOptions({ model: "/usb/acme/tiny", threads: 1 })).toMatchObject({
      modelsDir: "/usb/acme",
      model: "tiny",
    });
    expect(encoderOptions({ model: "use-lite-en", threads: 1 }).modelsDir).toMatch(/models$/);
  });
});
