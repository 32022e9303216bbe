/** What an event makes of the memory. The same event again, also from further back, changes nothing in the end. */
import type { FactStore, Remembered } from "../store/facts.ts";
import type { Hold, Holds } from "../store/holds.ts";
import type { Summaries } from "../store/summaries.ts";
import type { Tiers } from "../store/tiers.ts";
import type { MemoryEvent, Whose } from "./event.ts";

export interface Forgotten {
  readonly facts: number;
  readonly turns: number;
  readonly conversations: number;
}

/** What came of an event, by its type. */
export interface Outcomes {
  fact: Remembered;
  /** False when the data subject was erased. */
  turns: boolean;
  /** The same. */
  summary: boolean;
  expired: undefined;
  dropped: undefined;
  erase: Forgotten;
  hold: Hold;
  release: boolean;
}

export interface FoldParts {
  readonly facts: FactStore;
  readonly tiers: Tiers;
  readonly summaries: Summaries;
  readonly holds: Holds;
  /** Told of erasures. What it throws does not keep them from being made. */
  readonly onErased?: (customer: string, conversations: readonly string[], at: number) => void;
}

export class Fold {
  readonly #p: FoldParts;

  constructor(parts: FoldParts) {
    this.#p = parts;
  }

  /** @param seq its sequence, where it came from the stream */
  apply<E extends MemoryEvent>(event: E, seq?: number): Promise<Outcomes[E["type"]]>;
  async apply(event: MemoryEvent, seq?: number): Promise<Outcomes[MemoryEvent["type"]]> {
    const { facts, tiers, summaries, holds } = this.#p;
    switch (event.type) {
      case "fact": {
        const { id, customer, at: recordedAt, fact } = event;
        return facts.remember({ ...fact, id, customer, recordedAt, seq });
      }
      case "turns": {
        const { conversation, customer, turns } = event;
        return tiers.add(turns.map((turn) => ({ ...turn, conversation, customer, seq })));
      }
      case "summary": {
        const { conversation, customer, at, summary } = event;
        return summaries.put({ ...summary, conversation, customer, at, seq });
      }
      case "expired":
        await facts.expire(event.customer, event.fact);
        return undefined;
      case "dropped":
        await tiers.drop(event.conversation);
        return undefined;
      case "erase": {
        const { customer, conversations = [], at } = event;
        this.#p.onErased?.(customer, conversations, at);
        const forgotten = await tiers.forget(customer, conversations);
        await holds.release(customer);
        return { facts: await facts.forget(customer), ...forgotten };
      }
      case "hold":
        return holds.put(event.customer, { reason: event.reason, until: event.until, at: event.at });
      case "release":
        return holds.release(event.customer);
    }
  }

  /**
   * For an event that can't be opened, since its customer's key was destroyed: where the customer was known is still to be seen,
   * and the erasure, which comes after it in the stream, deletes there.
   */
  async unopened({ customer, conversation }: Whose): Promise<void> {
    if (customer && conversation) await this.#p.tiers.known(customer, conversation);
  }
}
