/** What is known of a run when it is over: what the checker judges by. Times are ms since the epoch on one clock. */
import type { JsonObject } from "../../runtime/json.ts";
import type { PoisonKind } from "./faults.ts";
import type { Want } from "./machines.ts";

export interface SentMessage {
  /** Name of the addressee: `talk/<key>/<id>`. */
  readonly to: string;
  readonly id: string;
  readonly wants: Want | "plain";
  /** What the customer wants to wait for, ms. */
  readonly ms?: number;
  readonly sentAt: number;
  /** Set when the node said that it has it. */
  readonly acceptedAt?: number;
  /** Place in the log that the node named then. */
  readonly seq?: number;
}

/** A record of the log whose envelope can be read. */
export interface LoggedRecord {
  readonly seq: number;
  /** When the server took it. */
  readonly at: number;
  readonly id: string;
  readonly type: string;
  readonly to: string;
  readonly from: string;
  /** Of the tenure under which it was written; 0 for what came from outside. */
  readonly epoch: number;
  readonly clear: JsonObject;
}

/** Systems that receive writes: one honours keys, one can be asked what became of one, one neither. */
export const SINKS = ["keyed", "asked", "blind"] as const;

export type SinkName = (typeof SINKS)[number];

/** A write that reached a system. */
export interface Attempt {
  readonly sink: SinkName;
  readonly key: string;
  /** The message that wanted it. */
  readonly what: string;
  readonly at: number;
  /** False where the system knew the key and did nothing. */
  readonly applied: boolean;
}

/** A dead letter. */
export interface Letter {
  readonly seq?: number;
  readonly recordId?: string;
  readonly to?: string;
  readonly type?: string;
}

/** A record that ruins its actor. */
export interface Poison {
  readonly to: string;
  readonly id: string;
  readonly kind: PoisonKind;
}

/** What somebody else wrote into the log and nobody can fold. */
export interface ForeignRecord {
  readonly seq: number;
  readonly what: string;
}

/** An actor as its node has it in the end. */
export interface FinalState {
  readonly to: string;
  /** Messages in the order in which they were folded; undefined when it could not be read. */
  readonly seen?: readonly string[];
  /** Whether folding the log again comes to the same state. */
  readonly same?: boolean;
}

export interface History {
  readonly messages: readonly SentMessage[];
  readonly log: readonly LoggedRecord[];
  readonly attempts: readonly Attempt[];
  readonly letters: readonly Letter[];
  readonly states: readonly FinalState[];
  readonly poisons: readonly Poison[];
  readonly foreign: readonly ForeignRecord[];
  /** Ids of records that were refused for good, and so must not be in the log. */
  readonly refused: readonly string[];
  /** Where a customer's words were found that nobody should be able to read. */
  readonly leaks: readonly string[];
  readonly lastFaultEndedAt: number;
}
