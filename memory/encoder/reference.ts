/**
 * Reference forward pass of the built-in encoder in plain JavaScript, one text at a time, straight from the package's
 * weights. Slow; it exists to check the converted model against.
 */
import {
  type Dense,
  EPSILON,
  type LayerWeights,
  MAX_TOKENS,
  type Norm,
  type Piece,
  SHAPE,
  type UseLiteWeights,
} from "./use-lite-weights.ts";

type Row = Float64Array;

/** @returns the unit vector of a text given as token ids (as many as the network reads). */
export function referenceEmbedding(weights: UseLiteWeights, ids: readonly number[]): Float32Array {
  let rows = ids.slice(0, MAX_TOKENS).map((id, position) => embed(weights, id, position));
  for (const layer of weights.layers) rows = transformer(layer, rows);
  const mean = new Float64Array(SHAPE.hidden);
  for (const row of rows) for (let i = 0; i < mean.length; i++) mean[i]! += row[i]! / rows.length;
  const out = product(weights.out, mean).map(Math.tanh);
  const norm = Math.sqrt(out.reduce((sum, value) => sum + value * value, 0));
  return Float32Array.from(out, (value) => value / norm);
}

/** Segmentation with the best sum of log probabilities (SentencePiece unigram). */
export function referenceTokens(vocabulary: readonly Piece[], text: string): number[] {
  const pieces = new Map(vocabulary.map(([piece, score], id) => [piece, { id, score: score ?? 0 }]));
  for (const [piece] of vocabulary.slice(0, 6)) pieces.delete(piece);
  const longest = Math.max(...vocabulary.map(([piece]) => [...piece].length));
  const ids: number[] = [];
  for (const word of text.normalize("NFKC").split(/\s+/).filter(Boolean)) {
    ids.push(...segment([..."▁", ...word], pieces, longest));
  }
  return ids;
}

function segment(
  characters: readonly string[],
  pieces: ReadonlyMap<string, { id: number; score: number }>,
  longest: number,
): number[] {
  const best: { score: number; from: number; id: number }[] = [{ score: 0, from: -1, id: -1 }];
  for (let end = 1; end <= characters.length; end++) {
    let found = { score: best[end - 1]!.score - 110, from: end - 1, id: 0 };
    for (let from = Math.max(0, end - longest); from < end; from++) {
      const piece = pieces.get(characters.slice(from, end).join(""));
      if (piece && best[from]!.score + piece.score > found.score) {
        found = { score: best[from]!.score + piece.score, from, id: piece.id };
      }
    }
    best.push(found);
  }
  const ids: number[] = [];
  for (let at = characters.length; at > 0; at = best[at]!.from) {
    // A run of unknown characters is one unknown piece.
    if (best[at]!.id !== 0 || ids[0] !== 0) ids.unshift(best[at]!.id);
  }
  return ids;
}

function embed(weights: UseLiteWeights, id: number, position: number): Row {
  const half = SHAPE.embedding / 2;
  return Float64Array.from({ length: SHAPE.embedding }, (_, i) => {
    const angle = position * weights.frequencies[i % half]!;
    // Twice: the graph adds the timing signal to the embedding, and the sum to the embedding once more.
    return 2 * weights.embeddings[id * SHAPE.embedding + i]! + (i < half ? Math.sin(angle) : Math.cos(angle));
  });
}

function transformer(layer: LayerWeights, rows: readonly Row[]): Row[] {
  const attended = attention(layer, rows).map((row, i) =>
    add(row, layer.residual ? product(layer.residual, rows[i]!) : rows[i]!),
  );
  return attended.map((row) => {
    const expanded = product(layer.expand, normalised(layer.feedForwardNorm, row)).map((v) => Math.max(0, v));
    return add(product(layer.contract, expanded), row);
  });
}

function attention(layer: LayerWeights, rows: readonly Row[]): Row[] {
  const width = layer.qkv.inputs;
  const perHead = width / SHAPE.heads;
  const qkv = rows.map((row) => product(layer.qkv, normalised(layer.attentionNorm, row)));
  return qkv.map((query) => {
    const mixed = new Float64Array(width);
    for (let head = 0; head < SHAPE.heads; head++) {
      const at = head * perHead;
      const scores = qkv.map((key) => {
        let dot = 0;
        for (let i = 0; i < perHead; i++) dot += query[at + i]! * key[width + at + i]!;
        return dot / Math.sqrt(perHead);
      });
      const top = Math.max(...scores);
      const shares = scores.map((score) => Math.exp(score - top));
      const total = shares.reduce((sum, share) => sum + share, 0);
      for (const [j, value] of qkv.entries()) {
        for (let i = 0; i < perHead; i++) mixed[at + i]! += (shares[j]! / total) * value[2 * width + at + i]!;
      }
    }
    return product(layer.attentionOut, mixed);
  });
}

function normalised(norm: Norm, row: Row): Row {
  const mean = row.reduce((sum, value) => sum + value, 0) / row.length;
  const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / row.length;
  const scale = 1 / Math.sqrt(variance + EPSILON);
  return row.map((value, i) => (value - mean) * scale * norm.scale[i]! + norm.bias[i]!);
}

function product({ inputs, outputs, kernel, bias }: Dense, row: Row): Row {
  const out = Float64Array.from(bias);
  for (let i = 0; i < inputs; i++) {
    const factor = row[i]!;
    if (factor === 0) continue;
    const at = i * outputs;
    for (let j = 0; j < outputs; j++) out[j] = out[j]! + factor * kernel[at + j]!;
  }
  return out;
}

function add(a: Row, b: Row): Row {
  return a.map((value, i) => value + b[i]!);
}
