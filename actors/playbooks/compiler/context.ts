/** What a running playbook remembers. Plain JSON: it is persisted with the conversation after every record. */
import type { Scope } from "../language/expression.ts";
import type { PlaybookDef } from "../language/schema.ts";
import type { PlaybookCustomer, PlaybookInput, Understanding } from "../protocol.ts";
import type { OrderLike, VariantLike } from "../slots/pick.ts";
import { clauses, focus } from "../slots/words.ts";

/** A message of the customer, as far as slots are filled from it. */
export interface Said {
  readonly text: string;
  /** The part that this playbook is about. */
  readonly focus: string;
  readonly entities: readonly { readonly type: string; readonly value: string; readonly text: string }[];
  readonly yesNo: "yes" | "no" | null;
  /** Said before this playbook was started. */
  readonly before: boolean;
}

export interface Failure {
  readonly code: string;
  readonly reason: string;
  readonly message: string;
}

export interface RunContext {
  readonly customer: PlaybookCustomer | null;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly slots: Readonly<Record<string, unknown>>;
  readonly vars: Readonly<Record<string, unknown>>;
  readonly said: readonly Said[];
  /** Log time of the last event, ms. */
  readonly at: number;
  /** Text that is said with the next question or at the end: one reply for one message. */
  readonly draft: string;
  /** Where the last event leads: a label of the step, or one of its inner ones. */
  readonly route: string;
  /** Name of the call or task whose answer is awaited. */
  readonly awaiting: string | null;
  /** Calls and tasks so far, for their names. */
  readonly seq: number;
  /** Answers that did not help, by step. */
  readonly attempts: Readonly<Record<string, number>>;
  /** Passes through steps that lead back, by step. */
  readonly loops: Readonly<Record<string, number>>;
  readonly corrections: number;
  /** The customer's last message, when it is to decide over what was said before. */
  readonly latest: string | null;
  /** Order numbers that are to be looked up; null: those that the messages hold. */
  readonly wanted: readonly string[] | null;
  /** Numbers that turned out not to be the customer's. */
  readonly tried: readonly string[];
  /** Those of them that have not been spoken of yet. */
  readonly refused: readonly string[];
  /** Orders among which the customer is asked to choose, or chose. */
  readonly candidates: readonly OrderLike[];
  /** Numbers of further orders, to be dealt with one after the other. */
  readonly queue: readonly string[];
  /** Orders that were dealt with before the present one. */
  readonly dealt: readonly string[];
  /** Variants among which the customer is asked to choose. */
  readonly pool: readonly VariantLike[];
  readonly error: Failure | null;
  readonly result: unknown;
  readonly approval: string | null;
}

const MAX_SAID = 16;
const MAX_TEXT = 4_000;

export function said(
  def: PlaybookDef,
  text: string,
  understanding: Understanding | null | undefined,
  before: boolean,
): Said {
  const cut = text.slice(0, MAX_TEXT);
  const mine = (understanding?.requests ?? []).filter((r) => Object.hasOwn(def.intents, r.intent));
  const several = (understanding?.requests ?? []).length > 1;
  return {
    text: cut,
    focus: several && mine.length ? mine.map((r) => r.text).join("\n") : focus(cut, def.cues),
    entities: (understanding?.entities ?? []).map(({ type, value, text: t }) => ({
      type,
      value: String(value),
      text: t,
    })),
    yesNo: understanding?.yesNo ?? null,
    before,
  };
}

export function initialContext(def: PlaybookDef, input: PlaybookInput): RunContext {
  const slots: Record<string, unknown> = {};
  let wanted: string[] | null = null;
  for (const [name, value] of Object.entries(input.slots ?? {})) {
    const type = def.slots[name]?.type;
    if (type === undefined || value === null) continue;
    if (type === "order") {
      if (typeof value === "string") wanted = [value];
    } else if (type !== "items" && type !== "variant") slots[name] = value;
  }
  return {
    customer: input.customer ?? null,
    settings: { ...def.settings, ...(input.settings ?? {}) },
    slots,
    vars: {},
    said: [
      ...(input.earlier ?? []).slice(-MAX_SAID / 2).map((e) => said(def, e.text, e.understanding, true)),
      said(def, input.text, input.understanding, false),
    ],
    at: input.at,
    draft: "",
    route: "",
    awaiting: null,
    seq: 0,
    attempts: {},
    loops: {},
    corrections: 0,
    latest: null,
    wanted,
    tried: [],
    refused: [],
    candidates: [],
    queue: [],
    dealt: [],
    pool: [],
    error: null,
    result: null,
    approval: null,
  };
}

export function hear(c: RunContext, ...more: readonly Said[]): RunContext {
  return { ...c, said: [...c.said, ...more].slice(-MAX_SAID) };
}

/** The names that texts and conditions see. */
export function scopeOf(c: RunContext): Scope {
  return {
    customer: c.customer ?? undefined,
    settings: c.settings,
    said: c.said.map((s) => s.text).join("\n"),
    matter: focusText(c),
    now: c.at,
    error: c.error ?? undefined,
    result: c.result ?? undefined,
    approval: c.approval ?? undefined,
    candidates: c.candidates,
    refused: c.refused,
    ...c.vars,
    ...c.slots,
  };
}

/** What was said about the matter of this playbook: its part of the first message and everything since. */
export function focusText(c: RunContext): string {
  return c.said
    .filter((s) => !s.before)
    .map((s) => s.focus)
    .join("\n");
}

const MAX_ALL = 20_000;

/** Everything that was said, oldest first; of very much the end. */
export function allText(c: RunContext): string {
  return c.said
    .map((s) => s.text)
    .join("\n")
    .slice(-MAX_ALL);
}

/** “Leave #W1 as it is”: a number that is named to be kept out of it. */
const KEEP_OUT =
  /\b(?:leave|keep|except|excluding|don['’]?t (?:cancel|touch|change|return|exchange)|do not (?:cancel|touch|change|return|exchange))\b/i;

/** The order numbers of a message that it is about. */
export function orderNumbers(s: Said, text = s.text): string[] {
  const kept = clauses(text).filter((clause) => KEEP_OUT.test(clause));
  return [
    ...new Set(
      s.entities
        .filter(
          (e) => e.type === "order_number" && text.includes(e.text) && !kept.some((k) => k.includes(e.text)),
        )
        .map((e) => e.value),
    ),
  ];
}

/** Order numbers that are meant, in the order of their mention, without those that are not the customer's. */
export function wantedNumbers(c: RunContext): string[] {
  if (c.wanted) return c.wanted.filter((n) => !c.tried.includes(n));
  const numbers = (s: Said, inFocus: boolean): string[] =>
    orderNumbers(s, inFocus ? s.focus : s.text).filter((n) => !c.tried.includes(n));
  const now = c.said.filter((s) => !s.before);
  const readings = [
    now.slice(0, 1).flatMap((s) => numbers(s, true)),
    now.slice(1).flatMap((s) => numbers(s, false)),
    now.slice(0, 1).flatMap((s) => numbers(s, false)),
    c.said
      .filter((s) => s.before)
      .slice(-1)
      .flatMap((s) => numbers(s, false)),
  ];
  return [...new Set(readings.find((r) => r.length > 0) ?? [])];
}
