/**
 * What the language agent answers. Everything here is JSON, so it goes on the record as it is: a replay needs neither
 * the classifier nor the encoder.
 */

/** What kind of value a piece of text holds. */
export type SlotType =
  | "order_number"
  | "email"
  | "postcode"
  | "date"
  | "amount"
  | "name"
  | "phone"
  | "item_id"
  | "quantity"
  /** Content words that describe an item ("the blue water bottle"): value is the words. */
  | "item_words"
  | "yes_no";

/** A value found in a message. `text === message.slice(start, end)`, in UTF-16 code units. */
export interface Entity {
  readonly type: SlotType;
  /**
   * Normalised: order numbers as `W1234567`, e-mails in lower case, postcodes in their country's writing, dates as
   * `YYYY-MM-DD`, amounts as `12.50 USD` (or `12.50` without a currency), phones as digits with a leading `+` where given,
   * quantities as digits, yes_no as `yes` or `no`.
   */
  readonly value: string;
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** Finer facts: country of a postcode (`US`, `GB`, `DE`, `FR`, `NL`, `CA`), currency of an amount, parts of a name. */
  readonly detail?: { readonly [key: string]: string };
}

export interface ScoredIntent {
  /** Name of an intent: a playbook's name, or a built-in one (`greet`, `thanks`, `human` …). */
  readonly name: string;
  /** Calibrated probability, 0 to 1. */
  readonly confidence: number;
}

/** One request of a message that may hold several, in the order in which they were made. */
export interface Request {
  readonly intent: string;
  readonly confidence: number;
  /** The part of the message that asks for it. */
  readonly text: string;
}

export type Language = "en" | "de" | "fr" | "es" | "nl";

export interface Signals {
  /** Asked for a person (not merely mentioned one, not declined one). */
  readonly wantsHuman: boolean;
  readonly angry: boolean;
  readonly thanks: boolean;
  readonly goodbye: boolean;
  readonly greeting: boolean;
  /** Wants what is under way to be left: "stop", "never mind". */
  readonly stop: boolean;
  /** Text that talks to the machine behind the desk: instructions, system prompts, role play. */
  readonly injection: boolean;
  /** Nothing but emoji, punctuation and blanks (and at least one emoji). */
  readonly emojiOnly: boolean;
  /** Nothing that could be read: blanks, punctuation or control characters alone. */
  readonly empty: boolean;
  /** Holds control characters other than line breaks and tabs. */
  readonly controlCharacters: boolean;
}

/** Input of `language.understand`. */
export interface UnderstandInput {
  /** The customer's message, up to 16 KiB. */
  readonly text: string;
  /** What the desk just asked for: such values are accepted in their barest form ("98178", "Mei Davis", "two"). */
  readonly expecting?: readonly SlotType[];
  /** BCP 47 tag of the customer's channel, for the order of day and month; by default taken from the text's language. */
  readonly locale?: string;
  /** Log time of the message, ms since the epoch: "yesterday" is relative to it. Without it relative dates are left out. */
  readonly now?: number;
  /** IANA zone in which "today" is meant; UTC by default. */
  readonly zone?: string;
  /** Conversation, so that masks stay the same over its messages. */
  readonly conversation?: string;
}

/** Answer of `language.understand`. */
export interface Understanding {
  readonly language: Language;
  /** The best intent; null when nothing was said or what was said is outside of what the desk knows. */
  readonly intent: ScoredIntent | null;
  /** Other intents worth a thought, best first, without the best one. */
  readonly alternatives: readonly ScoredIntent[];
  /** Requests in the order in which they were made; one for most messages, none when `intent` is null. */
  readonly requests: readonly Request[];
  /** In order of their place in the text. */
  readonly entities: readonly Entity[];
  readonly yesNo: "yes" | "no" | null;
  readonly signals: Signals;
  /** The text with personal values replaced by typed tokens: `<EMAIL_1>`. */
  readonly masked: string;
  /** Content words in lower case, in order, without repetition, 40 at most. */
  readonly topics: readonly string[];
}

/** Input of `language.ground`. */
export interface GroundInput {
  /** The reply that somebody (a model) wants to say. */
  readonly text: string;
  /** Everything it may lean on: records as JSON text, passages, the customer's own messages. */
  readonly evidence: readonly string[];
}

export type FactKind =
  | "order_number"
  | "item_id"
  | "amount"
  | "date"
  | "status"
  | "tracking"
  | "percent"
  | "email"
  | "phone"
  | "address"
  | "url"
  | "number"
  /** A sentence that says something which no evidence does, without any of the above in it. */
  | "statement";

/** A fact that a text states. */
export interface Fact {
  readonly kind: FactKind;
  /** Normalised, comparable. */
  readonly value: string;
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** Answer of `language.ground`. */
export interface Grounding {
  readonly ok: boolean;
  /** Facts that no evidence holds, in order. */
  readonly unsupported: readonly Fact[];
}

/** Turns texts into unit vectors. */
export type { Encoder } from "../../memory/encoder/index.ts";
