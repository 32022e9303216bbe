/**
 * What set-up does with what is shipped: encodes it and learns from it, so that no desk has to at its first start. Nothing depends on it:
 * where it is missing or belongs to something else, a desk does it itself.
 */
import { rm } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { trainIntents } from "../actors/language/index.ts";
import { loadPlaybooks, playbookDirs } from "../actors/playbooks/index.ts";
import { Inventory } from "../actors/skills/inventory.ts";
import {
  BUILT_IN_MODEL,
  type Encoder,
  encoderOptions,
  keepVectors,
  keptVectorsDir,
  openEncoder,
} from "../memory/encoder/index.ts";
import { loadArticles } from "../memory/knowledge/articles.ts";
import { calibrate } from "../memory/retrieval/confidence.ts";
import { partsOf } from "../memory/retrieval/documents.ts";
import { learntDir, SHOP_ARTICLES } from "./shipped.ts";

export async function prepareShipped(say: (text: string) => void): Promise<void> {
  const { kept: _, ...options } = encoderOptions({ model: BUILT_IN_MODEL, threads: 1 });
  const encoder = await openEncoder(options);
  try {
    const vectors = new Map<string, Float32Array>();
    const noting: Encoder = {
      id: encoder.id,
      dimension: encoder.dimension,
      encode: async (texts, signal) => {
        const encoded = await encoder.encode(texts, signal);
        for (const [i, text] of texts.entries()) vectors.set(text, encoded[i]!);
        return encoded;
      },
    };
    say("encoding the shipped articles");
    const { articles } = await loadArticles([SHOP_ARTICLES]);
    for (const { title, text, questions } of articles)
      await noting.encode(partsOf(title, text, questions).texts);
    await calibrate(noting);
    say("learning the intents of the shipped playbooks");
    const { examples } = loadPlaybooks(playbookDirs({ dirs: [], shipped: true }), new Inventory());
    await rm(learntDir(), { recursive: true, force: true });
    await trainIntents({ encoder: noting, examples, cacheDir: learntDir() });
    await keepVectors(keptVectorsDir(), encoder, vectors);
  } finally {
    await encoder.close();
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(resolve(process.argv[1])).href)
  await prepareShipped((text) => process.stdout.write(`${text}\n`));
