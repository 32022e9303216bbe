/** What the encoder and its process say to each other. */

/** How a vector is taken from a model that only has token vectors; `auto` is `mean`. */
export type Pooling = "auto" | "mean" | "cls";

/** A text; for a model that ranks, a question and what may answer it. */
export type EncoderInput = string | readonly [string, string];

export interface WorkerSettings {
  /** What the model is for: vectors of texts, or how well one text answers another. */
  readonly task: "encode" | "rank";
  readonly modelsDir: string;
  readonly model: string;
  readonly threads: number;
  readonly pooling: Pooling;
  readonly maxCharacters: number;
  /** Lowers its priority below the desk's, as `nice` does, 0 … 19. */
  readonly niceness: number;
}

export interface ToWorker {
  readonly kind: "encode";
  readonly batch: number;
  readonly texts: readonly EncoderInput[];
}

export type FromWorker =
  | { readonly kind: "ready"; readonly dimension: number }
  /** Vectors of the batch one after the other; of a model that ranks, its raw figures. */
  | { readonly kind: "vectors"; readonly batch: number; readonly data: Float32Array }
  | { readonly kind: "failed"; readonly batch: number; readonly message: string };
