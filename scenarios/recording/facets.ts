/** What a conversation was like, as its records tell: for recording all that are like something. */
import type { StoredRecord } from "../../runtime/envelope.ts";
import { ANSWER } from "../../runtime/host/cell.ts";
import type { JsonObject } from "../../runtime/json.ts";

export interface Facets {
  /** ms since the epoch. */
  readonly startedAt: number;
  readonly channel: string;
  /** Arms of the experiments that ran when it began, `<experiment>=<arm>` each. */
  readonly arms: readonly string[];
  /** What the customer wanted, as it was understood, in order and each once. */
  readonly intents: readonly string[];
  /** Why it was handed to a person, in order and each once. */
  readonly reasons: readonly string[];
  /** How it ended, the last time where it was opened again; undefined before its first end. */
  readonly outcome?: string;
}

/** Of those that are given, all have to hold. */
export interface FacetFilter {
  readonly outcome?: string;
  readonly intent?: string;
  readonly reason?: string;
  readonly channel?: string;
  /** `<experiment>=<arm>`. */
  readonly arm?: string;
  /** Begun then or later, ms since the epoch. */
  readonly since?: number;
  /** Begun before, ms since the epoch. */
  readonly until?: number;
}

/** @param records all of a conversation's key, in the order of the log */
export function facetsOf(records: readonly StoredRecord[]): Facets {
  const intents = new Set<string>();
  const reasons = new Set<string>();
  let [startedAt, channel]: [number, string] = [Number.NaN, ""];
  let arms: string[] = [];
  let outcome: string | undefined;
  for (const { to, type, at, clear, data } of records) {
    if (to.kind === "conversation" && Number.isNaN(startedAt)) startedAt = at;
    if (type === "conversation.open") {
      channel = String(data.channel ?? "");
      arms = Object.entries((data.experiments ?? {}) as JsonObject).map(([name, arm]) => `${name}=${arm}`);
    } else if (type === ANSWER && String(clear.name).startsWith("understand.")) {
      const { name } = ((data.value as JsonObject | undefined)?.intent ?? {}) as JsonObject;
      if (typeof name === "string") intents.add(name);
    } else if (to.kind !== "channel") continue;
    else if (type === "outcome") outcome = String(data.outcome ?? clear.outcome);
    else if (type === "handoff") reasons.add(String(data.reason ?? clear.reason));
  }
  return { startedAt, channel, arms, intents: [...intents], reasons: [...reasons], outcome };
}

export function matches(facets: Facets, filter: FacetFilter): boolean {
  const { outcome, intent, reason, channel, arm, since, until } = filter;
  return (
    (outcome === undefined || facets.outcome === outcome) &&
    (intent === undefined || facets.intents.includes(intent)) &&
    (reason === undefined || facets.reasons.includes(reason)) &&
    (channel === undefined || facets.channel === channel) &&
    (arm === undefined || facets.arms.includes(arm)) &&
    (since === undefined || facets.startedAt >= since) &&
    (until === undefined || facets.startedAt < until)
  );
}
