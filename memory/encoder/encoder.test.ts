import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { getPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EncoderError, type OpenEncoder, openEncoder, prepareModel } from "./index.ts";
import { referenceEmbedding, referenceTokens } from "./reference.ts";
import { packageFolder, readPackage, type UseLitePackage } from "./use-lite-weights.ts";

const modelsDir = fileURLToPath(new URL("../../.bailiwick-cache/models", import.meta.url));

/** Sentences of a desk, by combination: 5 × 8 × 5. */
const sentences = [
  "my order",
  "the parcel W1234567",
  "our subscription",
  "the blue lamp (large)",
  "an invoice of 49.90 €",
].flatMap((thing) =>
  [
    (x: string) => `Where is ${x}?`,
    (x: string) => `I want to cancel ${x}, please!`,
    (x: string) => `${x} arrived damaged and I am very angry`,
    (x: string) => `Can somebody explain why ${x} was charged twice on March 3rd?`,
    (x: string) => `change the address for ${x} to 12 Rue de l'Église, Nîmes`,
    (x: string) => `THANKS for ${x} :)`,
    (x: string) => `hello… I'd like a refund for ${x}; it's not what I'd expected, `.repeat(2),
    (x: string) => `${x} 日本語 \u{1F600} ½ <s>`,
  ].flatMap((frame) =>
    ["", " today", " for my colleague", " again", " as agreed by phone"].map((end) => frame(thing) + end),
  ),
);

let encoder: OpenEncoder;
let source: UseLitePackage;

beforeAll(async () => {
  await prepareModel(modelsDir);
  source = await readPackage();
  encoder = await openEncoder({ modelsDir });
});
afterAll(() => encoder?.close());

const cosine = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let dot = 0;
  for (let i = 0; i < a.length; i++) dot += a[i]! * b[i]!;
  return dot;
};
const similarity = async (a: string, b: string): Promise<number> => {
  const [x, y] = await encoder.encode([a, b]);
  return cosine(x!, y!);
};

describe("the built-in encoder", () => {
  it("gives what the reference forward pass gives, on 200 sentences", { timeout: 180_000 }, async () => {
    expect(new Set(sentences).size).toBe(200);
    const vectors = await encoder.encode(sentences);
    const cosines = sentences.map((sentence, i) =>
      cosine(vectors[i]!, referenceEmbedding(source.weights, referenceTokens(source.vocabulary, sentence))),
    );
    console.log(`encoder against reference: minimum cosine ${Math.min(...cosines).toFixed(6)}`);
    expect(Math.min(...cosines)).toBeGreaterThanOrEqual(0.999);
  });

  it("has a reference that agrees with the graph which the package ships", async () => {
    const shipped = createRequire(join(packageFolder(), "package.json"));
    const tensors = shipped("@energetic-ai/core");
    const { model } = await shipped(packageFolder()).modelSource();
    for (const sentence of sentences.filter((_, i) => i % 20 === 7)) {
      const ids = referenceTokens(source.vocabulary, sentence).slice(0, 128);
      const indices = tensors.tensor2d(
        ids.map((_, i) => [0, i]),
        [ids.length, 2],
        "int32",
      );
      const output = await model.executeAsync({ indices, values: tensors.tensor1d(ids, "int32") });
      expect(cosine(await output.data(), referenceEmbedding(source.weights, ids))).toBeGreaterThan(0.9999);
    }
  });

  it("finds related texts closer than unrelated ones", async () => {
    const pairs = [
      ["Where is my parcel?", "My package has not arrived yet", "Please delete my account"],
      ["I want my money back", "How do I get a refund?", "Which colours does the lamp come in?"],
      ["The screen is cracked", "It arrived broken", "I would like to change my billing address"],
      ["Talk to a human", "I want to speak with a real person", "What does shipping cost?"],
      ["Cancel my subscription", "I no longer want the monthly plan", "The invoice number is wrong"],
      ["My card was declined", "The payment did not go through", "Do you have this in size 42?"],
    ] as const;
    for (const [text, related, unrelated] of pairs) {
      expect(await similarity(text, related), text).toBeGreaterThan(await similarity(text, unrelated));
    }
  });

  it("encodes one short text quickly (printed)", async () => {
    const times: number[] = [];
    for (let i = 0; i < 100; i++) {
      const start = performance.now();
      await encoder.encode([`where is my order number ${i}`]);
      times.push(performance.now() - start);
    }
    times.sort((a, b) => a - b);
    console.log(`one short text: p50 ${times[50]!.toFixed(2)} ms, p95 ${times[95]!.toFixed(2)} ms`);
    expect(times).toHaveLength(100);
  });

  it("does not depend on what else is in the batch", async () => {
    const alone = await openEncoder({ modelsDir, cacheSize: 1 });
    try {
      const [single] = await alone.encode(["where is my order"]);
      const many = await alone.encode([
        "a much longer text about something else. ".repeat(8),
        "where is my order",
        "",
      ]);
      expect(cosine(single!, many[1]!)).toBeGreaterThan(0.99999);
    } finally {
      await alone.close();
    }
  });

  it("gives zeros for a text without anything to read", async () => {
    for (const vector of await encoder.encode(["", "  \n\t"])) {
      expect(vector).toHaveLength(encoder.dimension);
      expect(cosine(vector, vector)).toBe(0);
    }
    expect(await encoder.encode([])).toEqual([]);
  });

  it("reads only the beginning of an endless text", async () => {
    const [long] = await encoder.encode(["x".repeat(10_000)]);
    expect(cosine(long!, long!)).toBeCloseTo(1, 4);
  });
});

describe("the encoder's process", () => {
  it("answers requests that come at once, each with its own vectors", async () => {
    const texts = Array.from({ length: 60 }, (_, i) => `question number ${i} about article ${i * 7}`);
    const together = await Promise.all(texts.map((text) => encoder.encode([text])));
    const again = await encoder.encode(texts);
    for (const [i, [vector]] of together.entries()) expect(vector).toBe(again[i]);
  });

  it("goes on after its process was killed, and loses no request", async () => {
    const victim = await openEncoder({ modelsDir, maxBatch: 2 });
    try {
      const asked = victim.encode(sentences.slice(0, 40));
      process.kill(pidOf(victim), "SIGKILL");
      expect(await asked).toHaveLength(40);
      expect(victim.health()).toMatchObject({ state: "up", restarts: 1, waiting: 0 });
    } finally {
      await victim.close();
    }
  });

  it("drops a request that is aborted", async () => {
    const aborter = new AbortController();
    const asked = encoder.encode(
      Array.from({ length: 50 }, (_, i) => `never read ${i}`),
      aborter.signal,
    );
    aborter.abort(new Error("nobody waits"));
    await expect(asked).rejects.toThrow("nobody waits");
    expect(await encoder.encode(["still there"])).toHaveLength(1);
  });

  it("says why a model cannot be loaded", async () => {
    const damaged = await mkdtemp(join(tmpdir(), "models-"));
    try {
      const { folder } = await prepareModel(damaged);
      await writeFile(join(folder, "onnx", "model.onnx"), "not a model");
      await expect(openEncoder({ modelsDir: damaged })).rejects.toThrow(/cannot be loaded: .*(rror|rotobuf)/);
    } finally {
      await rm(damaged, { recursive: true });
    }
  });

  it("says what is missing and how to mend it", async () => {
    const empty = await mkdtemp(join(tmpdir(), "models-"));
    try {
      const opened = openEncoder({ modelsDir: empty });
      await expect(opened).rejects.toThrow(/no encoder model in .*npm run setup/);
      await expect(opened).rejects.toBeInstanceOf(EncoderError);
    } finally {
      await rm(empty, { recursive: true });
    }
  });

  it("leaves no process behind", async () => {
    const opened = await openEncoder({ modelsDir });
    const pid = pidOf(opened);
    await opened.close();
    expect(() => process.kill(pid, 0)).toThrow();
  });

  it("replaces a process that hangs", async () => {
    const victim = await openEncoder({ modelsDir, batchTimeoutMs: 1_500 });
    try {
      process.kill(pidOf(victim), "SIGSTOP");
      expect(await victim.encode(["anybody there?"])).toHaveLength(1);
      expect(victim.health().restarts).toBe(1);
    } finally {
      await victim.close();
    }
  });

  it("has another of low priority beside it while many texts are encoded", async () => {
    const opened = await openEncoder({ modelsDir, niceness: 3, bulk: { niceness: 7, idleMs: 50 } });
    try {
      const texts = sentences.slice(0, 40);
      const many = opened.encode(texts);
      await expect.poll(() => bulkOf(opened)).toBeDefined();
      const bulk = bulkOf(opened)!;
      expect(bulk).not.toBe(pidOf(opened));
      expect(getPriority(pidOf(opened))).toBe(Math.min(19, getPriority() + 3));
      await expect.poll(() => getPriority(bulk)).toBe(Math.min(19, getPriority() + 7));
      // What is asked meanwhile does not wait for all of them.
      expect(await opened.encode(["anybody there?"])).toHaveLength(1);
      const vectors = await many;
      expect(vectors).toHaveLength(40);
      // Batches may be others, and so the last digits.
      const others = await encoder.encode(texts);
      for (const [i, vector] of vectors.entries()) expect(cosine(vector, others[i]!)).toBeCloseTo(1, 4);
      await expect.poll(() => bulkOf(opened)).toBeUndefined();
      await expect.poll(() => existsSync(`/proc/${bulk}`)).toBe(false);
      expect(await opened.encode(sentences.slice(40, 60))).toHaveLength(20);
      const second = bulkOf(opened)!;
      process.kill(second, "SIGKILL");
      expect(await opened.encode(sentences.slice(60, 80))).toHaveLength(20);
      await opened.close();
      expect(bulkOf(opened)).toBeUndefined();
    } finally {
      await opened.close();
    }
  });

  it("rejects what comes after it was closed", async () => {
    const closed = await openEncoder({ modelsDir });
    await closed.close();
    await expect(closed.encode(["too late"])).rejects.toMatchObject({ code: "closed" });
  });
});

/** The crash is made from outside: the process is killed under the encoder. */
function bulkOf(opened: OpenEncoder): number | undefined {
  return (opened as unknown as { bulk: { pid: number | undefined } }).bulk.pid;
}

function pidOf(opened: OpenEncoder): number {
  return (opened as unknown as { worker: { pid: number } }).worker.pid;
}
