/** What the processes of `bench recovery` tell each other. */
export const WORKSPACE = "bench";

export interface WriterPlace {
  readonly url: string;
  readonly user: string;
  readonly pass: string;
  /** Of the memory's LevelDB. */
  readonly dir: string;
  /** Holds the workspace key. */
  readonly dataDir: string;
  readonly seed: string;
  /** Which of the processes it is. */
  readonly round: number;
}

/** Something that the memory has said is kept. */
export type Acknowledged = { readonly customer: string } & (
  | { readonly fact: string }
  | { readonly conversation: string; readonly turn: number }
);
