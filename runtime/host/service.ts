/** Resident agents: what answers asks. They do I/O on the real clock; their answers are on the record, they are not. */
import type { JsonObject } from "../json.ts";
import type { AskFailure } from "./machine.ts";

export interface AskContext {
  /** Stable over retries, restarts and replays: hand it to systems that honour keys. */
  readonly idempotencyKey: string;
  /** Wall clock, ms since the epoch, after which nobody waits. */
  readonly deadline: number;
  /** Aborted at the deadline and at shutdown. */
  readonly signal: AbortSignal;
  readonly traceparent?: string;
  /** Another node may have made this request before, under the same key: what is noted here does not say whether it was. */
  readonly again?: boolean;
  /**
   * Whether this node may still act for whoever asked. To be looked at right before what can't be taken back: a node that
   * stood still learns here that another one has taken over, which does it instead; an agent that was too slow, that whoever
   * asked has been told so, and may have asked again. Absent where nobody can say.
   */
  readonly mayAct?: () => boolean;
}

export type Operation = (input: any, context: AskContext) => Promise<JsonObject>;

/** A resident agent as the host serves it on `bw.<workspace>.svc.<name>.<operation>`. */
export interface Service {
  readonly name: string;
  readonly operations: Readonly<Record<string, Operation>>;
  /**
   * Operations that may be asked any number of times under one key: they change nothing anywhere, or nothing the second time. They
   * need no record before they are asked.
   */
  readonly repeatable?: readonly string[];
  /** State for `status`: `up`, `degraded`, `open`, `probing` and what an operator would want to know. */
  readonly health?: () => JsonObject;
  readonly start?: () => Promise<void>;
  readonly stop?: () => Promise<void>;
}

/** Thrown by an operation to answer a failure with a code; anything else thrown is `failed`, retryable. */
export class AskError extends Error implements AskFailure {
  override readonly name = "AskError";
  constructor(
    readonly code: string,
    message: string,
    readonly retryable = false,
  ) {
    super(message);
  }
}
