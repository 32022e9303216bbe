/** What was said, turn by turn. Sealed under the customer's key, or the conversation's while nobody knows who it is. */
import type { KeyRing } from "../../runtime/log/sealer.ts";
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
}

interface StoredTurn extends Omit<Turn, "text" | "reply"> {
  readonly subject: string;
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
    for (const { text, reply, ...open } of turns) {
      const { customer, conversation } = open;
      const subject = customer ?? conversation;
      const sealer = await this.#keys.sealer(subject, { create: true });
      if (!sealer) return false;
      const place = placeOf(open);
      const sealed = sealer.seal(Buffer.from(JSON.stringify({ text, reply })), place).toString("base64");
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
      const said = sealer.open(Buffer.from(sealed, "base64"), placeOf(open)).toString("utf8");
      turns.push({ ...open, ...(JSON.parse(said) as { text: string; reply: string }) });
    }
    return turns;
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

function placeOf({ conversation, turn }: { readonly conversation: string; readonly turn: number }): string {
  return key("turn", conversation, turn.toString().padStart(8, "0"));
}
