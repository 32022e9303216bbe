/** The resident agent `memory`: what is known of customers, and what was said. */
import type { Clock } from "../runtime/clock.ts";
import { AskError, type Operation, type Service } from "../runtime/host/service.ts";
import { derivedId } from "../runtime/ids.ts";
import type { JsonObject } from "../runtime/json.ts";
import type { Eraser } from "./control/erase.ts";
import { type MemoryRetention, sweepExpired } from "./control/expiry.ts";
import type { OpenEncoder } from "./encoder/encoder.ts";
import { rounded } from "./figures.ts";
import { dropUndefined, valid } from "./input.ts";
import { encodeQuery } from "./retrieval/query.ts";
import { findUtterances, spoken } from "./retrieval/utterances.ts";
import { namesChange, type Period, periodIn } from "./retrieval/when.ts";
import { inputs } from "./service-inputs.ts";
import { readable } from "./store/access.ts";
import type { Fact, FactStore, FactVector } from "./store/facts.ts";
import type { Hold, Holds } from "./store/holds.ts";
import { rankFacts } from "./store/recall.ts";
import type { Said } from "./store/sayings.ts";
import type { Summaries } from "./store/summaries.ts";
import type { Tiers } from "./store/tiers.ts";
import type { TurnStore } from "./store/turns.ts";
import { inPieces } from "./stream/event.ts";
import type { Progress } from "./stream/materialiser.ts";
import { EventTooLargeError, type MemoryWriter } from "./stream/writer.ts";

export interface MemoryParts {
  readonly writer: MemoryWriter;
  readonly holds: Holds;
  /** How far this node's copy is; absent where there is no stream. */
  readonly progress?: () => Progress;
  readonly facts: FactStore;
  readonly turns: TurnStore;
  readonly summaries: Summaries;
  readonly tiers: Tiers;
  readonly clock: Clock;
  readonly retention?: MemoryRetention;
  readonly encoder?: OpenEncoder;
  readonly eraser: Eraser;
}

/** Expired facts are deleted this often, and conversations become cold; until then nothing expired is used any more anyway. */
const SWEEP_EVERY_MS = 10 * 60_000;

/** Conversations that are told with their summary. */
const SUMMED_UP = 100;
/** Utterances in one call of the encoder. */
const ENCODED_AT_ONCE = 64;

/**
 * What reads takes `after`, the sequence of a write, and waits a while for this node's copy to have it; what may be old all the
 * same says `stale`. What writes answers its `seq`, and `pending` while the copy has not got it: it is durable then, and comes.
 *
 * - `recall` {customer, text?, k?, role?, conversation?, asOf?, knownAt?, past?} → {facts}: those that bear on the text, or the
 *   newest, of those that the role may read; each with source. With `past` first those that held in the time that the text names,
 *   superseded ones too, which say `supersededAt`
 * - `remember` {customer, conversation, type, text, value, messageId?, readers?, purpose?, …} → {stored, id?, reason?}, once per
 *   key
 * - `turns` {conversation, customer?, turns: [{turn, at, text, reply, speaker?, messageId?}]} → {stored}
 * - `summarise` {conversation, customer?, text, outcome, by?} → {stored}: what it was about; the latest is kept
 * - `said` {customer, text, k?} → {said: [{conversation, turn, at, by, speaker?, text, score}]}: what was said about it in the
 *   customer's conversations, at most `k`
 * - `facts` {customer} → {facts}: all, superseded ones too
 * - `conversations` {customer} → {conversations: [{conversation, at?, summary?}]}: those in which the customer was known, newest
 *   first, and when something was said there last; the newest ones with their summary
 * - `erase` {customer} → a receipt (`control/erase.ts`): notes it, destroys the key, then deletes; `held` while there is a hold
 * - `hold` {customer, reason, until?} → {reason, at, until?}, `release` {customer} → {released}, `holdOf` {customer} → {hold}
 * - `export` {customer} → {customer, facts, conversations, hold?}
 * - `tiers` {} → {hot, warm, cold}: what is where, how often it was read there, and how long that took
 * - `demote` {all?} → {demoted}: makes conversations cold whose time has come, or all
 */
export function memoryService(parts: MemoryParts): Service {
  const { writer, facts, turns, summaries, tiers, holds, eraser, clock, encoder } = parts;
  let sweeping: NodeJS.Timeout | undefined;

  /** Says of an answer that it may be old. */
  async function reading<T extends JsonObject>(
    { after: seq }: { readonly after?: number },
    signal: AbortSignal,
    answer: () => Promise<T>,
  ): Promise<JsonObject> {
    const fresh = await writer.fresh({ seq, signal });
    return { ...(await answer()), ...(fresh ? {} : { stale: true }) };
  }

  const operations: Record<string, Operation> = {
    recall: async (input, { signal }) => {
      const { customer, text, k, asOf, knownAt, past, after, ...reader } = valid(
        "recall",
        inputs.recall,
        input,
      );
      return reading({ after }, signal, async () => {
        const now = await facts.current(customer, { asOf, knownAt });
        const period = past && text ? await periodOf(customer, text) : undefined;
        const held = period ? readable(await facts.during(customer, period), reader, now) : [];
        const others = readable(now, reader).filter(({ id }) => held.every((each) => each.id !== id));
        // What held in the time that is named comes first.
        const ranked = await rankFacts(held, text, k, encoder, signal);
        ranked.push(...(await rankFacts(others, text, k - ranked.length, encoder, signal)));
        return { facts: ranked.map(({ fact, score }) => ({ ...shown(fact), score })) };
      });
    },
    remember: async (input, { idempotencyKey, signal }) => {
      const wanted = valid("remember", inputs.remember, input);
      const { customer, conversation, messageId, at = clock.now(), ...rest } = wanted;
      const id = derivedId(idempotencyKey, "fact");
      const source = { conversation, messageId, at };
      const vector = await vectorOf(wanted.text, signal);
      const { ttlMs = parts.retention?.factsMs?.[rest.type] } = rest;
      const fact = { ...rest, ttlMs, source, vector };
      const written = await fitting(
        writer.write({ type: "fact", id, at: clock.now(), customer, fact }, signal),
      );
      if (!written) return { stored: false, reason: "erased" };
      const { seq, outcome } = written;
      if (!outcome) return { stored: true, id, seq, pending: true };
      if (!("fact" in outcome)) return { stored: false, reason: outcome.reason };
      const { stored } = outcome;
      return dropUndefined({
        stored,
        id: outcome.fact.id,
        seq: seq || undefined,
        reason: outcome.stored ? undefined : outcome.reason,
      });
    },
    turns: async (input, { idempotencyKey, signal }) => {
      const { turns: said, ...whose } = valid("turns", inputs.turns, input);
      let last = 0;
      let pending = false;
      for (const [n, piece] of inPieces(said).entries()) {
        const id = derivedId(idempotencyKey, "turns", n);
        const event = { type: "turns" as const, id, at: clock.now(), ...whose, turns: piece };
        const written = await fitting(writer.write(event, signal));
        if (!written || written.outcome === false) return { stored: false };
        last = written.seq;
        pending ||= written.outcome === undefined;
      }
      return dropUndefined({ stored: true, seq: last || undefined, pending: pending || undefined });
    },
    summarise: async (input, { idempotencyKey, signal }) => {
      const { text, outcome, by, ...whose } = valid("summarise", inputs.summarise, input);
      const id = derivedId(idempotencyKey, "summary");
      const summary = { text, outcome, by };
      const written = await writer.write({ type: "summary", id, at: clock.now(), ...whose, summary }, signal);
      if (!written || written.outcome === false) return { stored: false };
      return dropUndefined({ stored: true, seq: written.seq || undefined });
    },
    said: async (input, { signal }) => {
      const { customer, text, k, after } = valid("said", inputs.said, input);
      return reading({ after }, signal, async () => {
        const all = await encoded(customer, await tiers.saidBy(customer, encoder?.id), signal);
        const period = await periodOf(customer, text);
        const inTime = period && (({ at }: Said): boolean => at >= period.from && at < period.to);
        const found = findUtterances(all, await encodeQuery(text, encoder, signal), { k, inTime });
        return {
          said: found.map(({ utterance: { id: _, vector: __, ...said }, score }) =>
            dropUndefined({ ...said, score }),
          ),
        };
      });
    },
    facts: async (input, { signal }) => {
      const { customer, after } = valid("facts", inputs.customer, input);
      return reading({ after }, signal, async () => ({ facts: (await facts.all(customer)).map(shown) }));
    },
    conversations: async (input, { signal }) => {
      const { customer, after } = valid("conversations", inputs.customer, input);
      return reading({ after }, signal, async () => {
        const all = (await turns.lastSaid(customer)).sort((a, b) => (b.at ?? 0) - (a.at ?? 0));
        const conversations = all.map(async (each, n) => {
          const summary = n < SUMMED_UP ? await summaries.of(each.conversation) : undefined;
          return dropUndefined({ ...each, summary: summary?.text });
        });
        return { conversations: await Promise.all(conversations) };
      });
    },
    erase: async (input, { idempotencyKey, signal }) => {
      const { customer } = valid("erase", inputs.customer, input);
      await noHold(customer, signal);
      return eraser.erase(customer, derivedId(idempotencyKey, "erase"), signal);
    },
    hold: async (input, { idempotencyKey, signal }) => {
      const { customer, reason, until } = valid("hold", inputs.hold, input);
      const event = { type: "hold" as const, id: derivedId(idempotencyKey, "hold"), at: clock.now() };
      const written = await writer.write({ ...event, customer, reason, until }, signal);
      if (!written) throw new AskError("not_found", "this customer was erased: there is nothing to hold");
      return dropUndefined({ reason, at: event.at, until });
    },
    release: async (input, { idempotencyKey, signal }) => {
      const { customer } = valid("release", inputs.customer, input);
      const id = derivedId(idempotencyKey, "release");
      const written = await writer.write({ type: "release", id, at: clock.now(), customer }, signal);
      return { released: written?.outcome ?? true };
    },
    holdOf: async (input, { signal }) => {
      const { customer, after } = valid("holdOf", inputs.customer, input);
      return reading({ after }, signal, async () => ({ hold: shownHold(await holds.of(customer)) }));
    },
    export: async (input, { signal }) => {
      const { customer, after } = valid("export", inputs.customer, input);
      return reading({ after }, signal, async () => {
        const conversations: JsonObject[] = [];
        for (const id of await turns.conversationsOf(customer)) {
          const said = await turns.of(id);
          const summary = (await summaries.of(id))?.text;
          const shownTurns = said.map(({ seq: _, ...turn }) => dropUndefined({ ...turn }));
          conversations.push(dropUndefined({ id, summary, turns: shownTurns }));
        }
        const hold = shownHold(await holds.of(customer));
        return {
          customer,
          facts: (await facts.all(customer)).map(shown),
          conversations,
          ...(hold ? { hold } : {}),
        };
      });
    },
    tiers: async () => await tiers.report(),
    demote: async (input) => {
      const { all } = valid("demote", inputs.demote, input);
      return { demoted: all ? await tiers.demoteAll() : await tiers.sweep() };
    },
  };

  /** @throws AskError where there is one, or where that can't be said */
  async function noHold(customer: string, signal: AbortSignal): Promise<void> {
    if (!(await writer.fresh({ seq: await writer.head(), signal }))) {
      const why = "this node's memory is not up to date: it may not know of a legal hold";
      throw new AskError("unavailable", why, true);
    }
    const hold = await holds.of(customer);
    if (hold) throw new AskError("held", heldUntil(hold.until));
  }

  /** The time that a customer's question names. */
  async function periodOf(customer: string, text: string): Promise<Period | undefined> {
    return periodIn(text, clock.now(), namesChange(text) ? await facts.all(customer) : []);
  }

  /** A fact without a vector is found by its words, and is encoded when it is recalled. */
  async function vectorOf(text: string, signal: AbortSignal): Promise<FactVector | undefined> {
    if (!encoder) return undefined;
    try {
      const [data] = await encoder.encode([text], signal);
      return { model: encoder.id, data: data! };
    } catch (error) {
      if (signal.aborted) throw error;
      return undefined;
    }
  }

  /**
   * What was said with its vectors. They are computed when somebody looks for something, not while a customer waits, and kept
   * as they come: a long history that takes longer than one ask is gone on with at the next.
   */
  async function encoded(
    customer: string,
    all: readonly Said[],
    signal: AbortSignal,
  ): Promise<readonly Said[]> {
    if (!encoder) return all;
    const missing = all.filter(({ vector }) => !vector);
    const fresh = new Map<string, Said>();
    try {
      for (let i = 0; i < missing.length; i += ENCODED_AT_ONCE) {
        const part = missing.slice(i, i + ENCODED_AT_ONCE);
        const vectors = await encoder.encode(part.map(spoken), signal);
        const done = part.map((said, n): Said => ({ ...said, vector: vectors[n] }));
        await tiers.keepVectors(customer, encoder.id, done);
        for (const said of done) fresh.set(said.id, said);
      }
    } catch (error) {
      // The rest is found by its words.
      if (signal.aborted) throw error;
    }
    return all.map((said) => fresh.get(said.id) ?? said);
  }

  return {
    name: "memory",
    operations,
    // What is written has an id that follows from the key: a second time it is the same event.
    repeatable: [
      ...["recall", "said", "facts", "conversations", "export", "holdOf", "tiers"],
      ...["remember", "turns", "summarise"],
    ],
    health: () => {
      const state = encoder?.health();
      const copy = parts.progress?.();
      const behind = copy !== undefined && (copy.rebuilding || copy.unread > 0 || copy.trouble !== undefined);
      return {
        state: behind || (state && state.state !== "up") ? "degraded" : "up",
        ...(copy ? { stream: { ...copy } } : {}),
        encoder: state ? { ...state } : null,
        reads: Object.fromEntries(Object.entries(tiers.reads).map(([tier, { reads }]) => [tier, reads])),
        readMs: Object.fromEntries(
          Object.entries(tiers.reads).map(([tier, { ms }]) => [tier, rounded(ms, 3)]),
        ),
      };
    },
    start: async () => {
      const sweep = async (): Promise<void> => {
        // What keeps one from ending keeps nothing else from it; it is tried again the next time.
        await eraser.finish().catch(() => {});
        await sweepExpired(parts);
        await tiers.sweep();
      };
      // What keeps it from working now, a server that is away perhaps, may be over the next time.
      const sweepOnce = (): void => void sweep().catch(() => {});
      sweeping = setInterval(sweepOnce, SWEEP_EVERY_MS);
      sweeping.unref();
      sweepOnce();
    },
    stop: async () => clearInterval(sweeping),
  };
}

function heldUntil(until: number | undefined): string {
  const end = until === undefined ? "until it is released" : `until ${new Date(until).toISOString()}`;
  return `nothing of this customer may be erased: there is a legal hold ${end} (memory release)`;
}

function shownHold(hold: Hold | undefined): JsonObject | null {
  return hold ? dropUndefined({ ...hold }) : null;
}

/** @throws AskError when there was too much of it */
async function fitting<T>(writing: Promise<T>): Promise<T> {
  try {
    return await writing;
  } catch (error) {
    throw error instanceof EventTooLargeError ? new AskError("invalid", error.message) : error;
  }
}

/** A fact as it is answered: without its vector, with its source. */
function shown({ vector: _vector, customer: _customer, seq: _seq, source, ...fact }: Fact): JsonObject {
  return dropUndefined({ ...fact, source: dropUndefined({ ...source }) });
}
