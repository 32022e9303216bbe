/** What was said, turn by turn. Sealed under the customer's key, or the conversation's while nobody knows who it is. */
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
  readonly turn: number;
  readonly at: number;
  readonly by: "customer" | "desk";
}

/** Unit vectors of what is said in a turn, in the order of `saidIn`. */
export interface TurnVectors {
  /** Encoder's id; vectors of another one are not compared. */
  readonly model: string;
  readonly data: readonly Float32Array[];
}

interface Words {
  readonly text: string;
  readonly reply: string;
  readonly speaker?: string;
}

interface StoredTurn extends Omit<Turn, keyof Words> {
  readonly subject: string;
  /** `Words` as JSON. */
  readonly sealed: string;
  /** Of all that is said, one after the other, as 32-bit floats. */
  readonly vectors?: { readonly model: string; readonly dimension: number; readonly sealed: string };
}

/** What is said in a turn, for an encoder. */
export function saidIn({ text, reply, speaker }: Words): string[] {
  return [spoken({ speaker, text }), reply].filter((words) => words !== "");
}

export class TurnStore {
  readonly #db: MemoryDb;
  readonly #keys: KeyRing;

  constructor(db: MemoryDb, keys: KeyRing) {
    this.#db = db;
    this.#keys = keys;
  }

  /**
   * Keeps turns, all or none; the same turn again replaces it. False when the customer of one was erased. Vectors, one set
   * for each turn, are sealed like the words.
   */
  async add(turns: readonly Turn[], vectors?: readonly TurnVectors[]): Promise<boolean> {
    const operations: { type: "put"; key: string; value: string }[] = [];
    for (const [i, { text, reply, speaker, ...open }] of turns.entries()) {
      const { customer, conversation } = open;
      const subject = customer ?? conversation;
      const sealer = await this.#keys.sealer(subject, { create: true });
      if (!sealer) return false;
      const place = placeOf(open);
      const words: Words = { text, reply, speaker };
      const sealed = sealer.seal(Buffer.from(JSON.stringify(words)), place).toString("base64");
      const own = vectors?.[i];
      const stored: StoredTurn = {
        ...open,
        subject,
        sealed,
        ...(own && own.data.length > 0 ? { vectors: sealVectors(own, sealer, place) } : {}),
      };
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
    for await (const { turn } of this.#opened(conversation)) turns.push(turn);
    return turns;
  }

  /**
   * All that was said in the conversations in which a customer was known, each conversation's in order, with its vectors where
   * they are of this encoder.
   */
  async saidBy(customer: string, model?: string): Promise<Said[]> {
    const all: Said[] = [];
    for (const conversation of await this.conversationsOf(customer)) {
      for await (const { turn, vectors } of this.#opened(conversation, model)) {
        const { at, text, reply, speaker } = turn;
        const common = { conversation, turn: turn.turn, at };
        const id = `${conversation}!${turn.turn}`;
        const left = [...(vectors ?? [])];
        if (spoken({ speaker, text }) !== "")
          all.push({ ...common, id: `${id}!c`, by: "customer", speaker, text, vector: left.shift() });
        if (reply !== "")
          all.push({ ...common, id: `${id}!d`, by: "desk", text: reply, vector: left.shift() });
      }
    }
    return all;
  }

  /** @param model whose vectors are wanted */
  async *#opened(
    conversation: string,
    model?: string,
  ): AsyncGenerator<{ turn: Turn; vectors?: readonly Float32Array[] }> {
    for await (const stored of this.#db.values(under("turn", conversation))) {
      const { subject, sealed, vectors, ...open } = JSON.parse(stored) as StoredTurn;
      const sealer = await this.#keys.sealer(subject);
      if (!sealer) continue;
      const place = placeOf(open);
      const words = sealer.open(Buffer.from(sealed, "base64"), place).toString("utf8");
      const turn: Turn = { ...open, ...(JSON.parse(words) as Words) };
      if (model === undefined || vectors?.model !== model) yield { turn };
      else yield { turn, vectors: openVectors(vectors, sealer, place) };
    }
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
      batch.del(key("conversation", customer, conversation));
    }
    await batch.write({ sync: true });
    return { conversations: conversations.length, turns };
  }
}

function sealVectors({ model, data }: TurnVectors, sealer: Sealer, place: string): StoredTurn["vectors"] {
  const dimension = data[0]!.length;
  const all = new Float32Array(data.length * dimension);
  for (const [i, vector] of data.entries()) all.set(vector, i * dimension);
  const sealed = sealer.seal(new Uint8Array(all.buffer), `${place}/vectors`).toString("base64");
  return { model, dimension, sealed };
}

function openVectors(
  { dimension, sealed }: NonNullable<StoredTurn["vectors"]>,
  sealer: Sealer,
  place: string,
): Float32Array[] {
  const bytes = Uint8Array.from(sealer.open(Buffer.from(sealed, "base64"), `${place}/vectors`));
  const all = new Float32Array(bytes.buffer);
  return Array.from({ length: all.length / dimension }, (_, i) =>
    all.subarray(i * dimension, (i + 1) * dimension),
  );
}

function placeOf({ conversation, turn }: { readonly conversation: string; readonly turn: number }): string {
  return key("turn", conversation, turn.toString().padStart(8, "0"));
}
