/** How a recording is replayed, and what comes of it. */
import type { Envelope } from "../../runtime/envelope.ts";
import type { Recording } from "../recording/recording.ts";

export interface FrozenOptions {
  /** `tolerant`: what a skill is asked with may be something else, if it is the same skill. Default `strict`. */
  readonly match?: "strict" | "tolerant";
  /** All that the desk did inside has to be the same too, and what its actors are has to follow from the log alone. */
  readonly verify?: boolean;
  /** After so many records everything but the log and what was written of the stores is lost, and it goes on from there. */
  readonly crashEvery?: number;
  /** The records come in another order that they could have had, drawn by this seed. */
  readonly reorder?: string;
  /** Sequence before which it ends, with all that is open left as it is. */
  readonly until?: number;
  /** What it came to is answered as a recording too: up to where it diverged, with what the desk did there instead. */
  readonly keep?: boolean;
}

export interface FrozenDivergence {
  /** Sequence in the recording; undefined where it has nothing of the kind. */
  readonly seq?: number;
  /** What of the recording was not met. */
  readonly expected?: string;
  /** What the desk did instead. */
  readonly got?: string;
  readonly what: string;
}

export interface FrozenResult {
  readonly id: string;
  readonly status: "passed" | "diverged" | "failed";
  /** From and to the customer. */
  readonly messages: number;
  /** Of the customer. */
  readonly turns: number;
  readonly skillCalls: number;
  readonly transcriptHash: string;
  /** Over the states of all actors of the conversation at its end. */
  readonly stateHash: string;
  readonly divergence?: FrozenDivergence;
  /** Replies and calls that the recording has and this did not come to. */
  readonly lostMessages: number;
  /** Calls whose key was used before, more often than in the recording. */
  readonly duplicatedSkillCalls: number;
  readonly crashes: number;
  readonly durationMs: number;
  /** See `FrozenOptions.keep`. */
  readonly recording?: Recording;
}

/** Ends a replay. */
export class Diverged extends Error {
  /** @param instead what the desk did there */
  constructor(
    readonly divergence: FrozenDivergence,
    readonly instead?: Envelope,
  ) {
    super(divergence.what);
  }
}
