/**
 * What was said, turn by turn, in two tiers: rows while it is warm, one compressed segment a conversation once it is cold. Sealed
 * under the customer's key, or the conversation's while nobody knows who it is.
 *
 * - `turn!<conversation>!<turn>` → a turn; `vector!<conversation>!<turn>!<by>` → vector of one of its two sayings
 * - `last!<conversation>` → when something was said there last, ms: the warm conversations; `cold!<conversation>` → the same of
 *   the cold ones
 * - `segment!<conversation>!<subject>` → all of it that is sealed under that subject's key (`archive.ts`): the cold ones
 * - `conversation!<customer>!<conversation>` → nothing; the customer was known there
 */
import { type KeyRing, SealError } from "../../runtime/log/sealer.ts";
import { type Archived, type KeptVector, pack, unpack } from "./archive.ts";
import { bytesOf, floatsOf, readU32, u32 } from "./bytes.ts";
import { IN_ONE_GO, key, type MemoryDb, secondWords, under } from "./database.ts";
import { OneByOne } from "./one-by-one.ts";
import { hashOf, type Said, sayings, type Turn } from "./sayings.ts";
import { placeOf as summaryOf } from "./summaries.ts";

/** A conversation as it is kept. */
export interface KeptConversation extends Archived {
  readonly tier: "warm" | "cold";
  /** Those under whose keys it is. */
  readonly subjects: ReadonlySet<string>;
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

type Operation =
  | { type: "put"; key: string; value: string }
  | { type: "put"; key: string; value: Uint8Array; valueEncoding: "view" }
  | { type: "del"; key: string };

const BYTES = { valueEncoding: "view" } as const;

export class TurnStore {
  readonly #db: MemoryDb;
  readonly #keys: KeyRing;
  /** Reads and writes of a conversation: none sees it between two tiers. */
  readonly #writing = new OneByOne();

  constructor(db: MemoryDb, keys: KeyRing) {
    this.#db = db;
    this.#keys = keys;
  }

  /** Makes a memory of an earlier release one in which it is known what is warm. */
  async prepare(): Promise<void> {
    if ((await this.#db.get("format!turns")) !== undefined) return;
    const last = new Map<string, number>();
    for await (const stored of this.#db.values({ gte: "turn!", lt: 'turn"' })) {
      const { conversation, at } = JSON.parse(stored) as StoredTurn;
      last.set(conversation, Math.max(at, last.get(conversation) ?? 0));
    }
    const operations = [...last].map(
      ([conversation, at]): Operation => ({ type: "put", key: key("last", conversation), value: String(at) }),
    );
    await this.#write([...operations, { type: "put", key: "format!turns", value: "1" }]);
  }

  /** Keeps turns, all or none; the same turn again replaces it. False when the customer of one was erased. */
  add(turns: readonly Turn[]): Promise<boolean> {
    const conversations = new Set(turns.map(({ conversation }) => conversation));
    return this.#writing.run(conversations, async () => {
      const operations: Operation[] = [];
      for (const conversation of conversations) operations.push(...(await this.#thawed(conversation)));
      for (const turn of turns) {
        const { customer, conversation } = turn;
        const row = await this.#row(turn);
        if (!row) return false;
        operations.push(row);
        operations.push({ type: "put", key: key("last", conversation), value: String(turn.at) });
        if (customer)
          operations.push({ type: "put", key: key("conversation", customer, conversation), value: "" });
      }
      await this.#write(operations);
      return true;
    });
  }

  /** A conversation from whichever tier it is in; what is under a key that was destroyed is left out. */
  conversation(conversation: string): Promise<KeptConversation> {
    return this.#writing.run([conversation], () => this.#kept(conversation));
  }

  /** Turns of a conversation in order; those whose key was destroyed are left out. */
  of(conversation: string): Promise<Turn[]> {
    return this.#writing.run([conversation], async () =>
      inOrder(await this.#rows(conversation), await this.#segments(conversation)),
    );
  }

  /** Not while its tier is changed: it would be there twice, or not at all. */
  async #kept(conversation: string): Promise<KeptConversation> {
    const subjects = new Set<string>();
    const warm = await this.#rows(conversation, subjects);
    const vectors = await this.#vectors(conversation, warm, subjects);
    const cold = await this.#segments(conversation);
    for (const { subject, vectors: of } of cold) {
      subjects.add(subject);
      vectors.push(...of);
    }
    const turns = inOrder(warm, cold);
    return { tier: cold.length === 0 ? "warm" : "cold", subjects, turns, vectors };
  }

  /** Keeps vectors of what was said, sealed like the words, in the tier of their conversation. Of what was erased none is kept. */
  async keepVectors(customer: string, model: string, said: readonly Said[]): Promise<void> {
    const byConversation = new Map<string, KeptVector[]>();
    for (const { id, conversation, vector: data, ...rest } of said) {
      if (!data) continue;
      const own = byConversation.get(conversation) ?? [];
      byConversation.set(conversation, own);
      own.push({ id, model, words: hashOf(rest), data });
    }
    await this.#writing.run(byConversation.keys(), async () => {
      const operations: Operation[] = [];
      for (const [conversation, vectors] of byConversation) {
        const segments = await this.#segments(conversation);
        if (segments.length > 0) operations.push(...(await this.#packed(conversation, segments, vectors)));
        else for (const vector of vectors) operations.push(...(await this.#vectorRow(customer, vector)));
      }
      await this.#write(operations);
    });
  }

  /** All conversations, in order. */
  async conversations(): Promise<string[]> {
    const found = new Set<string>();
    for (const what of ["turn", "segment"])
      for await (const conversation of secondWords(this.#db, what)) found.add(conversation);
    return [...found].sort();
  }

  /** Conversations in which a customer was known. */
  async conversationsOf(customer: string): Promise<string[]> {
    const range = under("conversation", customer);
    const found: string[] = [];
    for await (const at of this.#db.keys(range)) found.push(at.slice(range.gte.length));
    return found;
  }

  /** Sequences of the events that the turns of a customer's conversations came with, for deleting them. */
  async sequencesOf(customer: string): Promise<number[]> {
    const found = new Set<number>();
    for (const conversation of await this.conversationsOf(customer))
      for (const { seq } of await this.of(conversation)) if (seq !== undefined) found.add(seq);
    return [...found];
  }

  /** The same, with when something was said there last, ms; one that an earlier release made cold does not say. */
  async lastSaid(customer: string): Promise<{ conversation: string; at?: number }[]> {
    const known = await this.conversationsOf(customer);
    const places = known.flatMap((conversation) => [key("last", conversation), key("cold", conversation)]);
    const times = await this.#db.getMany(places);
    return known.map((conversation, i) => {
      const at = times[2 * i] ?? times[2 * i + 1];
      return { conversation, at: at === undefined ? undefined : Number(at) };
    });
  }

  /** Warm conversations and when something was said there last. */
  warm(): AsyncGenerator<{ conversation: string; at: number }> {
    return this.#times("last");
  }

  /** Conversations in which nothing was said since `before`, ms. */
  async *silentSince(before: number): AsyncGenerator<string> {
    for (const tier of ["last", "cold"] as const)
      for await (const { conversation, at } of this.#times(tier)) if (at < before) yield conversation;
  }

  async *#times(tier: "last" | "cold"): AsyncGenerator<{ conversation: string; at: number }> {
    const range = under(tier);
    for await (const [at, value] of this.#db.iterator(range))
      yield { conversation: at.slice(range.gte.length), at: Number(value) };
  }

  /** Makes a conversation cold, all at once; false when it was not warm. */
  demote(conversation: string): Promise<boolean> {
    return this.#writing.run([conversation], async () => {
      const last = await this.#db.get(key("last", conversation));
      if (last === undefined) return false;
      const operations = await this.#packed(conversation, [await this.#kept(conversation)]);
      for (const what of ["turn", "vector"])
        for await (const at of this.#db.keys(under(what, conversation)))
          operations.push({ type: "del", key: at });
      operations.push({ type: "del", key: key("last", conversation) });
      operations.push({ type: "put", key: key("cold", conversation), value: last });
      await this.#write(operations);
      return true;
    });
  }

  /** How many conversations are cold, and the bytes that they take. */
  async cold(): Promise<{ conversations: number; bytes: number }> {
    const conversations = new Set<string>();
    let bytes = 0;
    for await (const [at, value] of this.#bytes({ gte: "segment!", lt: 'segment"' })) {
      conversations.add(at.split("!")[1]!);
      bytes += value.byteLength;
    }
    return { conversations: conversations.size, bytes };
  }

  /** Notes where a customer was known, without a turn. */
  async known(customer: string, conversation: string): Promise<void> {
    await this.#db.put(key("conversation", customer, conversation), "");
  }

  /**
   * Deletes the turns of all conversations of a customer.
   * @param also conversations that are the customer's, known here as that or not
   */
  async forget(
    customer: string,
    also: readonly string[] = [],
  ): Promise<{ conversations: number; turns: number }> {
    const conversations = [...new Set([...(await this.conversationsOf(customer)), ...also])];
    return this.#writing.run(conversations, async () => {
      const operations: Operation[] = [];
      let turns = 0;
      for (const conversation of conversations) {
        turns += (await this.#deleted(conversation, operations)).turns;
        operations.push({ type: "del", key: key("conversation", customer, conversation) });
      }
      await this.#write(operations, true);
      return { conversations: conversations.length, turns };
    });
  }

  /** Deletes a conversation; answers the customers who were known in it. */
  drop(conversation: string): Promise<string[]> {
    return this.#writing.run([conversation], async () => {
      const operations: Operation[] = [];
      const { customers } = await this.#deleted(conversation, operations);
      for (const customer of customers)
        operations.push({ type: "del", key: key("conversation", customer, conversation) });
      await this.#write(operations);
      return [...customers];
    });
  }

  /** Adds what deletes a conversation. Needs no key: that may be destroyed by now. */
  async #deleted(
    conversation: string,
    operations: Operation[],
  ): Promise<{ turns: number; customers: Set<string> }> {
    const customers = new Set<string>();
    let turns = 0;
    for await (const [at, value] of this.#db.iterator(under("turn", conversation))) {
      operations.push({ type: "del", key: at });
      turns++;
      const { customer } = JSON.parse(value) as StoredTurn;
      if (customer) customers.add(customer);
    }
    for await (const at of this.#db.keys(under("vector", conversation)))
      operations.push({ type: "del", key: at });
    const range = under("segment", conversation);
    for await (const [at, value] of this.#bytes(range)) {
      operations.push({ type: "del", key: at });
      turns += readU32(value);
      const subject = at.slice(range.gte.length);
      if (subject !== conversation) customers.add(subject);
    }
    for (const tier of ["last", "cold"]) operations.push({ type: "del", key: key(tier, conversation) });
    operations.push({ type: "del", key: summaryOf(conversation) });
    return { turns, customers };
  }

  /** What makes a cold conversation warm again. */
  async #thawed(conversation: string): Promise<Operation[]> {
    const segments = await this.#segments(conversation);
    const operations: Operation[] = [];
    for (const { subject, turns, vectors } of segments) {
      for (const turn of turns) operations.push((await this.#row(turn))!);
      for (const vector of vectors) operations.push(...(await this.#vectorRow(subject, vector)));
      operations.push({ type: "del", key: key("segment", conversation, subject) });
    }
    operations.push({ type: "del", key: key("cold", conversation) });
    return operations;
  }

  /** The segments of a conversation, a part for each subject. */
  async #packed(
    conversation: string,
    parts: readonly Archived[],
    fresh: readonly KeptVector[] = [],
  ): Promise<Operation[]> {
    const turns = parts.flatMap((part) => part.turns);
    const vectors = new Map(parts.flatMap((part) => part.vectors).map((vector) => [vector.id, vector]));
    for (const vector of fresh) vectors.set(vector.id, vector);
    const subjectOf = (turn: Turn): string => turn.customer ?? conversation;
    // They were computed for the customer, who was known by then.
    const known = turns.find(({ customer }) => customer !== undefined)?.customer ?? conversation;
    const operations: Operation[] = [];
    for (const subject of new Set([...turns.map(subjectOf), known])) {
      const own = turns.filter((turn) => subjectOf(turn) === subject);
      const sealer = await this.#keys.sealer(subject);
      if (!sealer || own.length === 0) continue;
      const at = key("segment", conversation, subject);
      const bytes = await pack({ turns: own, vectors: subject === known ? [...vectors.values()] : [] });
      const value = Buffer.concat([u32(own.length), sealer.seal(bytes, at)]);
      operations.push({ type: "put", key: at, value, ...BYTES });
    }
    return operations;
  }

  /** Warm turns in order; `subjects` is told under whose keys they are. */
  async #rows(conversation: string, subjects = new Set<string>()): Promise<Turn[]> {
    const turns: Turn[] = [];
    for (const stored of await this.#db.values({ ...under("turn", conversation), ...IN_ONE_GO }).all()) {
      const { subject, sealed, ...open } = JSON.parse(stored) as StoredTurn;
      const sealer = await this.#keys.sealer(subject);
      if (!sealer) continue;
      subjects.add(subject);
      const words = sealer.open(Buffer.from(sealed, "base64"), placeOf(open)).toString("utf8");
      turns.push({ ...open, ...(JSON.parse(words) as Words) });
    }
    return turns;
  }

  #bytes(range: { gte: string; lt: string }) {
    return this.#db.iterator<string, Uint8Array>({ ...range, ...BYTES });
  }

  async #segments(conversation: string): Promise<(Archived & { readonly subject: string })[]> {
    const found: (Archived & { readonly subject: string })[] = [];
    const range = under("segment", conversation);
    for await (const [at, value] of this.#bytes(range)) {
      const subject = at.slice(range.gte.length);
      const sealer = await this.#keys.sealer(subject);
      if (sealer) found.push({ subject, ...(await unpack(sealer.open(value.subarray(COUNT_BYTES), at))) });
    }
    return found;
  }

  /** Undefined when its data subject was erased. */
  async #row({ text, reply, speaker, ...open }: Turn): Promise<Operation | undefined> {
    const subject = open.customer ?? open.conversation;
    const sealer = await this.#keys.sealer(subject, { create: true });
    if (!sealer) return undefined;
    const words: Words = { text, reply, speaker };
    const sealed = sealer.seal(Buffer.from(JSON.stringify(words)), placeOf(open)).toString("base64");
    const stored: StoredTurn = { ...open, subject, sealed };
    return { type: "put", key: placeOf(open), value: JSON.stringify(stored) };
  }

  async #vectorRow(subject: string, { id, model, words, data }: KeptVector): Promise<Operation[]> {
    const sealer = await this.#keys.sealer(subject);
    if (!sealer) return [];
    const sealed = sealer.seal(bytesOf(data), `${id} ${words}`).toString("base64");
    const stored: StoredVector = { model, subject, sealed };
    return [{ type: "put", key: id, value: JSON.stringify(stored) }];
  }

  /** Those of warm turns; one that is of other words which stood there before is left out. */
  async #vectors(conversation: string, turns: readonly Turn[], subjects: Set<string>): Promise<KeptVector[]> {
    const sayingOf = new Map(turns.flatMap(sayings).map((said) => [said.id, said]));
    const found: KeptVector[] = [];
    const range = { ...under("vector", conversation), ...IN_ONE_GO };
    for (const [id, value] of await this.#db.iterator(range).all()) {
      const { model, subject, sealed } = JSON.parse(value) as StoredVector;
      const sealer = await this.#keys.sealer(subject);
      const said = sayingOf.get(id);
      if (!sealer || !said) continue;
      const words = hashOf(said);
      try {
        const data = floatsOf(sealer.open(Buffer.from(sealed, "base64"), `${id} ${words}`));
        found.push({ id, model, words, data });
        subjects.add(subject);
      } catch (error) {
        if (!(error instanceof SealError)) throw error;
      }
    }
    return found;
  }

  async #write(operations: readonly Operation[], sync = false): Promise<void> {
    await this.#db.batch(operations as never, { sync });
  }
}

/** Turns of whichever tier has them; a cold conversation has a part for each subject. */
function inOrder(warm: readonly Turn[], cold: readonly Archived[]): Turn[] {
  return [...warm, ...cold.flatMap(({ turns }) => turns)].sort((a, b) => a.turn - b.turn);
}

function placeOf({ conversation, turn }: { readonly conversation: string; readonly turn: number }): string {
  return key("turn", conversation, turn.toString().padStart(8, "0"));
}

/** Before what is sealed: how many turns it holds, which is still to be told when its key is destroyed. */
const COUNT_BYTES = 4;
