import { appendFile, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { reranked } from "../knowledge/rerank.ts";
import { addModel } from "./add.ts";
import { encoderOptions, keptVectorsDir, openEncoder, openReranker, type Pooling } from "./index.ts";
import { checkModel } from "./model-check.ts";
import { modelsIn } from "./model-folder.ts";
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

describe("models add and verify", () => {
  it("take over a folder whole, and say when its files are changed or it tells nothing", async () => {
    const into = await mkdtemp(join(tmpdir(), "models-into-"));
    try {
      const from = join(modelsDir, "acme", "tiny");
      const added = await addModel({ modelsDir: into, from });
      expect(added).toEqual({ model: "tiny", folder: join(into, "tiny") });
      await expect(addModel({ modelsDir: into, from })).rejects.toThrow(/--force/);
      await addModel({ modelsDir: into, from, force: true });
      await addModel({ modelsDir: into, from, name: "acme/other" });
      expect(await modelsIn(into)).toEqual(["acme/other", "tiny"]);
      await expect(addModel({ modelsDir: into, from: join(from, "onnx"), name: "x" })).rejects.toThrow(
        /no model in ONNX: onnx\/model.onnx or .*tokenizer.json/,
      );
      await expect(addModel({ modelsDir: into, from, name: "../x" })).rejects.toThrow(/no model name/);
      expect(await readdir(into)).toEqual(["acme", "tiny"]);

      // It knows two words of none of the sentences that are compared.
      const check = await checkModel(into, "tiny");
      expect(check).toMatchObject({ model: "tiny", dimension: 2, compared: 4 });
      expect(check.problems.join()).toContain("no more alike");
      expect(check.problems.join()).not.toContain("changed");
      await appendFile(join(into, "tiny", "tokenizer_config.json"), "\n");
      expect((await checkModel(into, "tiny")).problems).toContain("tokenizer_config.json was changed");
    } finally {
      await rm(into, { recursive: true });
    }
  });
});

describe("a model that ranks", () => {
  /** It likes what is blue: a figure for each token, added up. */
  async function ranking(columns: number): Promise<string> {
    const dir = await mkdtemp(join(tmpdir(), "rankers-"));
    const folder = join(dir, "tiny-ranker");
    await cp(join(modelsDir, "acme", "tiny"), folder, { recursive: true });
    const g = new OnnxGraph();
    const ids = g.input("input_ids", "int64", ["batch", "tokens"]);
    g.input("attention_mask", "int64", ["batch", "tokens"]);
    const figures = ROWS.flatMap((_, piece) => Array.from({ length: columns }, (_, n) => liking(piece, n)));
    const table = g.weights("table", [ROWS.length, columns], Float32Array.from(figures));
    const each = g.node("Gather", [table, ids]);
    const sums = g.node("ReduceSum", [each, g.integers([1])], { keepdims: 0 }, "logits");
    g.output(sums, "float32", ["batch", columns]);
    await writeFile(join(folder, "onnx", "model_quantized.onnx"), g.finish("ranker", "test"));
    const config = JSON.parse(await readFile(join(folder, "config.json"), "utf8"));
    await writeFile(join(folder, "config.json"), JSON.stringify({ ...config, model_type: "bert" }));
    return dir;
  }
  /** Blue is the last piece; of two classes the last one counts. */
  function liking(piece: number, column: number): number {
    if (piece !== ROWS.length - 1) return 0;
    return column === 0 ? 0.5 : 1.5;
  }

  it.each([1, 2])(
    "says how well each text answers, with %i figures a pair",
    async (columns) => {
      const dir = await ranking(columns);
      try {
        const reranker = await openReranker({ modelsDir: dir, model: "tiny-ranker" });
        try {
          expect(reranker.id).toMatch(/^tiny-ranker@[0-9a-f]{12}$/);
          const [none, one, two] = await reranker.rank("red", ["red", "blue", "blue blue red"]);
          expect(none).toBeCloseTo(0.5, 5);
          expect(one).toBeCloseTo(1 / (1 + Math.exp(columns === 1 ? -0.5 : -1)), 5);
          expect(two!).toBeGreaterThan(one!);
          expect(await reranker.rank("red", [])).toEqual([]);
          // What was found stays in its order when that is not done in time, or at all.
          const found = ["red", "blue"].map((text) => ({ title: "", text, score: 1 }));
          const texts = async (withinMs: number) =>
            (await reranked("red", found, { reranker, withinMs })).map(({ text }) => text);
          expect(await texts(10_000)).toEqual(["blue", "red"]);
          await reranker.close();
          expect(await texts(10_000)).toEqual(["red", "blue"]);
        } finally {
          await reranker.close();
        }
      } finally {
        await rm(dir, { recursive: true });
      }
    },
    60_000,
  );

  it("is refused when it gives vectors", async () => {
    await expect(openReranker({ modelsDir, model: "acme/tiny" })).rejects.toThrow(/cannot be loaded/);
  }, 60_000);
});

describe("encoderOptions", () => {
  it("finds a model by name below the folder of models, or by its path", () => {
    expect(encoderOptions({ model: "acme/tiny", path: "/m", threads: 2 })).toEqual({
      modelsDir: "/m",
      model: "acme/tiny",
      threads: 2,
      kept: keptVectorsDir(),
    });
    expect(encoderOptions({ model: "/usb/acme/tiny", threads: 1 })).toMatchObject({
      modelsDir: "/usb/acme",
      model: "tiny",
    });
    expect(encoderOptions({ model: "use-lite-en", threads: 1 }).modelsDir).toMatch(/models$/);
  });
});
