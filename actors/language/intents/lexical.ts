/** Lexical evidence: TF-IDF of words, pairs of words and pieces of words. */
import { fold } from "../text.ts";

/** A sparse vector; indices ascend. */
export interface SparseVector {
  readonly indices: Int32Array;
  readonly values: Float32Array;
}

const TOKEN = /[\p{L}\p{M}]+(?:'[\p{L}]+)*|\p{N}+|\p{Extended_Pictographic}/gu;

/** Words in lower case without diacritics; every number is `0`, because which number it is says nothing about a wish. */
export function tokens(text: string): string[] {
  return (fold(text).match(TOKEN) ?? []).map((t) => (/^\p{N}/u.test(t) ? "0" : t));
}

/** Kinds of features; each block is brought to length 1 and weighed on its own. */
const BLOCKS = 2;
const WORDS = 0;
const PIECES = 1;

/** Calls back with each feature of a text, repeated as often as it occurs. */
function eachFeature(text: string, visit: (feature: string, block: number) => void): void {
  const list = tokens(text);
  let previous = "^";
  for (const word of list) {
    visit(word, WORDS);
    visit(`${previous} ${word}`, WORDS);
    previous = word;
    const padded = ` ${word} `;
    for (let n = 3; n <= 5; n++) {
      for (let i = 0; i + n <= padded.length; i++) visit(`_${padded.slice(i, i + n)}`, PIECES);
    }
  }
  if (list.length > 0) visit(`${previous} $`, WORDS);
}

export interface LexicalOptions {
  /** A feature must occur in this many texts. Default 1, and 2 from 5,000 texts on. */
  readonly minimumDocuments?: number;
  /** Length of the vector of words; that of pieces is such that both together have length 1. Default 0.75. */
  readonly wordWeight?: number;
}

/** Maps texts to sparse vectors over the features that the training texts had. */
export class LexicalFeatures {
  readonly #index: Map<string, number>;
  readonly #block: Uint8Array;
  readonly #idf: Float32Array;
  readonly #weights: readonly number[];

  private constructor(index: Map<string, number>, block: Uint8Array, idf: Float32Array, wordWeight: number) {
    this.#index = index;
    this.#block = block;
    this.#idf = idf;
    this.#weights = [wordWeight, Math.sqrt(1 - wordWeight * wordWeight)];
  }

  static fit(texts: readonly string[], options: LexicalOptions = {}): LexicalFeatures {
    const minimum = options.minimumDocuments ?? (texts.length >= 5_000 ? 2 : 1);
    const documents = new Map<string, number>();
    const blocks = new Map<string, number>();
    for (const text of texts) {
      const seen = new Set<string>();
      eachFeature(text, (feature, block) => {
        if (seen.has(feature)) return;
        seen.add(feature);
        const count = documents.get(feature);
        documents.set(feature, (count ?? 0) + 1);
        if (count === undefined) blocks.set(feature, block);
      });
    }
    const index = new Map<string, number>();
    const idf: number[] = [];
    const block: number[] = [];
    for (const [feature, count] of documents) {
      if (count < minimum) continue;
      index.set(feature, idf.length);
      idf.push(Math.log((1 + texts.length) / (1 + count)) + 1);
      block.push(blocks.get(feature)!);
    }
    return new LexicalFeatures(
      index,
      Uint8Array.from(block),
      Float32Array.from(idf),
      options.wordWeight ?? 0.75,
    );
  }

  get size(): number {
    return this.#idf.length;
  }

  /** Single words of the training texts, the commonest first. */
  words(): string[] {
    return [...this.#index]
      .filter(([feature, i]) => this.#block[i] === WORDS && !feature.includes(" "))
      .sort((a, b) => this.#idf[a[1]]! - this.#idf[b[1]]!)
      .map(([feature]) => feature);
  }

  vector(text: string): SparseVector {
    const counts = new Map<number, number>();
    eachFeature(text, (feature) => {
      const i = this.#index.get(feature);
      if (i !== undefined) counts.set(i, (counts.get(i) ?? 0) + 1);
    });
    const indices = Int32Array.from(counts.keys()).sort();
    const values = new Float32Array(indices.length);
    const squares = new Array<number>(BLOCKS).fill(0);
    for (const [j, i] of indices.entries()) {
      const value = (1 + Math.log(counts.get(i)!)) * this.#idf[i]!;
      values[j] = value;
      squares[this.#block[i]!]! += value * value;
    }
    const scale = squares.map((s, b) => (s > 0 ? this.#weights[b]! / Math.sqrt(s) : 0));
    for (const [j, i] of indices.entries()) values[j]! *= scale[this.#block[i]!]!;
    return { indices, values };
  }

  toJSON(): { features: string[]; block: number[]; idf: number[]; wordWeight: number } {
    return {
      features: [...this.#index.keys()],
      block: [...this.#block],
      idf: [...this.#idf],
      wordWeight: this.#weights[0]!,
    };
  }

  static fromJSON(stored: ReturnType<LexicalFeatures["toJSON"]>): LexicalFeatures {
    return new LexicalFeatures(
      new Map(stored.features.map((f, i) => [f, i])),
      Uint8Array.from(stored.block),
      Float32Array.from(stored.idf),
      stored.wordWeight,
    );
  }
}
