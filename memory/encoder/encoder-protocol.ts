/** What the encoder and its process say to each other. */

/** How a vector is taken from a model that only has token vectors; `auto` is `mean`. */
export type Pooling = "auto" | "mean" | "cls";

export interface WorkerSettings {
  readonly modelsDir: string;
  readonly model: string;
  readonly threads: number;
  readonly pooling: Pooling;
  readonly maxCharacters: number;
}

export interface ToWorker {
  readonly kind: "encode";
  readonly batch: number;
  readonly texts: readonly string[];
}

export type FromWorker =
  | { readonly kind: "ready"; readonly dimension: number }
  /** Vectors of the batch one after the other. */
  | { readonly kind: "vectors"; readonly batch: number; readonly data: Float32Array }
  | { readonly kind: "failed"; readonly batch: number; readonly message: string };
