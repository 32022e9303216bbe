/** The classifier of a desk: utterances of its playbooks and the built-in ones, trained at start and kept on disk. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { z } from "zod";
import { asset } from "../../../runtime/config/paths.ts";
import { canonicalJson } from "../../../runtime/json.ts";
import { SlotExtractor } from "../slots/index.ts";
import type { Encoder } from "../types.ts";
import { type Example, IntentClassifier } from "./classifier.ts";
import { loadModel, saveModel } from "./model-file.ts";
import { plainWish } from "./wish.ts";

/** An utterance that shows an intent. */
export interface IntentExample {
  readonly intent: string;
  readonly text: string;
}

export interface BuiltIn {
  readonly intents: Readonly<Record<string, readonly string[]>>;
  /** Utterances that no desk answers. */
  readonly outside: readonly string[];
}

const utterances = z.array(z.string().min(1));
const builtInSchema = z.strictObject({ intents: z.record(z.string(), utterances), outside: utterances });

/** What customers say in any conversation. */
export function builtIn(): BuiltIn {
  return builtInSchema.parse(parse(readFileSync(asset("actors/language/intents/builtin.yaml"), "utf8")));
}

/** Label of what lies outside; not a valid name of an intent. */
export const OUTSIDE = "(outside)";
/** Raised whenever training would give something else for the same examples. */
const VERSION = 1;
const BATCH = 32;

export interface TrainOptions {
  readonly encoder: Encoder;
  readonly examples: readonly IntentExample[];
  /** Folder of trained models; without it nothing is kept. */
  readonly cacheDir?: string;
  /** Folder of what set-up trained, looked at first. */
  readonly shippedDir?: string;
  readonly extractor?: SlotExtractor;
  /** Parts held out in turn for calibration. Default 3. */
  readonly folds?: number;
  /** Default: the shipped ones. */
  readonly builtIn?: BuiltIn;
}

/** Trains, or loads what equal examples and the same encoder gave before. Lets the event loop run in between. */
export async function trainIntents(options: TrainOptions): Promise<IntentClassifier> {
  const extractor = options.extractor ?? new SlotExtractor();
  const own = options.builtIn ?? builtIn();
  const rows = unique([
    ...options.examples.map((e) => ({ label: e.intent, text: e.text })),
    ...Object.entries(own.intents).flatMap(([label, texts]) => texts.map((text) => ({ label, text }))),
    ...own.outside.map((text) => ({ label: OUTSIDE, text })),
  ]).map((row) => ({ ...row, text: plainWish(row.text, extractor.extract(row.text)) }));
  const key = createHash("sha256")
    .update(canonicalJson([VERSION, options.encoder.id, options.folds ?? 3, rows]))
    .digest("hex")
    .slice(0, 32);
  for (const folder of [options.shippedDir, options.cacheDir]) {
    const known = folder && (await loadModel(folder, key));
    if (known) return known;
  }

  const examples: Example[] = [];
  for (let i = 0; i < rows.length; i += BATCH) {
    const batch = rows.slice(i, i + BATCH);
    const vectors = await options.encoder.encode(batch.map((r) => r.text));
    for (const [j, row] of batch.entries()) examples.push({ ...row, vector: vectors[j]! });
  }
  const classifier = await IntentClassifier.train(examples, { outside: OUTSIDE, folds: options.folds ?? 3 });
  if (options.cacheDir) await saveModel(options.cacheDir, key, classifier);
  return classifier;
}

/** Equal texts under two labels teach nothing: the first one, a playbook's, stays. */
function unique(rows: readonly { label: string; text: string }[]): { label: string; text: string }[] {
  const seen = new Set<string>();
  return rows.filter(({ text }) => {
    const key = text.trim().toLowerCase();
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
