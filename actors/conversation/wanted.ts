/** What a message asks for, as far as a playbook serves it. */
import type { Understanding } from "../playbooks/protocol.ts";
import { isClosing, kindsOf, placeOf, withoutNegated } from "./consent.ts";
import type { Conversation } from "./context.ts";
import type { DialogOptions, PlaybookCatalog, PlaybookEntry } from "./options.ts";

export interface Wanted {
  readonly intent: string;
  readonly entry: PlaybookEntry;
  readonly text: string;
}

export interface Wish {
  readonly text: string;
  readonly u: Understanding;
  readonly options: DialogOptions;
  readonly playbooks: PlaybookCatalog;
}

/** The playbook of an intent as data: a decision may have to be remembered, and registries hold more than data. */
export function entryOf(playbooks: PlaybookCatalog, intent: string): PlaybookEntry | undefined {
  const entry = playbooks.forIntent(intent);
  return entry && { name: entry.name, src: entry.src, label: entry.label };
}

/** Requests of the message that a playbook serves, in their order, each playbook once. */
export function wantedOf({ u, text, playbooks }: Wish, confidence: number): Wanted[] {
  const requests = (u.requests ?? []).filter((request) => request.confidence >= confidence);
  if (requests.length === 0 && u.intent && u.intent.confidence >= confidence) {
    requests.push({ intent: u.intent.name, confidence: u.intent.confidence, text });
  }
  const found: Wanted[] = [];
  for (const request of requests) {
    const entry = entryOf(playbooks, request.intent);
    if (!entry || found.some((wanted) => wanted.entry.name === entry.name)) continue;
    if (!declined(entry, request.text)) {
      found.push({ intent: request.intent, entry, text: request.text });
    }
  }
  // One request is the whole message, with what stands around it.
  return found.length === 1 ? [{ ...found[0]!, text }] : found;
}

/** “No need to cancel it” asks for nothing, whatever it sounds like. */
function declined(entry: PlaybookEntry, text: string): boolean {
  const left = withoutNegated(text);
  if (left.length === text.length) return false;
  const kinds = kindsOf(entry.label);
  return (
    kinds.some((kind) => kindsOf(text).includes(kind)) && !kinds.some((kind) => kindsOf(left).includes(kind))
  );
}

/** How far the best reading has to be ahead of the next one to be acted on although neither is sure. */
const AHEAD = 0.15;

/**
 * The one reading that is plausible, when it is the only one or well ahead of the others: acting on it (every playbook
 * shows what it is about before it does anything) helps more than asking whether it is meant. Never for a message that
 * only says thanks or closes.
 */
export function plausible(wish: Wish): Wanted | undefined {
  const { u, text, options, playbooks } = wish;
  const signals = (u.signals ?? {}) as Record<string, unknown>;
  if (signals.thanks || signals.goodbye || isClosing(text)) return undefined;
  const [best, next] = readings(wish);
  if (!best || (next && best.confidence - next.confidence < AHEAD)) return undefined;
  const entry = entryOf(playbooks, best.name)!;
  const meant = best.confidence >= options.possible && !declined(entry, text);
  return meant ? { intent: best.name, entry, text } : undefined;
}

/** Wishes at most that are read out of the words of one message. */
const NAMED = 3;

/**
 * Wishes whose action the message names in so many words (“return”, “exchange”, “cancel”) and that the classifier takes
 * for possible: a message with several wishes divides its confidence among them. In the order in which they are named.
 */
export function namedWishes(wish: Wish): Wanted[] {
  const said = withoutNegated(wish.text);
  if (isClosing(wish.text)) return [];
  const kinds = kindsOf(said);
  const found = readings(wish).flatMap(({ name, label }) => {
    const own = kindsOf(label);
    const named = own.length > 0 && own.every((kind) => kinds.includes(kind));
    const entry = entryOf(wish.playbooks, name);
    return named && entry ? [{ intent: name, entry, text: wish.text, at: placeOf(said, own) }] : [];
  });
  return found
    .sort((a, b) => a.at - b.at)
    .slice(0, NAMED)
    .map(({ at: _at, ...wanted }) => wanted);
}

/** Intents with a playbook that are worth a thought, best first, each playbook once. */
export function readings({
  u,
  options,
  playbooks,
}: Wish): { name: string; confidence: number; label: string }[] {
  const found: { name: string; confidence: number; label: string }[] = [];
  const scored = [u.intent, ...(u.alternatives ?? [])].filter((i) => i !== null && i !== undefined);
  for (const { name, confidence } of scored) {
    const entry = entryOf(playbooks, name);
    if (!entry || confidence < options.possible || found.some((other) => other.label === entry.label))
      continue;
    found.push({ name, confidence, label: entry.label });
  }
  return found.sort((a, b) => b.confidence - a.confidence);
}

/** What an earlier message most likely asked for, when nobody has dealt with it. */
export function earlierWish(c: Conversation, wish: Wish): Wanted | undefined {
  const earlier = c.history
    .filter((turn) => turn.role === "customer")
    .slice(0, -1)
    .reverse();
  const offered = c.clarify?.[0]?.intent;
  const intents = [
    ...(offered ? [{ name: offered, text: earlier[0]?.text ?? "" }] : []),
    ...earlier.flatMap((turn) =>
      turn.understanding?.intent ? [{ name: turn.understanding.intent.name, text: turn.text }] : [],
    ),
    ...(wish.options.whenKnown ? [{ name: wish.options.whenKnown, text: earlier[0]?.text ?? "" }] : []),
  ];
  for (const { name, text } of intents) {
    const entry = entryOf(wish.playbooks, name);
    if (entry) return { intent: name, entry, text: `${text}\n${wish.text}`.trim() };
  }
  return undefined;
}
