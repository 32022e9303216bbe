/** What was said, turn by turn. Sealed under the customer's key, or the conversation's while nobody knows who it is. */
import { createHash } from "node:crypto";
import type { KeyRing, Sealer } from "../../runtime/log/sealer.ts";
import { spoken, type Utterance } from "../retrieval/utterances.ts";
import { key, type MemoryDb, under } from "./database.ts";

export interface Turn {
  readonly conversation: string;
  /** Number of the turn in the conversation. */
  readonly turn: number;
  /** ms since the epoch. */
  readonly at: number;
  readonly messageId?: string;
  /** Customer key, once known. */
  readonly customer?: string;
  readonly text: string;
  readonly reply: string;
  /** Name of who said `text`, where it was not just the customer. */
  readonly speaker?: string;
}

/** One of the two things that are said in a turn. */
export interface Said extends Utterance {
  /** Where its vector is kept. */
  readonly id: string;
  readonly turn: number;
  readonly at: number;
  readonly by: "customer" | "desk";
}

type Words = Pick<Turn, "text" | "reply" | "speaker">;

interface StoredTurn extends Omit<Turn, keyof Words> {
  readonly subject: string;
  /** `Words` as JSON. */
  readonly sealed: string;
}

interface StoredVector {
  /** Encoder's id; vectors of another one are not compared. */
  readonly model: string;
  readonly subject: string;
  /** 32-bit floats, bound to the words that they are of. */
  readonly sealed: string;
}

export class TurnStore {
  readonly #db: MemoryDb;
  readonly #keys: KeyRing;

  constructor(db: MemoryDb, keys: KeyRing) {
    this.#db = db;
    this.#keys = keys;
  }

  /** Keeps turns, all or none; the same turn again replaces it. False when the customer of one was erased. */
  async add(turns: readonly Turn[]): Promise<boolean> {
    const operations: { type: "put"; key: string; value: string }[] = [];
    for (const { text, reply, speaker, ...open } of turns) {
      const { customer, conversation } = open;
      const subject = customer ?? conversation;
      const sealer = await this.#keys.sealer(subject, { create: true });
      if (!sealer) return false;
      const place = placeOf(open);
      const words: Words = { text, reply, speaker };
      const sealed = sealer.seal(Buffer.from(JSON.stringify(words)), place).toString("base64");
      const stored: StoredTurn = { ...open, subject, sealed };
      operations.push({ type: "put", key: place, value: JSON.stringify(stored) });
      if (customer)
        operations.push({ type: "put", key: key("conversation", customer, conversation), value: "" });
    }
    await this.#db.batch(operations);
    return true;
  }

  /** Turns of a conversation in order; those whose key was destroyed are left out. */
  async of(conversation: string): Promise<Turn[]> {
    const turns: Turn[] = [];
    for await (const stored of this.#db.values(under("turn", conversation))) {
      const { subject, sealed, ...open } = JSON.parse(stored) as StoredTurn;
      const sealer = await this.#keys.sealer(subject);
      if (!sealer) continue;
      const words = sealer.open(Buffer.from(sealed, "base64"), placeOf(open)).toString("utf8");
      turns.push({ ...open, ...(JSON.parse(words) as Words) });
    }
    return turns;
  }

  /**
   * All that was said in the conversations in which a customer was known, each conversation's in order, with the vectors that
   * are kept of it.
   * @param model whose vectors are wanted
   */
  async saidBy(customer: string, model?: string): Promise<Said[]> {
    const all: Said[] = [];
    for (const conversation of await this.conversationsOf(customer)) {
      const vectors = model === undefined ? undefined : await this.#vectorsOf(conversation, model);
      const add = (turn: Turn, by: Said["by"], text: string, speaker?: string): void => {
        const id = key("vector", conversation, turn.turn, by);
        const said: Said = { id, conversation, turn: turn.turn, at: turn.at, by, speaker, text };
        all.push({ ...said, vector: vectors?.(said) });
      };
      for (const turn of await this.of(conversation)) {
        if (turn.text !== "") add(turn, "customer", turn.text, turn.speaker);
        if (turn.reply !== "") add(turn, "desk", turn.reply);
      }
    }
    return all;
  }

  /** Keeps vectors of what was said, sealed like the words. Of what was erased none is kept. */
  async keepVectors(customer: string, model: string, said: readonly Said[]): Promise<void> {
    const sealer = await this.#keys.sealer(customer);
    if (!sealer) return;
    const operations: { type: "put"; key: string; value: string }[] = [];
    for (const each of said) {
      if (!each.vector) continue;
      const bytes = new Uint8Array(each.vector.slice().buffer);
      const sealed = sealer.seal(bytes, boundTo(each)).toString("base64");
      const stored: StoredVector = { model, subject: customer, sealed };
      operations.push({ type: "put", key: each.id, value: JSON.stringify(stored) });
    }
    await this.#db.batch(operations);
  }

  /** Answers how to find the vector of what was said in a conversation. */
  async #vectorsOf(conversation: string, model: string): Promise<(said: Said) => Float32Array | undefined> {
    const kept = new Map<string, { sealed: string; sealer: Sealer }>();
    for await (const [place, value] of this.#db.iterator(under("vector", conversation))) {
      const { model: of, subject, sealed } = JSON.parse(value) as StoredVector;
      const sealer = of === model ? await this.#keys.sealer(subject) : undefined;
      if (sealer) kept.set(place, { sealed, sealer });
    }
    return (said) => {
      const own = kept.get(said.id);
      if (!own) return undefined;
      try {
        const bytes = Uint8Array.from(own.sealer.open(Buffer.from(own.sealed, "base64"), boundTo(said)));
        return new Float32Array(bytes.buffer);
      } catch {
        // Of other words that stood there before.
        return undefined;
      }
    };
  }

  /** Conversations in which a customer was known. */
  async conversationsOf(customer: string): Promise<string[]> {
    const range = under("conversation", customer);
    const found: string[] = [];
    for await (const at of this.#db.keys(range)) found.push(at.slice(range.gte.length));
    return found;
  }

  /** Deletes the turns of all conversations of a customer. */
  async forget(customer: string): Promise<{ conversations: number; turns: number }> {
    const conversations = await this.conversationsOf(customer);
    const batch = this.#db.batch();
    let turns = 0;
    for (const conversation of conversations) {
      for await (const at of this.#db.keys(under("turn", conversation))) {
        batch.del(at);
        turns++;
      }
      for await (const at of this.#db.keys(under("vector", conversation))) batch.del(at);
      batch.del(key("conversation", customer, conversation));
    }
    await batch.write({ sync: true });
    return { conversations: conversations.length, turns };
  }
}

function placeOf({ conversation, turn }: { readonly conversation: string; readonly turn: number }): string {
  return key("turn", conversation, turn.toString().padStart(8, "0"));
}

/** A vector opens only beside the words that it was computed of. */
function boundTo(said: Said): string {
  const words = createHash("sha256").update(spoken(said)).digest("base64url");
  return `${said.id} ${words}`;
}
