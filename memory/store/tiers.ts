/**
 * Which tier what was said is in, and how well that goes: hot in memory, by use; warm in rows; cold in compressed segments once
 * nothing was said for long, or where there are too many. What is found does not depend on it, only how long it takes.
 */
import { LRUCache } from "lru-cache";
import type { Clock } from "../../runtime/clock.ts";
import type { KeyRing } from "../../runtime/log/sealer.ts";
import { rounded } from "../figures.ts";
import { type Said, saidIn, type Turn } from "./sayings.ts";
import type { TurnStore } from "./turns.ts";

export interface TierOptions {
  /** A conversation in which nothing was said for so long becomes cold, ms. Default 90 days. */
  readonly warmMs?: number;
  /** Warm conversations at most; beyond, those become cold in which nothing was said for longest. Default 100,000. */
  readonly warmConversations?: number;
  /** What was said that is kept in memory, vectors included, bytes. Default 64 MiB. */
  readonly hotBytes?: number;
}

export const TIER_DEFAULTS: Required<TierOptions> = {
  warmMs: 90 * 24 * 3_600_000,
  warmConversations: 100_000,
  hotBytes: 64 * 1024 * 1024,
};

interface Hot {
  readonly model: string | undefined;
  readonly said: readonly Said[];
  /** Those under whose keys it is at rest. */
  readonly subjects: readonly string[];
  readonly conversations: readonly string[];
}

/** Reads of one tier: of what a customer said for the hot one, of a conversation for the others. */
interface Reads {
  reads: number;
  ms: number;
}

/** Of a saying besides its words and vector, about. */
const SAYING_BYTES = 200;

export class Tiers {
  readonly #turns: TurnStore;
  readonly #keys: KeyRing;
  readonly #clock: Clock;
  readonly #o: Required<TierOptions>;
  readonly #hot: LRUCache<string, Hot>;
  readonly #reads: Record<"hot" | "warm" | "cold", Reads> = {
    hot: { reads: 0, ms: 0 },
    warm: { reads: 0, ms: 0 },
    cold: { reads: 0, ms: 0 },
  };
  /** Customers of conversations that are hot. */
  readonly #customers = new Map<string, string>();
  /** Reads under way; what changed meanwhile must not become hot. */
  readonly #reading = new Set<{ readonly customer: string; changed: boolean }>();

  constructor(turns: TurnStore, keys: KeyRing, clock: Clock, options: TierOptions = {}) {
    this.#turns = turns;
    this.#keys = keys;
    this.#clock = clock;
    this.#o = { ...TIER_DEFAULTS, ...options };
    this.#hot = new LRUCache({
      maxSize: this.#o.hotBytes,
      sizeCalculation: sizeOf,
      dispose: ({ conversations }) => {
        for (const each of conversations) this.#customers.delete(each);
      },
    });
  }

  async add(turns: readonly Turn[]): Promise<boolean> {
    const kept = await this.#turns.add(turns);
    for (const { customer, conversation } of turns) {
      for (const whose of [customer, this.#customers.get(conversation)]) if (whose) this.#changed(whose);
      // Whose it is may just be found out by somebody who reads.
      if (!customer) for (const read of this.#reading) read.changed = true;
    }
    return kept;
  }

  async keepVectors(customer: string, model: string, said: readonly Said[]): Promise<void> {
    await this.#turns.keepVectors(customer, model, said);
    this.#changed(customer);
  }

  /** The customer was known in a conversation of which nothing can be read. */
  async known(customer: string, conversation: string): Promise<void> {
    await this.#turns.known(customer, conversation);
    this.#changed(customer);
  }

  async forget(
    customer: string,
    also: readonly string[] = [],
  ): Promise<{ conversations: number; turns: number }> {
    this.#changed(customer);
    const forgotten = await this.#turns.forget(customer, also);
    this.#changed(customer);
    return forgotten;
  }

  /** Deletes a conversation whose time is over. */
  async drop(conversation: string): Promise<void> {
    for (const customer of await this.#turns.drop(conversation)) this.#changed(customer);
    // Whose it is may just be found out by somebody who reads.
    for (const read of this.#reading) read.changed = true;
  }

  /**
   * All that was said in the conversations in which a customer was known, each conversation's in order, with the vectors that
   * are kept of it.
   * @param model whose vectors are wanted
   */
  async saidBy(customer: string, model?: string): Promise<readonly Said[]> {
    const begun = performance.now();
    const hot = this.#hot.get(customer);
    if (hot && hot.model === model && (await this.#mayBeRead(hot))) {
      this.#count("hot", begun);
      return hot.said;
    }
    const read = { customer, changed: false };
    this.#reading.add(read);
    try {
      const conversations = await this.#turns.conversationsOf(customer);
      const said: Said[] = [];
      const subjects = new Set<string>();
      for (const id of conversations) {
        const from = performance.now();
        const kept = await this.#turns.conversation(id);
        said.push(...saidIn(kept, model));
        for (const subject of kept.subjects) subjects.add(subject);
        this.#count(kept.tier, from);
      }
      if (!read.changed) {
        this.#hot.set(customer, { model, said, subjects: [...subjects], conversations });
        for (const each of conversations) this.#customers.set(each, customer);
      }
      return said;
    } finally {
      this.#reading.delete(read);
    }
  }

  /** Makes conversations cold whose time has come; answers how many. */
  async sweep(): Promise<number> {
    const before = this.#clock.now() - this.#o.warmMs;
    const warm: { conversation: string; at: number }[] = [];
    const due: string[] = [];
    for await (const each of this.#turns.warm()) {
      if (each.at < before) due.push(each.conversation);
      else warm.push(each);
    }
    warm.sort((a, b) => a.at - b.at);
    const excess = Math.max(0, warm.length - this.#o.warmConversations);
    due.push(...warm.slice(0, excess).map(({ conversation }) => conversation));
    return this.#demote(due);
  }

  /** Makes all of them cold, and forgets what is hot. */
  async demoteAll(): Promise<number> {
    const all: string[] = [];
    for await (const { conversation } of this.#turns.warm()) all.push(conversation);
    const demoted = await this.#demote(all);
    this.#hot.clear();
    return demoted;
  }

  async #demote(conversations: readonly string[]): Promise<number> {
    let demoted = 0;
    for (const each of conversations) if (await this.#turns.demote(each)) demoted++;
    return demoted;
  }

  /** What is where, how often it was read there since the start, and how long that took on average. */
  async report() {
    let warm = 0;
    for await (const _ of this.#turns.warm()) warm++;
    const { hot, warm: rows, cold: segments } = this.#reads;
    const cold = await this.#turns.cold();
    return {
      hot: { customers: this.#hot.size, bytes: this.#hot.calculatedSize, ...shown(hot) },
      warm: { conversations: warm, ...shown(rows) },
      cold: { ...cold, ...shown(segments) },
    };
  }

  /** Reads by tier since the start. */
  get reads(): Readonly<Record<"hot" | "warm" | "cold", Readonly<Reads>>> {
    return this.#reads;
  }

  #count(tier: "hot" | "warm" | "cold", begun: number): void {
    this.#reads[tier].reads++;
    this.#reads[tier].ms += performance.now() - begun;
  }

  /** Whoever was erased, wherever that was decided, is not read from memory either. */
  async #mayBeRead({ subjects }: Hot): Promise<boolean> {
    for (const each of subjects)
      if (!(this.#keys.cached(each) ?? (await this.#keys.sealer(each)))) return false;
    return true;
  }

  #changed(customer: string): void {
    for (const read of this.#reading) if (read.customer === customer) read.changed = true;
    this.#hot.delete(customer);
  }
}

function shown({ reads, ms }: Reads): { reads: number; msARead: number | null } {
  return { reads, msARead: reads === 0 ? null : rounded(ms / reads, 3) };
}

function sizeOf({ said }: Hot): number {
  const bytes = said.map(({ text, vector }) => SAYING_BYTES + 2 * text.length + (vector?.byteLength ?? 0));
  return bytes.reduce((sum, each) => sum + each, 1);
}
