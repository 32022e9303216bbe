/**
 * What the owner of a partition leaves to whoever owns it next, in a bucket that all nodes share: up to where the partition
 * was dealt with, and who in it is open or waits for something. Everything else the next owner has from the log.
 *
 * A position and those who wait belong together: any such pair is right, the later is only the cheaper one to go on from.
 * So this is written lazily, as changes to what was written before; and a node's own pair is taken where it is the later.
 *
 * It also says how far tenures had got when they began: an owner that got no further than those before it may have been ended
 * by a record, as they were. Then attempts at records are counted here, where whoever is next sees them: each node would be
 * ended as often otherwise, and all of them together for ever.
 *
 * Keys of the bucket, for a partition P:
 * - `pP`           → `{format, position, turn, parts, changes}`, written last, so that nothing half-written is ever read, and only by
 *   whoever knows what it was before: an owner that has lost the partition does not undo what the next one left
 * - `pP.<turn>.<n>`  → the n-th part of all who wait, under a turn that nobody else writes
 * - `pP.<turn>.c<n>` → the n-th change to it since
 * - `pP.from`      → `{log, position}`: the furthest at which a tenure began
 * - `pP.tried`     → ids of records that were tried and not folded, and how often
 */
import { type Address, formatAddress, parseAddress } from "../address.ts";
import type { Kv, KvEntry } from "../bus/bus.ts";
import type { Fence } from "../fences.ts";
import type { CellStore, Kept, Waiting, Written } from "./cell-store.ts";
import type { Attempts } from "./partition.ts";

export interface HandoverOptions {
  readonly kv: Kv;
  readonly store: CellStore;
  readonly partitionOf: (to: Address) => number;
  /** Actors in one value of the bucket: it has to stay below the server's limit. Default 2,000. */
  readonly perPart?: number;
  /** Changes after which all is written anew. Default 32. */
  readonly mostChanges?: number;
}

/** What the rows say. What a release wrote that did not say what an actor needs of the log is not gone on from. */
const FORMAT = 2;

interface Header {
  readonly format: number;
  /** When the log was made that the position is in. */
  readonly log: string;
  readonly position: number;
  /** `<epoch>-<n>` */
  readonly turn: string;
  readonly parts: number;
  readonly changes: number;
}

/** The furthest position in a log at which a tenure began. */
interface Furthest {
  readonly log: string;
  readonly position: number;
}

/** Attempts at records that were not folded, by their ids. */
type Tried = Readonly<Record<string, number>>;

/** What this node knows of a partition's place in the bucket. */
interface Place {
  readonly epoch: number;
  readonly log: string;
  /** Of the header; undefined where there is none. */
  revision: number | undefined;
  /** What the bucket holds. */
  header: Header | undefined;
  /** Written by this tenure: it can be added to. */
  isMine: boolean;
  turns: number;
}

/** What was written into the store and is not in the bucket yet. */
interface News {
  position: number;
  readonly kept: Map<string, Kept>;
}

/** An actor in a value of the bucket: address, whether it is open, what it waits for, from where it needs the log. */
type Row = readonly [string, 0 | 1, (Waiting | null)?, number?];

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class Handover {
  readonly #o: Required<HandoverOptions>;
  readonly #places = new Map<number, Place>();
  readonly #news = new Map<number, News>();
  readonly #busy = new Map<number, Promise<unknown>>();

  constructor(options: HandoverOptions) {
    this.#o = { perPart: 2_000, mostChanges: 32, ...options };
    this.#o.store.onWritten = (written) => this.#note(written);
  }

  /**
   * Before a partition is owned: takes over what its last owner left, unless this node's own is the later.
   * @param fence where in the log the tenure begins
   * @param goesOn throws when it does not begin any more
   * @returns whether the last tenure got nowhere, so that whatever ended it may end this one too
   */
  adopt(
    partition: number,
    fence: Pick<Fence, "epoch" | "head" | "log">,
    goesOn = () => {},
  ): Promise<boolean> {
    return this.#oneByOne(partition, async () => {
      const { kv, store } = this.#o;
      const { epoch, log, head } = fence;
      const entry = await kv.get(`p${partition}`);
      const header = entry && headerOf(entry);
      goesOn();
      this.#news.delete(partition);
      this.#places.set(partition, { epoch, log, revision: entry?.revision, header, isMine: false, turns: 0 });
      const isOfThisLog = header?.log === log && header.format === FORMAT && header.position <= head;
      if (isOfThisLog && header.position > store.position(partition))
        await this.#adopt(partition, header, goesOn);
      const position = store.position(partition);
      const before = await kv.get(`p${partition}.from`);
      goesOn();
      // Nodes that did not live to share theirs have positions of their own: none is past the furthest unless there was progress.
      const furthest: Furthest | undefined = before && JSON.parse(decoder.decode(before.value));
      const gotOn = furthest?.log !== log || position > furthest.position;
      if (gotOn) await kv.put(`p${partition}.from`, encoder.encode(JSON.stringify({ log, position })));
      return !gotOn || Object.keys(await this.#tried(partition)).length > 0;
    });
  }

  /** The position that is left in the bucket for whoever owns a partition next; 1 where there is none. */
  position(partition: number): number {
    const { header, log } = this.#places.get(partition) ?? {};
    return header && header.log === log && header.format === FORMAT ? header.position : 1;
  }

  /** Counts attempts at records of a partition, for all of its owners; to be made anew for each tenure. */
  attemptsIn(partition: number): Attempts {
    // What it was when the tenure began, and what this one made of it. A write that failed may have been made all the same:
    // that it is made again is no other attempt.
    let tried: Tried | undefined;
    const known = async (): Promise<Tried> => {
      tried ??= await this.#tried(partition);
      return tried;
    };
    const write = (changed: Tried) =>
      this.#o.kv.put(`p${partition}.tried`, encoder.encode(JSON.stringify(changed)));
    return {
      countAttempt: async (id) => {
        const before = await known();
        const n = (before[id] ?? 0) + 1;
        const changed = { ...before, [id]: n };
        await write(changed);
        tried = changed;
        return n;
      },
      clearAttempt: async (id) => {
        const { [id]: _, ...others } = await known();
        tried = others;
        await write(others);
      },
    };
  }

  async #tried(partition: number): Promise<Tried> {
    const entry = await this.#o.kv.get(`p${partition}.tried`);
    return entry ? JSON.parse(decoder.decode(entry.value)) : {};
  }

  /** Leaves what changed in these partitions since the last time. @throws the first error, after all were tried */
  async leave(partitions: readonly number[]): Promise<void> {
    const errors: unknown[] = [];
    for (const partition of partitions) {
      await this.#oneByOne(partition, () => this.#leaveNews(partition)).catch((error) => errors.push(error));
    }
    if (errors.length > 0) throw errors[0];
  }

  async #leaveNews(partition: number): Promise<void> {
    const news = this.#news.get(partition);
    const place = this.#places.get(partition);
    if (!news || !place) return;
    this.#news.delete(partition);
    try {
      await this.#leave(partition, place, news);
    } catch (error) {
      // What was to be left is in the store: the next time all of it is.
      place.isMine = false;
      if (!this.#news.has(partition)) this.#news.set(partition, { position: news.position, kept: new Map() });
      throw error;
    }
  }

  /** Nothing of a partition is read or written while something else of it is. */
  #oneByOne<T>(partition: number, work: () => Promise<T>): Promise<T> {
    const mine = (this.#busy.get(partition) ?? Promise.resolve()).then(work);
    this.#busy.set(
      partition,
      mine.catch(() => {}),
    );
    return mine;
  }

  #note({ kept, positions }: Written): void {
    const of = (partition: number): News => {
      let news = this.#news.get(partition);
      if (!news) {
        news = { position: 0, kept: new Map() };
        this.#news.set(partition, news);
      }
      return news;
    };
    for (const each of kept) of(this.#o.partitionOf(each.to)).kept.set(formatAddress(each.to), each);
    for (const [partition, position] of positions) {
      const known = this.#news.get(partition);
      if (known) known.position = position;
      else if (position > (this.#places.get(partition)?.header?.position ?? 1))
        of(partition).position = position;
    }
  }

  async #adopt(partition: number, header: Header, goesOn: () => void): Promise<void> {
    const { turn, position } = header;
    const { kv, store } = this.#o;
    const kept = new Map<string, Kept>();
    for (const name of namesOf(header)) {
      const value = await kv.get(`p${partition}.${turn}.${name}`);
      // Replaced in this moment by an owner that is not one any more: what it knew, the log knows.
      if (!value) return;
      for (const [actor, open, waiting, base] of JSON.parse(decoder.decode(value.value)) as Row[]) {
        if (!open && !waiting && !base) {
          kept.delete(actor);
          continue;
        }
        const more = { ...(waiting ? { waiting } : {}), ...(base ? { base } : {}) };
        kept.set(actor, { to: parseAddress(actor), open: open === 1, ...more });
      }
    }
    goesOn();
    await store.adopt(partition, position, [...kept.values()]);
  }

  async #leave(partition: number, place: Place, news: News): Promise<void> {
    const { kv, mostChanges, perPart } = this.#o;
    const { header } = place;
    const canAdd = place.isMine && header && header.changes < mostChanges && news.kept.size <= perPart;
    if (!canAdd) return this.#leaveAll(partition, place);
    const { turn, changes } = header;
    if (news.kept.size > 0)
      await kv.put(`p${partition}.${turn}.c${changes}`, encode([...news.kept.values()]));
    await this.#conclude(partition, place, {
      ...header,
      position: Math.max(header.position, news.position),
      changes: changes + (news.kept.size > 0 ? 1 : 0),
    });
  }

  async #leaveAll(partition: number, place: Place): Promise<void> {
    const { kv, store, perPart } = this.#o;
    const turn = `${place.epoch}-${place.turns++}`;
    const { position, kept } = await store.summary(partition);
    const parts = Math.ceil(kept.length / perPart);
    for (let n = 0; n < parts; n++) {
      const part = kept.slice(n * perPart, (n + 1) * perPart);
      await kv.put(`p${partition}.${turn}.${n}`, encode(part));
    }
    const before = place.header;
    const header: Header = { format: FORMAT, log: place.log, position, turn, parts, changes: 0 };
    try {
      await this.#conclude(partition, place, header);
    } catch (error) {
      await this.#purge(partition, header);
      throw error;
    }
    place.isMine = true;
    if (before) await this.#purge(partition, before);
  }

  async #purge(partition: number, header: Header): Promise<void> {
    for (const name of namesOf(header)) await this.#o.kv.purge(`p${partition}.${header.turn}.${name}`);
  }

  /** @throws KvConflictError when a later owner has the partition by now */
  async #conclude(partition: number, place: Place, header: Header): Promise<void> {
    const { kv } = this.#o;
    const key = `p${partition}`;
    const value = encoder.encode(JSON.stringify(header));
    for (;;) {
      const { revision } = place;
      try {
        place.revision = await (revision === undefined
          ? kv.create(key, value)
          : kv.update(key, value, revision));
        break;
      } catch (error) {
        const entry = await kv.get(key);
        if (!entry || entry.revision === revision) throw error;
        place.revision = entry.revision;
        // An attempt whose acknowledgement was lost was made again.
        if (decoder.decode(entry.value) === decoder.decode(value)) break;
        // What the owner before wrote late says nothing against this one.
        if (epochOf(headerOf(entry)) >= place.epoch) throw error;
      }
    }
    place.header = header;
  }
}

function epochOf({ turn }: Header): number {
  return Number(turn.slice(0, turn.indexOf("-")));
}

function headerOf(entry: KvEntry): Header {
  return JSON.parse(decoder.decode(entry.value));
}

function namesOf({ parts, changes }: Header): string[] {
  return [
    ...Array.from({ length: parts }, (_, n) => `${n}`),
    ...Array.from({ length: changes }, (_, n) => `c${n}`),
  ];
}

function encode(kept: readonly Kept[]): Uint8Array {
  const rows = kept.map(({ to, open, waiting, base }): Row => {
    const row = [formatAddress(to), open ? 1 : 0] as const;
    if (base !== undefined) return [...row, waiting ?? null, base];
    return waiting ? [...row, waiting] : row;
  });
  return encoder.encode(JSON.stringify(rows));
}
