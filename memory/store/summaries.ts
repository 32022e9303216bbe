/**
 * What a conversation that has ended was about, in a few sentences: `summary!<conversation>` → sealed under the customer's key, or
 * the conversation's while nobody knows who it is. It goes with what was said (`turns.ts` deletes it).
 */
import type { KeyRing } from "../../runtime/log/sealer.ts";
import { key, type MemoryDb } from "./database.ts";

export interface Summary {
  readonly conversation: string;
  /** Customer key, once known. */
  readonly customer?: string;
  readonly text: string;
  /** How it ended: `resolved`, `handed_off`, `abandoned`. */
  readonly outcome: string;
  /** Who wrote it: the desk's rules, or a model whose words were checked. */
  readonly by: "rules" | "model";
  /** ms since the epoch. */
  readonly at: number;
  /** Sequences of its events, those that it has replaced too, where memory is a stream. */
  readonly seqs?: readonly number[];
}

interface StoredSummary extends Omit<Summary, "text" | "conversation"> {
  readonly sealed: string;
}

export class Summaries {
  readonly #db: MemoryDb;
  readonly #keys: KeyRing;

  constructor(db: MemoryDb, keys: KeyRing) {
    this.#db = db;
    this.#keys = keys;
  }

  /** Replaces the one before, unless that came later in the stream. False when its data subject was erased. */
  async put({ seq, ...summary }: Omit<Summary, "seqs"> & { readonly seq?: number }): Promise<boolean> {
    const { conversation, customer, text, outcome, by, at } = summary;
    const sealer = await this.#keys.sealer(customer ?? conversation, { create: true });
    if (!sealer) return false;
    const place = placeOf(conversation);
    const before = await this.#stored(conversation);
    const known = before?.seqs ?? [];
    const seqs = seq === undefined ? known : [...new Set([...known, seq])].sort((a, b) => a - b);
    const isLate = seq !== undefined && seqs.at(-1) !== seq;
    const sealed = sealer.seal(Buffer.from(text), place).toString("base64");
    const stored: StoredSummary = isLate
      ? { ...before!, seqs }
      : { customer, outcome, by, at, sealed, ...(seqs.length > 0 ? { seqs } : {}) };
    const batch = this.#db.batch().put(place, JSON.stringify(stored));
    if (customer) batch.put(key("conversation", customer, conversation), "");
    await batch.write({ sync: seq === undefined });
    return true;
  }

  /** Undefined where there is none, or its key was destroyed. */
  async of(conversation: string): Promise<Summary | undefined> {
    const stored = await this.#stored(conversation);
    if (!stored) return undefined;
    const { sealed, ...open } = stored;
    const sealer = await this.#keys.sealer(open.customer ?? conversation);
    if (!sealer) return undefined;
    const text = sealer.open(Buffer.from(sealed, "base64"), placeOf(conversation)).toString("utf8");
    return { ...open, conversation, text };
  }

  /** Sequences of the events that the summaries of conversations came with, for deleting them. */
  async sequencesOf(conversations: readonly string[]): Promise<number[]> {
    const found = await Promise.all(conversations.map((each) => this.#stored(each)));
    return found.flatMap((stored) => stored?.seqs ?? []);
  }

  async #stored(conversation: string): Promise<StoredSummary | undefined> {
    const text = await this.#db.get(placeOf(conversation));
    return text === undefined ? undefined : (JSON.parse(text) as StoredSummary);
  }
}

export function placeOf(conversation: string): string {
  return key("summary", conversation);
}
