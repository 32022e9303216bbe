/**
 * What a conversation and the playbook it runs say to each other.
 *
 * The playbook is a child machine of the conversation (spawned with id `playbook` and src `<name>@<version>`). It never
 * emits effects: it sends `PlaybookCommand`s to its parent, which does what they ask and answers with
 * `PlaybookEvent`s. Everything here is JSON, so that a snapshot in the middle of a playbook is complete.
 *
 * Order of things:
 * - `pb.call` is answered by exactly one `call.done` or `call.failed` with its `name`, `pb.task` by exactly one
 *   `task.done` or `task.failed`, with an `approval` or more before it when the task had to ask a person.
 * - `pb.verify` is answered by `customer.verified`; a customer who cannot be verified never gets back to the playbook.
 * - After `pb.expect` the playbook waits for a `turn`; before it, turns are the conversation's to keep.
 * - `resume` makes the playbook say its open question again (after a detour), with its `pb.expect`.
 * - `pb.done` is the last command; the machine is then in a final state. `pb.handoff` is followed by a `pb.done`.
 */
import type { JsonObject } from "../../runtime/json.ts";
import type { SlotType } from "../language/types.ts";

export type { SlotType };

/** Something that `language.understand` found in a text. */
export interface Entity {
  /** `order_number`, `email`, `postcode`, `date`, `amount`, `name`, `phone`, `item_words`. */
  readonly type: string;
  /** Normalised: an order number as `W1234567`, a date as `YYYY-MM-DD`, an amount as `12.50 USD` or `12.50`. */
  readonly value: string;
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** The answer of `language.understand`. */
export interface Understanding {
  readonly language?: string;
  readonly intent: { readonly name: string; readonly confidence: number } | null;
  readonly alternatives?: readonly { readonly name: string; readonly confidence: number }[];
  /** Requests of a message that holds several, in order, each with its part of the message. */
  readonly requests?: readonly {
    readonly intent: string;
    readonly confidence: number;
    readonly text: string;
  }[];
  readonly entities: readonly Entity[];
  readonly yesNo: "yes" | "no" | null;
  readonly signals?: object;
  readonly masked?: string;
  /** Content words, lower case. */
  readonly topics?: readonly string[];
}

/** The customer as the playbook knows him; `verified` decides whether records may be shown or changed. */
export interface PlaybookCustomer {
  readonly id: string;
  readonly verified: boolean;
  readonly name?: string;
  readonly firstName?: string;
  readonly email?: string;
}

/** Input of a compiled playbook. */
export interface PlaybookInput {
  readonly customer: PlaybookCustomer | null;
  /** Slots that are known already (by slot name); simple values, or entities' values. */
  readonly slots: JsonObject;
  /** Log time of the triggering message, ms since the epoch. */
  readonly at: number;
  readonly understanding: Understanding | null;
  /** The triggering message. */
  readonly text: string;
  /** Earlier messages of the same conversation that may fill slots too, oldest first. */
  readonly earlier?: readonly { readonly text: string; readonly understanding: Understanding | null }[];
  /** Overrides of the playbook's own settings (limits, names), from the configuration. */
  readonly settings?: JsonObject;
}

export interface Citation {
  readonly id: string;
  readonly title: string;
}

/** A write of a saga, and what takes it back. */
export interface TaskStep {
  readonly skill: string;
  readonly input: JsonObject;
  /** Idempotency key; follows from the task unless given. */
  readonly key?: string;
  readonly compensate?: { readonly skill: string; readonly input: JsonObject };
}

export interface TaskApproval {
  /** For the person who decides: what it is about. */
  readonly what: string;
  readonly amount?: number;
  readonly currency?: string;
}

/**
 * Why a call or a task failed: codes of asks, and `declined` when a person did not approve. A message that begins with a
 * word and a colon (`not_cancellable: …`) names a reason that a playbook can branch on like on a code.
 */
export interface PlaybookFailure {
  readonly code: string;
  readonly message?: string;
  readonly retryable?: boolean;
}

export type PlaybookResult = "resolved" | "declined" | "failed" | "handed_off";

/** Child to parent. */
export type PlaybookCommand =
  | {
      readonly type: "pb.say";
      readonly text: string;
      readonly quickReplies?: readonly string[];
      readonly citations?: readonly Citation[];
    }
  | {
      readonly type: "pb.expect";
      /** They go into `language.understand` as `expecting`. */
      readonly slots: readonly SlotType[];
      /** The step that waits: `<step>` of the playbook. */
      readonly step: string;
      /** `ask`, `choose`, `confirm`: a question is open; `approval`: a person's decision is, and turns are welcome. */
      readonly what: "ask" | "choose" | "confirm" | "approval";
    }
  | { readonly type: "pb.verify"; readonly order?: string }
  | { readonly type: "pb.call"; readonly name: string; readonly skill: string; readonly input: JsonObject }
  | {
      readonly type: "pb.task";
      readonly name: string;
      readonly steps: readonly TaskStep[];
      readonly approval?: TaskApproval;
    }
  | {
      readonly type: "pb.handoff";
      readonly reason: string;
      /** What the customer is told. */
      readonly sentence: string;
      /** For the person who takes over: what was found and done so far. */
      readonly summary: string;
    }
  | {
      readonly type: "pb.remember";
      readonly factType: string;
      readonly value: unknown;
      readonly text: string;
    }
  | {
      readonly type: "pb.offer";
      readonly offerId: string;
      readonly title: string;
      readonly text: string;
      readonly value?: JsonObject;
    }
  | { readonly type: "pb.outcome"; readonly outcome: string }
  | { readonly type: "pb.done"; readonly result: PlaybookResult };

/** Parent to child. `at` is the log time of the record that led to it. */
export type PlaybookEvent =
  | {
      readonly type: "turn";
      readonly understanding: Understanding;
      readonly text: string;
      readonly at: number;
    }
  | {
      readonly type: "customer.verified";
      readonly customer: PlaybookCustomer;
      readonly at: number;
      /** What the customer wrote while verifying may fill slots as well. */
      readonly said?: readonly { readonly text: string; readonly understanding: Understanding | null }[];
    }
  | { readonly type: "call.done"; readonly name: string; readonly value: unknown; readonly at: number }
  | {
      readonly type: "call.failed";
      readonly name: string;
      readonly error: PlaybookFailure;
      readonly at: number;
    }
  | { readonly type: "task.done"; readonly name: string; readonly result: unknown; readonly at: number }
  | {
      readonly type: "task.failed";
      readonly name: string;
      readonly error: PlaybookFailure;
      /** Whether what had been done was taken back. */
      readonly compensated?: boolean;
      readonly at: number;
    }
  | {
      readonly type: "approval";
      /** Name of the task. */
      readonly name: string;
      readonly state: "pending" | "approved" | "declined";
      readonly note?: string;
      readonly at: number;
    }
  | { readonly type: "resume"; readonly at: number };

/** Kinds of actions of a skill, as the compiler needs to know them. */
export interface SkillFacts {
  readonly effect: "read" | "write";
  /** Changes something a customer would mind: wants a confirmation or an approval, and a compensation. */
  readonly consequential: boolean;
  /** The system applies one idempotency key once. */
  readonly honoursKeys: boolean;
  /** The skill that takes it back. */
  readonly compensatedBy?: string;
  /** Codes of failures besides those every ask can have (`timeout`, `unavailable`, `failed`, `invalid`). */
  readonly failureCodes?: readonly string[];
  /** Reasons with which it says no: the first word of a failure's message. */
  readonly reasons?: readonly string[];
  /** Names of inputs; unknown ones are refused when given. */
  readonly inputs?: { readonly required: readonly string[]; readonly optional: readonly string[] };
}

/** What the compiler asks the inventory of skills. */
export interface SkillCatalog {
  get(name: string): SkillFacts | undefined;
  /** All names, for "did you mean". */
  names?(): readonly string[];
}
