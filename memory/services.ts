/** The resident agents of this room: `memory` (what is known of customers) and `knowledge` (articles). */
import { z } from "zod";
import type { Clock } from "../runtime/clock.ts";
import { AskError, type Operation, type Service } from "../runtime/host/service.ts";
import { derivedId } from "../runtime/ids.ts";
import type { Json, JsonObject } from "../runtime/json.ts";
import type { KeyRing } from "../runtime/log/sealer.ts";
import type { OpenEncoder } from "./encoder/encoder.ts";
import type { KnowledgeBase } from "./knowledge/base.ts";
import { encodeQuery } from "./retrieval/query.ts";
import { findUtterances, spoken } from "./retrieval/utterances.ts";
import { DESK_ROLE, readable } from "./store/access.ts";
import type { Fact, FactStore, FactVector } from "./store/facts.ts";
import { rankFacts } from "./store/recall.ts";
import type { Tiers } from "./store/tiers.ts";
import type { Said, TurnStore } from "./store/turns.ts";

export interface MemoryParts {
  readonly facts: FactStore;
  readonly turns: TurnStore;
  readonly tiers: Tiers;
  readonly keys: KeyRing;
  readonly clock: Clock;
  readonly encoder?: OpenEncoder;
}

/** Expired facts are deleted this often, and conversations become cold; until then nothing expired is used any more anyway. */
const SWEEP_EVERY_MS = 10 * 60_000;

/** Utterances in one call of the encoder. */
const ENCODED_AT_ONCE = 64;

const token = z.string().regex(/^[A-Za-z0-9_-]{1,128}$/, "a key: 1 to 128 letters, digits, _ or -");
const word = z.string().regex(/^[a-z][a-z0-9_.-]{0,63}$/, "a word of small letters, digits, _ . -");
const time = z.number().int().min(0);
const json: z.ZodType<Json> = z.json();

const turn = z.object({
  turn: z.number().int().min(0),
  at: time,
  messageId: z.string().optional(),
  text: z.string(),
  reply: z.string().default(""),
  speaker: z.string().max(128).optional(),
});

const inputs = {
  recall: z.object({
    customer: token,
    text: z.string().max(16_384).optional(),
    k: z.number().int().min(1).max(100).default(5),
    role: word.default(DESK_ROLE),
    conversation: token.optional(),
    asOf: time.optional(),
    knownAt: time.optional(),
  }),
  remember: z.object({
    customer: token,
    conversation: token,
    messageId: z.string().optional(),
    type: word,
    text: z.string().min(1).max(4_000),
    value: json.default(null),
    at: time.optional(),
    scope: z.enum(["customer", "conversation", "workspace"]).optional(),
    purpose: word.optional(),
    readers: z.array(word).min(1).max(32).optional(),
    confidence: z.number().min(0).max(1).optional(),
    validFrom: time.optional(),
    ttlMs: z.number().int().min(1).optional(),
  }),
  turns: z.object({
    customer: token.optional(),
    conversation: token,
    turns: z.array(turn).min(1).max(50),
  }),
  said: z.object({
    customer: token,
    text: z.string().min(1).max(16_384),
    k: z.number().int().min(1).max(100).default(10),
  }),
  customer: z.object({ customer: token }),
  demote: z.object({ all: z.boolean().default(false) }),
  search: z.object({ text: z.string().max(16_384), k: z.number().int().min(1).max(50).default(4) }),
  article: z.object({ id: z.string().min(1) }),
};

/**
 * - `recall` {customer, text?, k?, role?, conversation?, asOf?, knownAt?} → {facts}: those that bear on the text, or the newest,
 *   of those that the role may read; each with source
 * - `remember` {customer, conversation, type, text, value, messageId?, readers?, purpose?, …} → {stored, fact?, reason?}, once per
 *   key
 * - `turns` {conversation, customer?, turns: [{turn, at, text, reply, speaker?, messageId?}]} → {stored}
 * - `said` {customer, text, k?} → {said: [{conversation, turn, at, by, speaker?, text, score}]}: what was said about it in the
 *   customer's conversations, at most `k`
 * - `facts` {customer} → {facts}: all, superseded ones too
 * - `conversations` {customer} → {conversations: [{conversation, at?}]}: those in which the customer was known, and where it is warm,
 *   when something was said there last
 * - `erase` {customer} → {erased, facts, turns, conversations}: destroys the key, then deletes
 * - `export` {customer} → {customer, facts, conversations}
 * - `tiers` {} → {hot, warm, cold}: what is where, how often it was read there, and how long that took
 * - `demote` {all?} → {demoted}: makes conversations cold whose time has come, or all
 */
export function memoryService(parts: MemoryParts): Service {
  const { facts, turns, tiers, keys, clock, encoder } = parts;
  let sweeping: NodeJS.Timeout | undefined;

  const operations: Record<string, Operation> = {
    recall: async (input, { signal }) => {
      const { customer, text, k, asOf, knownAt, ...reader } = valid("recall", inputs.recall, input);
      const ranked = await rankFacts(
        readable(await facts.current(customer, { asOf, knownAt }), reader),
        text,
        k,
        encoder,
        signal,
      );
      return { facts: ranked.map(({ fact, score }) => ({ ...shown(fact), score })) };
    },
    remember: async (input, { idempotencyKey, signal }) => {
      const wanted = valid("remember", inputs.remember, input);
      const { conversation, messageId, at = clock.now(), ...rest } = wanted;
      const result = await facts.remember({
        ...rest,
        id: derivedId(idempotencyKey, "fact"),
        source: { conversation, messageId, at },
        vector: await vectorOf(wanted.text, signal),
      });
      if (!("fact" in result)) return { stored: false, reason: result.reason };
      return {
        stored: result.stored,
        id: result.fact.id,
        ...(result.stored ? {} : { reason: result.reason }),
      };
    },
    turns: async (input) => {
      const { turns: said, ...whose } = valid("turns", inputs.turns, input);
      return { stored: await tiers.add(said.map((each) => ({ ...each, ...whose }))) };
    },
    said: async (input, { signal }) => {
      const { customer, text, k } = valid("said", inputs.said, input);
      const all = await encoded(customer, await tiers.saidBy(customer, encoder?.id), signal);
      const found = findUtterances(all, await encodeQuery(text, encoder, signal), { k });
      return {
        said: found.map(({ utterance: { id: _, vector: __, ...said }, score }) =>
          dropUndefined({ ...said, score }),
        ),
      };
    },
    facts: async (input) => {
      const { customer } = valid("facts", inputs.customer, input);
      return { facts: (await facts.all(customer)).map(shown) };
    },
    conversations: async (input) => {
      const { customer } = valid("conversations", inputs.customer, input);
      return { conversations: (await turns.lastSaid(customer)).map((each) => dropUndefined({ ...each })) };
    },
    erase: async (input) => {
      const { customer } = valid("erase", inputs.customer, input);
      // The key first: from here on nothing of it can be read, even when the deleting is interrupted.
      await keys.destroy(customer);
      const forgotten = await tiers.forget(customer);
      return { erased: true, facts: await facts.forget(customer), ...forgotten };
    },
    export: async (input) => {
      const { customer } = valid("export", inputs.customer, input);
      const conversations: JsonObject[] = [];
      for (const id of await turns.conversationsOf(customer)) {
        const said = await turns.of(id);
        conversations.push({ id, turns: said.map((turn) => dropUndefined({ ...turn })) });
      }
      return { customer, facts: (await facts.all(customer)).map(shown), conversations };
    },
    tiers: async () => await tiers.report(),
    demote: async (input) => {
      const { all } = valid("demote", inputs.demote, input);
      return { demoted: all ? await tiers.demoteAll() : await tiers.sweep() };
    },
  };

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
    reads: ["recall", "said", "facts", "conversations", "export", "tiers"],
    health: () => {
      const state = encoder?.health();
      return {
        state: state && state.state !== "up" ? "degraded" : "up",
        encoder: state ? { ...state } : null,
        reads: Object.fromEntries(Object.entries(tiers.reads).map(([tier, { reads }]) => [tier, reads])),
      };
    },
    start: async () => {
      await facts.sweep();
      const sweep = async (): Promise<void> => {
        await facts.sweep();
        await tiers.sweep();
      };
      sweeping = setInterval(() => void sweep().catch(() => {}), SWEEP_EVERY_MS);
      sweeping.unref();
    },
    stop: async () => clearInterval(sweeping),
  };
}

/**
 * - `search` {text, k?} → {passages: [{id, articleId, title, text, score, confidence}], best: passage | null}
 * - `get` {id} → {article}
 * - `list` {} → {articles}
 */
export function knowledgeService(base: KnowledgeBase): Service {
  const operations: Record<string, Operation> = {
    search: async (input, { signal }) => {
      const { text, k } = valid("search", inputs.search, input);
      const passages = (await base.search(text, k, signal)).map((passage) => ({ ...passage }));
      return { passages, best: passages[0] ?? null };
    },
    get: async (input) => {
      const { id } = valid("get", inputs.article, input);
      const article = base.get(id);
      if (!article) throw new AskError("not_found", `there is no article ${id}: knowledge.list names them`);
      const { title, text, tags, intents } = article;
      return { article: { id, title, text, tags, intents } };
    },
    list: async () => ({
      articles: base.list().map(({ id, title, tags, intents }) => ({ id, title, tags, intents })),
    }),
  };
  return {
    name: "knowledge",
    operations,
    reads: ["search", "get", "list"],
    health: () => {
      const { articles, passages, problems } = base.report;
      return { state: problems.length > 0 ? "degraded" : "up", articles, passages, problems };
    },
  };
}

/** A fact as it is answered: without its vector, with its source. */
function shown({ vector: _vector, customer: _customer, source, ...fact }: Fact): JsonObject {
  return dropUndefined({ ...fact, source: dropUndefined({ ...source }) });
}

/** Members with a value. */
export function dropUndefined(value: Record<string, unknown>): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as JsonObject;
}

function valid<T extends z.ZodType>(operation: string, schema: T, input: unknown): z.output<T> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0]!;
  throw new AskError("invalid", `${operation}: ${path.join(".") || "the input"}: ${message}`);
}
