/**
 * What the desk knows about customers, as facts with their source.
 *
 * Facts are bi-temporal: `validFrom`/`validTo` say when something held in the world, `recordedAt`/`supersededAt` when the
 * desk learnt and unlearnt it. Nothing is overwritten: a new value of a fact that can have one value only closes the old
 * one. Text, value and vector are sealed under the customer's key; without that key there are no facts.
 */
import { LRUCache } from "lru-cache";
import type { Clock } from "../../runtime/clock.ts";
import { canonicalJson, type Json } from "../../runtime/json.ts";
import type { KeyRing, Sealer } from "../../runtime/log/sealer.ts";
import { CONSENT, SERVICE_PURPOSE } from "./access.ts";
import { bytesOf, floatsOf } from "./bytes.ts";
import { IN_ONE_GO, key, type MemoryDb, sortable, under } from "./database.ts";
import { OneByOne } from "./one-by-one.ts";

export interface FactSource {
  readonly conversation: string;
  readonly messageId?: string;
  /** When it was said, ms since the epoch. */
  readonly at: number;
}

export interface Fact {
  readonly id: string;
  /** Customer key (a keyed hash). */
  readonly customer: string;
  /** A word: `address`, `preference`, `note` … */
  readonly type: string;
  readonly scope: "customer" | "conversation" | "workspace";
  readonly text: string;
  readonly value: Json;
  readonly source: FactSource;
  /** Why it is kept: `service` unless given. Any other is read only while the customer has agreed to it (`access.ts`). */
  readonly purpose: string;
  /** Roles that may read it; all when not given. */
  readonly readers?: readonly string[];
  /** 0 … 1: how sure it is. */
  readonly confidence: number;
  readonly validFrom: number;
  readonly validTo?: number;
  readonly recordedAt: number;
  readonly supersededAt?: number;
  readonly supersededBy?: string;
  /** Not used from then on, and deleted soon after. */
  readonly expiresAt?: number;
  /** Sequence of the event that it came with, where memory is a stream. */
  readonly seq?: number;
  readonly vector?: FactVector;
}

export interface FactVector {
  /** Encoder's id; vectors of another one are not compared. */
  readonly model: string;
  readonly data: Float32Array;
}

export interface NewFact {
  /** Decides the id's uniqueness: the same id again changes nothing. */
  readonly id: string;
  readonly customer: string;
  readonly type: string;
  readonly text: string;
  readonly value: Json;
  readonly source: FactSource;
  readonly scope?: Fact["scope"];
  readonly purpose?: string;
  readonly readers?: readonly string[];
  readonly confidence?: number;
  readonly validFrom?: number;
  /** How long it is kept, ms. */
  readonly ttlMs?: number;
  /** When the desk learnt it, ms since the epoch; now unless given. */
  readonly recordedAt?: number;
  readonly seq?: number;
  readonly vector?: FactVector;
}

/** What is left to say of a fact that has expired. */
export type ExpiredFact = Pick<Fact, "id" | "type" | "scope" | "validFrom" | "recordedAt" | "seq"> & {
  readonly conversation: string;
};

export type Remembered =
  | { readonly stored: true; readonly fact: Fact }
  /** The same was known already, and for as long. */
  | { readonly stored: false; readonly reason: "known"; readonly fact: Fact }
  /** The customer was erased: there is no key to seal anything with. */
  | { readonly stored: false; readonly reason: "erased" };

/** Facts of these types have one value at a time, and so has each `consent.<purpose>`. */
export const SINGLE_VALUED: ReadonlySet<string> = new Set([
  "name",
  "email",
  "phone",
  "address",
  "postcode",
  "language",
  "channel",
  "birthday",
  "company",
  "plan",
]);

export interface FactOptions {
  readonly singleValued?: ReadonlySet<string>;
  /** Customers whose opened facts are kept in memory. Default 500. */
  readonly hotCustomers?: number;
}

/** As it lies in the database. */
interface StoredFact extends Omit<Fact, "text" | "value" | "vector"> {
  /** Base64 of the sealed JSON of text and value. */
  readonly sealed: string;
  readonly vector?: { readonly model: string; readonly dimension: number; readonly sealed: string };
}

export class FactStore {
  readonly #db: MemoryDb;
  readonly #keys: KeyRing;
  readonly #clock: Clock;
  readonly #singleValued: ReadonlySet<string>;
  readonly #hot: LRUCache<string, readonly Fact[]>;
  /** Writes of one customer happen one after the other. */
  readonly #writing = new OneByOne();

  constructor(db: MemoryDb, keys: KeyRing, clock: Clock, options: FactOptions = {}) {
    this.#db = db;
    this.#keys = keys;
    this.#clock = clock;
    this.#singleValued = options.singleValued ?? SINGLE_VALUED;
    this.#hot = new LRUCache({ max: options.hotCustomers ?? 500 });
  }

  remember(fact: NewFact): Promise<Remembered> {
    return this.#writing.run([fact.customer], () => this.#remember(fact));
  }

  /** Facts that hold now, or at the times given; newest first. */
  async current(customer: string, times: { asOf?: number; knownAt?: number } = {}): Promise<Fact[]> {
    const now = this.#clock.now();
    const { asOf = now, knownAt = now } = times;
    return (await this.all(customer)).filter((fact) => {
      if (fact.recordedAt > knownAt || fact.validFrom > asOf) return false;
      // What was not yet superseded then was still held to be true.
      const closed = fact.supersededAt !== undefined && fact.supersededAt <= knownAt;
      return !closed || fact.validTo === undefined || fact.validTo > asOf;
    });
  }

  /** Facts that held at some time of a period, as it is known now; newest first. */
  async during(customer: string, { from, to }: { from: number; to: number }): Promise<Fact[]> {
    return (await this.all(customer)).filter(
      ({ validFrom, validTo = Number.POSITIVE_INFINITY }) => validFrom < to && validTo > from,
    );
  }

  /** All facts that have not expired, superseded ones too; newest first. None when the key was destroyed. */
  async all(customer: string): Promise<Fact[]> {
    const facts = await this.kept(customer);
    const now = this.#clock.now();
    return facts.filter((fact) => endOf(fact) > now);
  }

  /** All that is kept of a customer, what has expired and was not deleted yet too; newest first. None without a key. */
  async kept(customer: string): Promise<readonly Fact[]> {
    const asked = this.#keys.sealer(customer);
    const [sealer, facts] = await Promise.all([asked, this.#read(customer, asked)]);
    if (sealer) return facts;
    this.#hot.delete(customer);
    return [];
  }

  /** Forgets what is kept at hand: the database was changed by somebody else. */
  dropHot(): void {
    this.#hot.clear();
  }

  /** Deletes a customer's facts and answers how many there were. */
  forget(customer: string): Promise<number> {
    return this.#writing.run([customer], async () => {
      const batch = this.#db.batch();
      let count = 0;
      for await (const [at, text] of this.#db.iterator(under("fact", customer))) {
        const { expiresAt } = JSON.parse(text) as StoredFact;
        batch.del(at);
        if (expiresAt !== undefined) batch.del(key("ttl", sortable(expiresAt), at));
        count++;
      }
      await batch.write({ sync: true });
      this.#hot.delete(customer);
      return count;
    });
  }

  /** Sequences of the events that a customer's facts came with, for deleting them. */
  async sequencesOf(customer: string): Promise<number[]> {
    const found: number[] = [];
    for await (const text of this.#db.values(under("fact", customer))) {
      const { seq } = JSON.parse(text) as StoredFact;
      if (seq !== undefined) found.push(seq);
    }
    return found;
  }

  /** Facts whose time is over, and whose they are. They are used no more, and are there until `expire` is told of them. */
  async *due(): AsyncGenerator<{ readonly customer: string; readonly fact: ExpiredFact }> {
    const range = { ...under("ttl"), lt: key("ttl", sortable(this.#clock.now() + 1)) };
    for await (const [at, place] of this.#db.iterator(range)) {
      const text = await this.#db.get(place);
      if (text === undefined) {
        await this.#db.del(at);
        continue;
      }
      const { customer, id, type, scope, source, validFrom, recordedAt, seq } = JSON.parse(
        text,
      ) as StoredFact;
      const { conversation } = source;
      yield { customer, fact: { id, type, scope, conversation, validFrom, recordedAt, seq } };
    }
  }

  /** Deletes a fact that has expired. What it had closed stays closed, also where it never was. */
  expire(customer: string, gone: ExpiredFact): Promise<void> {
    return this.#writing.run([customer], async () => {
      const batch = this.#db.batch();
      for await (const [at, text] of this.#db.iterator(under("fact", customer))) {
        const stored = JSON.parse(text) as StoredFact;
        if (stored.id === gone.id) {
          batch.del(at);
          if (stored.expiresAt !== undefined) batch.del(key("ttl", sortable(stored.expiresAt), at));
        } else if (this.#isClosedBy(stored, gone)) {
          const { validFrom: validTo, recordedAt: supersededAt, id: supersededBy } = gone;
          batch.put(
            at,
            JSON.stringify({ ...stored, validTo, supersededAt, supersededBy } satisfies StoredFact),
          );
        }
      }
      await batch.write();
      this.#hot.delete(customer);
    });
  }

  /** Whether a fact came before one that has closed it, and was not closed by an earlier one. */
  #isClosedBy(old: Omit<StoredFact, "sealed">, gone: ExpiredFact): boolean {
    return (
      this.#isSingle(gone.type) &&
      isOfOnePlace(old, { ...gone, source: gone }) &&
      (old.seq ?? old.recordedAt) < (gone.seq ?? gone.recordedAt) &&
      (old.supersededAt === undefined || old.supersededAt > gone.recordedAt)
    );
  }

  #isSingle(type: string): boolean {
    return this.#singleValued.has(type) || type.startsWith(CONSENT);
  }

  async #remember(fact: NewFact): Promise<Remembered> {
    const sealer = await this.#keys.sealer(fact.customer, { create: true });
    if (!sealer) return { stored: false, reason: "erased" };
    const now = fact.recordedAt ?? this.#clock.now();
    const known = await this.#held(fact.customer, sealer);
    const sameId = known.find(({ id }) => id === fact.id);
    if (sameId) {
      if ((fact.seq ?? 0) > (sameId.seq ?? 0)) {
        await this.#db.put(placeOf(sameId), encode({ ...sameId, seq: fact.seq }, sealer));
        this.#hot.delete(fact.customer);
      }
      return { stored: false, reason: "known", fact: sameId };
    }

    const validFrom = fact.validFrom ?? fact.source.at;
    const fresh: Fact = {
      id: fact.id,
      customer: fact.customer,
      type: fact.type,
      scope: fact.scope ?? "customer",
      text: fact.text,
      value: fact.value,
      source: fact.source,
      purpose: fact.purpose ?? SERVICE_PURPOSE,
      readers: fact.readers && [...new Set(fact.readers)].sort(),
      confidence: fact.confidence ?? 1,
      validFrom,
      recordedAt: now,
      expiresAt: fact.ttlMs === undefined ? undefined : now + fact.ttlMs,
      seq: fact.seq,
      vector: fact.vector,
    };
    const open = known.filter(
      (old) => isOfOnePlace(old, fresh) && old.supersededBy === undefined && endOf(old) > now,
    );
    const wanted = saying(fresh);
    const same = open.filter((old) => saying(old) === wanted);
    // What is said again for longer has to outlast what was said before.
    const lasting = same.find((old) => endOf(old) >= endOf(fresh));
    if (lasting) return { stored: false, reason: "known", fact: lasting };

    const batch = this.#db.batch();
    const closes = new Set(this.#isSingle(fact.type) ? open : same);
    const next = known.map((old): Fact => {
      if (!closes.has(old)) return old;
      const closed = { ...old, validTo: validFrom, supersededAt: now, supersededBy: fresh.id };
      batch.put(placeOf(old), encode(closed, sealer));
      return closed;
    });
    batch.put(placeOf(fresh), encode(fresh, sealer));
    if (fresh.expiresAt !== undefined) {
      batch.put(key("ttl", sortable(fresh.expiresAt), placeOf(fresh)), placeOf(fresh));
    }
    await batch.write({ sync: fact.seq === undefined });
    this.#hot.set(fact.customer, [...next, fresh].sort(newestFirst));
    return { stored: true, fact: fresh };
  }

  /** What is read from the database while it is written might be kept at hand although it is old: so it waits for its turn. */
  async #read(customer: string, key: Key): Promise<readonly Fact[]> {
    const hot = this.#hot.get(customer);
    return hot ?? this.#writing.run([customer], () => this.#held(customer, key));
  }

  /** All that is there, what has expired too; for whoever has its turn. */
  async #held(customer: string, key: Key): Promise<readonly Fact[]> {
    const hot = this.#hot.get(customer);
    if (hot) return hot;
    // The database reads while the key comes.
    const [rows, sealer] = await Promise.all([
      this.#db.values({ ...under("fact", customer), ...IN_ONE_GO }).all(),
      key,
    ]);
    if (!sealer) return [];
    const facts = rows.map((text) => decode(JSON.parse(text) as StoredFact, sealer)).sort(newestFirst);
    this.#hot.set(customer, facts);
    return facts;
  }
}

/** A customer's, or that it is asked for; undefined when it was destroyed. */
type Key = Sealer | Promise<Sealer | undefined>;

function newestFirst(a: Fact, b: Fact): number {
  return b.recordedAt - a.recordedAt || (b.seq ?? 0) - (a.seq ?? 0) || (a.id < b.id ? 1 : -1);
}

function endOf({ expiresAt = Number.POSITIVE_INFINITY }: Pick<Fact, "expiresAt">): number {
  return expiresAt;
}

/** Whether one of them can stand in the other's place. */
function isOfOnePlace(
  one: Pick<Fact, "type" | "scope"> & { source: Pick<FactSource, "conversation"> },
  other: Pick<Fact, "type" | "scope"> & { source: Pick<FactSource, "conversation"> },
): boolean {
  return (
    one.type === other.type &&
    one.scope === other.scope &&
    (one.scope !== "conversation" || one.source.conversation === other.source.conversation)
  );
}

/** What it says, to whom and for what: text that is the same for the same. */
function saying({ text, value, readers, purpose }: Fact): string {
  return canonicalJson([text, value, readers ? [...readers] : null, purpose]);
}

function placeOf({ customer, id }: { readonly customer: string; readonly id: string }): string {
  return key("fact", customer, id);
}

function encode({ text, value, vector, ...open }: Fact, sealer: Sealer): string {
  const place = placeOf(open);
  const stored: StoredFact = {
    ...open,
    sealed: sealer.seal(Buffer.from(JSON.stringify({ text, value })), place).toString("base64"),
    vector: vector && {
      model: vector.model,
      dimension: vector.data.length,
      sealed: sealer.seal(bytesOf(vector.data), `${place}/vector`).toString("base64"),
    },
  };
  return JSON.stringify(stored);
}

function decode({ sealed, vector, ...open }: StoredFact, sealer: Sealer): Fact {
  const place = placeOf(open);
  const { text, value } = JSON.parse(sealer.open(Buffer.from(sealed, "base64"), place).toString("utf8")) as {
    text: string;
    value: Json;
  };
  if (!vector) return { ...open, text, value };
  const data = floatsOf(sealer.open(Buffer.from(vector.sealed, "base64"), `${place}/vector`));
  return { ...open, text, value, vector: { model: vector.model, data } };
}
