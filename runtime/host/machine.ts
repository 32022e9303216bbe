/**
 * What durable machines are written with.
 *
 * A durable machine is pure: it sees records as events, changes its context, and says what it wants done as *effects*.
 * Effects are emitted (`emit(tell(...))`, `enqueue.emit(ask(...))`) by the root machine only; a child tells its parent.
 * The host appends them to the log with ids that follow from the record, so a repeated fold wants the same things.
 *
 * `fromPromise`, `fromCallback` and `fromObservable` are left out on purpose: an ask is the only asynchrony.
 */
import type { Address } from "../address.ts";
import type { JsonObject } from "../json.ts";

export {
  type ActorRefFrom,
  type AnyActorRef,
  type AnyStateMachine,
  and,
  assign,
  cancel,
  emit,
  enqueueActions,
  fromTransition,
  not,
  or,
  raise,
  type SnapshotFrom,
  sendParent,
  sendTo,
  setup,
  spawnChild,
  stateIn,
  stopChild,
} from "xstate";

/** How a record looks to a machine. */
export interface ActorEvent<T extends string = string, D = any> {
  readonly type: T;
  /** The record's id. */
  readonly id: string;
  /** Log time, ms since the epoch, monotone per actor. */
  readonly at: number;
  readonly from: Address;
  /** Clear and sealed part of the body, merged. */
  readonly data: D;
}

/** Input of every durable machine. */
export interface ActorInput {
  readonly address: Address;
  /** Log time of the actor's first record. */
  readonly startedAt: number;
}

/** Appends a record for another actor (or for itself). */
export interface TellEffect {
  readonly type: "bw.tell";
  readonly to: Address;
  readonly event: string;
  /** Sealed part. */
  readonly data: JsonObject;
  /** Clear part: generated ids and type words only. */
  readonly clear: JsonObject;
}

/**
 * Asks a resident agent. The answer comes back as an event `<name>.done` with `data` = the value, or `<name>.failed`
 * with `data` = {code, message, retryable}; a time-out is `<name>.failed` with code `timeout`. Exactly one of them comes.
 */
export interface AskEffect {
  readonly type: "bw.ask";
  readonly name: string;
  readonly service: string;
  readonly operation: string;
  readonly input: JsonObject;
  /** Milliseconds from the record's log time to the deadline. */
  readonly timeoutMs: number;
  /** Idempotency key; the ask's own derived id unless given. Stable over retries, restarts and replays. */
  readonly key?: string;
}

export type Effect = TellEffect | AskEffect;

/** A machine emitted something that is no effect. */
export class MachineEffectError extends Error {
  override readonly name = "MachineEffectError";
}

export const DEFAULT_ASK_TIMEOUT_MS = 5_000;

export function tell(to: Address, event: string, data: JsonObject = {}, clear: JsonObject = {}): TellEffect {
  return { type: "bw.tell", to, event, data, clear };
}

export function ask(
  name: string,
  service: string,
  operation: string,
  input: JsonObject,
  options: { timeoutMs?: number; key?: string } = {},
): AskEffect {
  return {
    type: "bw.ask",
    name,
    service,
    operation,
    input,
    timeoutMs: options.timeoutMs ?? DEFAULT_ASK_TIMEOUT_MS,
    key: options.key,
  };
}

/** Why an ask failed. */
export interface AskFailure {
  /** `timeout`, `unavailable`, `not_found`, `forbidden`, `conflict`, `invalid`, `unknown_outcome`, `failed`. */
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
}
