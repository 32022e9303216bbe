/**
 * The index that each node keeps of the log: ids seen, and the sequences of each actor (architecture section 3).
 *
 * It is a cache over the log in the node's LevelDB: written in batches, with its own position, and caught up from the
 * log before anything is folded. Keys of the data:
 * - `i!<id>`                    → sequence of the first occurrence
 * - `k!<key>!<kind>!<id>!<seq>` → nothing; the records of an actor, and of all actors that share a key
 * - `h!<key>!`, `h!<key>!<kind>!<id>!` → highest sequence of a key, of an actor: most look-ups are for what comes after it,
 *   or for an actor that is new, and so for nothing
 * - `m!position`                → every record below this sequence is in
 * - `m!highest`                 → present where all have their `h!`: an index of an older release has not
 * - `m!log`                     → which log it is the index of
 */
import type { Level } from "level";
import { type Address, parseAddress } from "../address.ts";
import type { Bus } from "../bus/bus.ts";
import { coversOf, HEADER_COVERS } from "./checkpoint.ts";
import { CheckpointIndex } from "./checkpoint-index.ts";
import { HEADER_ID, HEADER_TO } from "./codec.ts";
import { LogReader } from "./reader.ts";
import { Repeats } from "./repeats.ts";
import { type StreamState, streamState } from "./stream.ts";

const POSITION = "m!position";
const LOG = "m!log";
const HIGHEST = "m!highest";

/** Written without anything else happening in between: one or two milliseconds of work. */
const IDS_AT_ONCE = 512;
/** A key that was talked to has some eight rows. */
const KEYS_AT_ONCE = 64;

function* slices<T>(all: readonly T[], size: number): Generator<readonly T[]> {
  for (let i = 0; i < all.length; i += size) yield all.slice(i, i + size);
}

function pad(seq: number): string {
  return seq.toString().padStart(14, "0");
}

function place(to: Address): string {
  return `${to.key}!${to.kind}!${to.id}!`;
}

/** Key of a place, or of what it begins with. */
function keyOf(prefix: string): string {
  return prefix.slice(0, prefix.indexOf("!"));
}

export interface IndexedRecord {
  readonly seq: number;
  readonly kind: string;
  readonly id: string;
}

export class RecordIndex {
  /** Checkpoints of actors; written and caught up with everything else here. */
  readonly checkpoints: CheckpointIndex;
  readonly repeats: Repeats;
  readonly #db: Level<string, string>;
  /** Noted and not yet written: ids, and the sequences of each actor by the key that it shares with others. */
  #freshIds = new Map<string, number>();
  #freshPlaces = new Map<string, Map<string, number[]>>();
  #head = 0;
  #first = 1;
  /** Every key on disk has its highest sequence beside it. */
  #hasHighest = false;
  #follower: LogReader | undefined;
  #log = "";
  /** One flush at a time: the follower and the host both ask for them. */
  #flushing: Promise<void> = Promise.resolve();

  constructor(db: Level<string, string>) {
    this.#db = db;
    this.checkpoints = new CheckpointIndex(db);
    this.repeats = new Repeats(db);
  }

  /** Highest sequence noted. */
  get head(): number {
    return this.#head;
  }

  /** The first sequence that the log still has, as far as known. */
  get first(): number {
    return this.#first;
  }

  /** Every record up to here is in, whichever partition it is of. The head may be further, where readers are ahead. */
  get complete(): number {
    return this.#follower ? this.#follower.position - 1 : this.#head;
  }

  /** When the log was made that this is the index of. */
  get log(): string {
    return this.#log;
  }

  /** Sequence of the first record with this id, as far as noted. */
  firstSeq(id: string): number | undefined {
    const fresh = this.#freshIds.get(id);
    if (fresh !== undefined) return fresh;
    const stored = this.#db.getSync(`i!${id}`);
    return stored === undefined ? undefined : Number(stored);
  }

  /**
   * Notes a record; false when its id occurred before it, and so it does not count.
   * @param covers of a checkpoint: the last record that is in its state
   */
  note(seq: number, id: string, to: Address, covers?: number): boolean {
    if (seq > this.#head) this.#head = seq;
    const first = this.firstSeq(id);
    if (first !== undefined && first !== seq) this.repeats.note(seq, first);
    if (first !== undefined) return first === seq;
    this.#freshIds.set(id, seq);
    let places = this.#freshPlaces.get(to.key);
    if (!places) {
      places = new Map();
      this.#freshPlaces.set(to.key, places);
    }
    const p = place(to);
    const seqs = places.get(p);
    if (seqs) seqs.push(seq);
    else places.set(p, [seq]);
    if (covers !== undefined) this.checkpoints.note(to, seq, covers);
    return true;
  }

  /** Whether an actor had records, as far as is known here, and the log has none of them any more. */
  hasLeft(to: Address): boolean {
    if (this.#first <= 1) return false;
    const p = place(to);
    const highest = this.#freshPlaces.get(to.key)?.get(p)?.at(-1) ?? this.#highest(p);
    return highest > 0 && highest < this.#first;
  }

  /** Records below this sequence are not in the log any more. */
  left(first: number): void {
    if (first > this.#first) this.#first = first;
  }

  /** Sequences above `after` of one actor, ascending. */
  async ofActor(to: Address, after = 0): Promise<number[]> {
    const found = await this.#range(place(to), after);
    return found.map((r) => r.seq);
  }

  /** Records above `after` of all actors with this key, ascending by sequence. */
  async ofKey(key: string, after = 0): Promise<IndexedRecord[]> {
    return this.#range(`${key}!`, after);
  }

  /** Actors of a kind with their last record, the latest first; all are looked through for it. */
  async latest(kind: string, count: number): Promise<{ to: Address; seq: number }[]> {
    let found = new Map<string, { to: Address; seq: number }>();
    const best = () => [...found].sort(([, a], [, b]) => b.seq - a.seq).slice(0, count);
    const add = (p: string, seq: number): void => {
      const [key, ofKind, id] = p.split("!");
      if (ofKind !== kind) return;
      found.set(p, { to: { kind, key: key!, id: id! }, seq: Math.max(seq, found.get(p)?.seq ?? 0) });
      if (found.size >= 2 * count) found = new Map(best());
    };
    // The fresh ones first: a flush in between only moves them to where the iterator looks next.
    for (const places of this.#freshPlaces.values()) for (const [p, seqs] of places) add(p, seqs.at(-1)!);
    for await (const [path, seq] of this.#db.iterator({ gte: "h!", lt: "h!~" }))
      add(path.slice(2), Number(seq));
    return best().map(([, one]) => one);
  }

  async #range(prefix: string, after: number): Promise<IndexedRecord[]> {
    const found = new Map<number, IndexedRecord>();
    const add = (path: string, seq: number): void => {
      if (seq <= after) return;
      const [, kind, id] = path.split("!");
      found.set(seq, { seq, kind: kind!, id: id! });
    };
    // The fresh ones first: a flush in between only moves them to where the iterator looks next.
    for (const [p, seqs] of this.#freshPlaces.get(keyOf(prefix)) ?? []) {
      if (p.startsWith(prefix)) for (const seq of seqs) add(p, seq);
    }
    if (this.#endsBefore(prefix, after)) return inOrder(found);
    for await (const path of this.#db.keys({ gte: `k!${prefix}`, lt: `k!${prefix}~` })) {
      add(path.slice(2), Number(path.slice(path.lastIndexOf("!") + 1)));
    }
    return inOrder(found);
  }

  /** Whether all that is on disk of a key or of an actor lies at or below `after`. */
  #endsBefore(prefix: string, after: number): boolean {
    return this.#hasHighest && this.#highest(prefix) <= after;
  }

  #highest(prefix: string): number {
    return Number(this.#db.getSync(`h!${prefix}`) ?? 0);
  }

  /** Writes what was noted. `covered`: every record below it has been noted, or will be when its partition is read. */
  flush(covered?: number): Promise<void> {
    const next = this.#flushing.then(() => this.#flush(covered ?? this.#covered()));
    this.#flushing = next.catch(() => {});
    return next;
  }

  #covered(): number {
    return this.#follower?.position ?? this.#head + 1;
  }

  /**
   * In slices, so that no message waits for all of it. An id after all else of its record, since a record whose id is there is
   * not noted again; the position last, since it says that all of it is there.
   */
  async #flush(covered: number): Promise<void> {
    const ids = [...this.#freshIds];
    for (const keys of slices([...this.#freshPlaces.keys()], KEYS_AT_ONCE)) await this.#writePlaces(keys);
    const checkpoints = this.checkpoints.rows();
    await this.#db.batch(checkpoints);
    this.checkpoints.written(checkpoints);
    await this.repeats.flush();
    for (const part of slices(ids, IDS_AT_ONCE)) await this.#writeIds(part);
    await this.#db.put(POSITION, String(covered));
  }

  async #writeIds(ids: readonly (readonly [string, number])[]): Promise<void> {
    await this.#db.batch(ids.map(([id, seq]) => ({ type: "put", key: `i!${id}`, value: String(seq) })));
    for (const [id] of ids) this.#freshIds.delete(id);
  }

  async #writePlaces(keys: readonly string[]): Promise<void> {
    const places = this.#freshPlaces;
    const operations: { type: "put"; key: string; value: string }[] = [];
    const written: [string, string, number][] = [];
    for (const key of keys) {
      let highest = this.#highest(`${key}!`);
      for (const [p, seqs] of places.get(key)!) {
        written.push([key, p, seqs.length]);
        let ofActor = this.#highest(p);
        for (const seq of seqs) {
          operations.push({ type: "put", key: `k!${p}${pad(seq)}`, value: "" });
          if (seq > ofActor) ofActor = seq;
        }
        operations.push({ type: "put", key: `h!${p}`, value: String(ofActor) });
        if (ofActor > highest) highest = ofActor;
      }
      operations.push({ type: "put", key: `h!${key}!`, value: String(highest) });
    }
    await this.#db.batch(operations);
    for (const [key, p, n] of written) {
      const ofKey = places.get(key)!;
      const seqs = ofKey.get(p)!;
      if (seqs.length > n) seqs.splice(0, n);
      else if (ofKey.delete(p) && ofKey.size === 0) places.delete(key);
    }
  }

  /**
   * Before anything is noted: what was kept of another log is dropped.
   * @returns the first sequence that is not in
   */
  async open({
    firstSeq,
    lastSeq,
    created,
  }: Pick<StreamState, "firstSeq" | "lastSeq" | "created">): Promise<number> {
    this.#log = created;
    this.#first = Math.max(1, firstSeq);
    const known = this.#db.getSync(LOG);
    const position = Number(this.#db.getSync(POSITION) ?? 1);
    // A log that was made anew, that has lost its end, or another server's: nothing that was kept is of this one.
    const isOther = (known !== undefined && known !== created) || position > lastSeq + 1;
    if (isOther) await this.#db.clear();
    if (isOther || known === undefined) {
      await this.#db.batch([
        { type: "put", key: LOG, value: created },
        { type: "put", key: HIGHEST, value: "" },
      ]);
    }
    this.#hasHighest = this.#db.getSync(HIGHEST) !== undefined;
    await this.checkpoints.look();
    const from = Math.max(Number(this.#db.getSync(POSITION) ?? 1), firstSeq, 1);
    this.#head = from - 1;
    return from;
  }

  /**
   * Follows the headers of all records from where the index ends, for as long as the node runs. Answers when everything
   * that was in the log at the call is in. `onNoted` is told of each record that counts.
   */
  async follow(
    bus: Bus,
    stream: string,
    subject: string,
    progress?: (done: number, all: number) => void,
    onNoted?: (seq: number, to: Address) => void,
  ): Promise<void> {
    const { firstSeq, lastSeq, created } = await streamState(bus, stream);
    const from = await this.open({ firstSeq, lastSeq, created });
    const total = lastSeq - from + 1;
    let unflushed = 0;
    let isCaughtUp = false;
    let caughtUp!: () => void;
    const done = new Promise<void>((resolve) => {
      caughtUp = () => {
        isCaughtUp = true;
        resolve();
      };
    });
    this.#follower = new LogReader(bus, {
      stream,
      subject,
      from,
      headersOnly: true,
      onRecord: (record) => {
        const id = record.header(HEADER_ID);
        const to = record.header(HEADER_TO);
        if (id && to) {
          try {
            const address = parseAddress(to);
            const covers = coversOf(record.header(HEADER_COVERS));
            if (this.note(record.seq, id, address, covers)) onNoted?.(record.seq, address);
          } catch {
            // A foreign message without a proper address: the owner of its partition makes it a dead letter.
          }
        }
        const atEnd = record.seq >= lastSeq;
        if (++unflushed < 1_000 && !(atEnd && !isCaughtUp)) return;
        unflushed = 0;
        if (total > 0) progress?.(Math.min(record.seq - from + 1, total), total);
        return this.flush(record.seq + 1).then(() => {
          if (atEnd) caughtUp();
        });
      },
      // The last record that the stream counts may have been deleted.
      onEnd: () => caughtUp(),
    });
    if (total <= 0) caughtUp();
    this.#follower.start();
    await done;
  }

  /**
   * From now on whoever reads the log notes all that he reads, as a node does that reads every partition: following the
   * headers as well would read everything twice. What is noted has to be flushed before the positions of the readers are
   * written; what lies behind those is noted when it is read again.
   */
  async leaveToReaders(): Promise<void> {
    const follower = this.#follower;
    this.#follower = undefined;
    await follower?.stop();
  }

  /** Stops without writing, as a crash would. */
  async abandon(): Promise<void> {
    await this.#follower?.stop();
  }

  async stop(): Promise<void> {
    await this.#follower?.stop();
    await this.flush();
  }
}

function inOrder(found: ReadonlyMap<number, IndexedRecord>): IndexedRecord[] {
  return [...found.values()].sort((a, b) => a.seq - b.seq);
}
