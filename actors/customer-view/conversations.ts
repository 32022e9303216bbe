/**
 * The conversations in which a customer was known. His profile in the log knows the latest ones with their outcome, memory knows
 * them all and when something was said there, each conversation's own state says how it stands and which orders it was about.
 * What one of them can't say the others still do.
 */
import { z } from "zod";
import { address } from "../../runtime/address.ts";
import type { JsonObject } from "../../runtime/json.ts";
import { LeftLogError } from "../../runtime/log/checkpoint.ts";
import type { ConversationEntry, Missing, Parts } from "./answer.ts";
import type { Asking } from "./asking.ts";
import { missingOf } from "./missing.ts";
import type { Wanted } from "./records.ts";

/** A conversation with the words in its slots, some of which are numbers of orders. */
export interface Spoken {
  readonly entry: Omit<ConversationEntry, "orders">;
  readonly words: readonly string[];
}

export interface Conversations {
  /** Absent when neither the log nor memory has answered. */
  readonly part?: Omit<NonNullable<Parts["conversations"]>, "data">;
  readonly spoken: readonly Spoken[];
  readonly missing: readonly Missing[];
}

const profileShape = z.looseObject({
  count: z.int(),
  conversations: z.array(
    z.looseObject({
      conversation: z.string(),
      how: z.string(),
      at: z.number(),
      outcome: z.string().optional(),
    }),
  ),
});
type Profile = z.output<typeof profileShape>;

const remembered = z.looseObject({
  conversations: z.array(
    z.looseObject({
      conversation: z.string(),
      at: z.number().optional(),
      summary: z.string().optional(),
    }),
  ),
});

type Kept = z.output<typeof remembered>["conversations"][number];

interface Known {
  readonly id: string;
  readonly linked?: Profile["conversations"][number];
  readonly kept?: Kept;
}

const NONE: Profile = { count: 0, conversations: [] };

export async function conversations(ask: Asking, { customerKey, limit }: Wanted): Promise<Conversations> {
  const states = new States(ask);
  const [desk, memory] = await Promise.allSettled([
    profileOf(ask, customerKey).then((profile) => {
      // Not only once memory has answered, which may be late.
      for (const { conversation } of profile.conversations.slice(-limit)) void states.of(conversation);
      return profile;
    }),
    ask.agent("memory", "conversations", { customer: customerKey }, remembered),
  ]);
  const missing: Missing[] = [];
  if (desk.status === "rejected") missing.push(missingOf("conversations", "desk", desk.reason));
  if (memory.status === "rejected") missing.push(missingOf("conversations", "memory", memory.reason));
  if (missing.length === 2) return { spoken: [], missing };

  const profile = desk.status === "fulfilled" ? desk.value : NONE;
  const all = merged(profile, memory.status === "fulfilled" ? memory.value.value.conversations : []);
  const spoken = await Promise.all(
    all.slice(0, limit).map(async (known) => spokenIn(known, await states.of(known.id))),
  );
  const { failures } = states;
  if (failures.length > 0) {
    const { reason, ...rest } = missingOf("conversations", "desk", failures[0]);
    missing.push({ ...rest, reason: `state of ${failures.length}: ${reason}` });
  }
  const part = {
    source: desk.status === "fulfilled" ? "desk" : "memory",
    asOf: new Date(ask.now).toISOString(),
    ageMs: 0,
    total: Math.max(profile.count, all.length),
  };
  return { part, spoken, missing };
}

async function profileOf(ask: Asking, customerKey: string): Promise<Profile> {
  const actor = await ask.actor(address("customer", customerKey));
  return profileShape.parse(actor?.view ?? NONE);
}

/** States of conversations, each read once. */
class States {
  readonly failures: unknown[] = [];
  readonly #ask: Asking;
  readonly #read = new Map<string, Promise<JsonObject | undefined>>();

  constructor(ask: Asking) {
    this.#ask = ask;
  }

  /** Never fails: undefined where it can't be had. */
  of(id: string): Promise<JsonObject | undefined> {
    let state = this.#read.get(id);
    if (!state) {
      state = this.#stateOf(id);
      this.#read.set(id, state);
    }
    return state;
  }

  async #stateOf(id: string): Promise<JsonObject | undefined> {
    try {
      return (await this.#ask.actor(address("conversation", id)))?.view;
    } catch (error) {
      // One that has left the log is what its customer's profile says of it.
      if (!(error instanceof LeftLogError)) this.failures.push(error);
      return undefined;
    }
  }
}

/** Newest first: by when something was said, else by when the customer became known there. Ids are in order of time as well. */
function merged(profile: Profile, remembers: readonly Kept[]): Known[] {
  const linked = new Map(profile.conversations.map((entry) => [entry.conversation, entry]));
  const kept = new Map(remembers.map((entry) => [entry.conversation, entry]));
  const all = [...new Set([...linked.keys(), ...kept.keys()])].map(
    (id): Known => ({ id, linked: linked.get(id), kept: kept.get(id) }),
  );
  const time = ({ linked: entry, kept: said }: Known): number => Math.max(said?.at ?? 0, entry?.at ?? 0);
  return all.sort((a, b) => time(b) - time(a) || (a.id < b.id ? 1 : -1));
}

function spokenIn({ id, linked, kept }: Known, view?: JsonObject): Spoken {
  const { at: lastSaid, summary } = kept ?? {};
  const { state, outcome, handoff, slots } = view ?? {};
  const open = handoff as { id?: unknown; state?: unknown } | null | undefined;
  const ended = view ? outcome : linked?.outcome;
  return {
    entry: {
      id,
      ...(linked ? { knownAt: new Date(linked.at).toISOString(), how: linked.how } : {}),
      ...(lastSaid === undefined ? {} : { lastSaidAt: new Date(lastSaid).toISOString() }),
      ...(typeof state === "string" ? { state } : {}),
      ...(view || linked ? { outcome: typeof ended === "string" ? ended : null } : {}),
      ...(summary === undefined ? {} : { summary }),
      ...(open ? { handoff: { id: String(open.id), state: String(open.state) } } : {}),
    },
    words: wordsIn(slots),
  };
}

/** Every text in a value. */
export function wordsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(wordsIn);
}
