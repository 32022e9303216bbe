/**
 * A node's copy of the memory: follows the stream from its own position and folds it into the database, what adds to the same
 * person or conversation in order, the rest side by side.
 * A database that was lost is folded anew while the desk serves; readers learn that what they get may be old.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Bus, Subjects } from "../../runtime/bus/index.ts";
import { HEADER_ID } from "../../runtime/log/codec.ts";
import { isPassing } from "../../runtime/log/read.ts";
import { LogReader, type RawRecord } from "../../runtime/log/reader.ts";
import type { KeyRing } from "../../runtime/log/sealer.ts";
import {
  acknowledged,
  deleteMessage,
  ensureStream,
  JetStreamError,
  messageAt,
  type StreamState,
  streamState,
} from "../../runtime/log/stream.ts";
import type { StoreParts } from "../store/contents.ts";
import { adopt } from "./adopt.ts";
import { decodeEvent, encodeEvent, isUnreadable, type MemoryEvent, placesOf, whoseIs } from "./event.ts";
import type { Fold, Outcomes } from "./fold.ts";
import {
  beginAdopting,
  clearFolded,
  endAdopting,
  holdsAnything,
  noteUnread,
  type Position,
  readAdopting,
  readPosition,
  unread,
  writePosition,
} from "./position.ts";
import { Window } from "./window.ts";
import { EventTooLargeError, type MemoryWriter, type ReadAfter, type Written } from "./writer.ts";

export interface StreamedOptions {
  /** How long a reader or a writer waits for this node's copy, ms. Default 500. */
  readonly waitMs?: number;
  /** How long one attempt to append may take, ms. Default 5,000. */
  readonly appendMs?: number;
  /** Events that are folded at once. Default 32. */
  readonly atOnce?: number;
  /** After what time an event is tried again that the disk or the server did not take, ms. Default 100. */
  readonly againMs?: number;
  /** Copies of the stream in a cluster of servers. Default 1. */
  readonly replicas?: number;
  /** Told of what an operator should know. */
  readonly warn?: (message: string, details: Record<string, unknown>) => void;
}

export interface MaterialiserParts extends StoreParts {
  readonly bus: Bus;
  readonly names: Subjects;
  readonly keys: KeyRing;
  readonly fold: Fold;
}

/** How far a node's copy is. */
export interface Progress {
  /** Last event that is in it. */
  readonly applied: number;
  /** Last event of the stream that is known of. */
  readonly last: number;
  /** It began from nothing, and is not where the stream was then. */
  readonly rebuilding: boolean;
  /** Events that could not be read. */
  readonly unread: number;
  /** Why it does not go on at the moment. */
  readonly trouble?: string;
}

interface Waiting {
  readonly seq: number;
  readonly resolve: () => void;
}

/** Events after which the position is written at the latest. */
const POSITION_EVERY = 64;
/** Before the first sequence. */
const POSITION_TROUBLE = 0;
const NO_MESSAGE = 10_043;

export class Materialiser implements MemoryWriter {
  readonly #p: MaterialiserParts;
  readonly #o: Required<StreamedOptions>;
  #created = "";
  #reader!: LogReader;
  #applied = 0;
  #appliedId: string | undefined;
  #noted = 0;
  #last = 0;
  /** Where the stream ended when this was opened: until then readers wait. */
  #opened = 0;
  #fromNothing = false;
  #unread = 0;
  readonly #window: Window<RawRecord>;
  /** Why events can't be folded at the moment, by their sequence. */
  readonly #troubles = new Map<number, string>();
  #closing = false;
  /** What came of events that somebody here waits for, by their ids. */
  readonly #expected = new Map<string, (outcome: unknown) => void>();
  #waiting: Waiting[] = [];

  private constructor(parts: MaterialiserParts, options: StreamedOptions) {
    this.#p = parts;
    this.#o = {
      waitMs: 500,
      appendMs: 5_000,
      atOnce: 32,
      againMs: 100,
      replicas: 1,
      warn: () => {},
      ...options,
    };
    this.#window = new Window({ room: this.#o.atOnce, onDone: (record) => this.#applyUpTo(record) });
  }

  /** Makes the stream when it is missing, and begins to follow it. */
  static async open(parts: MaterialiserParts, options: StreamedOptions): Promise<Materialiser> {
    const self = new Materialiser(parts, options);
    const { bus, names } = parts;
    await ensureStream(bus, names.memoryStream, [names.memory], { replicas: self.#o.replicas });
    const state = await streamState(bus, names.memoryStream);
    self.#created = state.created;
    self.#applied = await self.#begin(state);
    self.#noted = self.#applied;
    self.#opened = (await streamState(bus, names.memoryStream)).lastSeq;
    self.#last = self.#opened;
    self.#reader = new LogReader(bus, {
      stream: names.memoryStream,
      subject: names.memory,
      from: self.#applied + 1,
      onRecord: (record) => self.#take(record),
      onRestart: (reason) => self.#o.warn("the memory's stream is read anew", { reason }),
    });
    self.#reader.start();
    return self;
  }

  /** The position to go on from: the one that is noted, where the database and the stream still belong together. */
  async #begin({ created, lastSeq, messages }: StreamState): Promise<number> {
    const { db } = this.#p;
    const position = await readPosition(db);
    const own = position?.created === created;
    if (position && own && position.seq <= lastSeq && !(await this.#hasToFoldAnew(position)))
      return position.seq;
    const lostEnd = position !== undefined && own && position.seq > lastSeq;
    const another = position !== undefined && !own && messages > 0;
    const adopting = (await readAdopting(db)) === created;
    if (adopting || lostEnd || (!(own || another) && (await holdsAnything(db)))) {
      // What is only here is written to the stream again: that of an earlier release, or what the stream has lost.
      const above = lostEnd ? lastSeq : -1;
      await beginAdopting(db, created);
      this.#o.warn("memory that is not in the stream is written to it", { above });
      await adopt(this.#p, above, async (event) => void (await this.#append(event)));
      // What came with events of another stream is folded anew, with the sequences that it has in this one.
      if (!lostEnd) await clearFolded(db);
      this.#p.facts.dropHot();
      this.#fromNothing = !lostEnd;
      const seq = Math.max(above, 0);
      await endAdopting(db, { created, seq });
      return seq;
    }
    await clearFolded(db);
    this.#fromNothing = messages > 0;
    return 0;
  }

  /** Whether the stream is not the one that was folded, or what could not be read of it can be now. */
  async #hasToFoldAnew({ seq, id }: Position): Promise<boolean> {
    const { bus, names, db, keys } = this.#p;
    const last = seq > 0 ? await messageAt(bus, names.memoryStream, seq) : undefined;
    if (last && id !== undefined && last.header(HEADER_ID) !== id) return true;
    for (const each of await unread(db)) {
      const message = await messageAt(bus, names.memoryStream, each);
      try {
        if (!message || (await decodeEvent(message.data, keys))) return true;
      } catch (error) {
        if (!isUnreadable(error)) throw error;
        this.#unread++;
      }
    }
    return false;
  }

  get progress(): Progress {
    const [trouble] = this.#troubles.values();
    return {
      applied: this.#applied,
      last: Math.max(this.#last, this.#applied),
      rebuilding: this.#fromNothing && this.#applied < this.#opened,
      unread: this.#unread,
      ...(trouble === undefined ? {} : { trouble }),
    };
  }

  async write<E extends MemoryEvent>(
    event: E,
    signal?: AbortSignal,
  ): Promise<Written<Outcomes[E["type"]]> | undefined> {
    let outcome: { readonly value: unknown } | undefined;
    const folded = new Promise<void>((resolve) => {
      this.#expected.set(event.id, (value) => {
        outcome = { value };
        resolve();
      });
    });
    try {
      const appended = await this.#append(event);
      if (!appended) return undefined;
      const { seq, duplicate } = appended;
      this.#last = Math.max(this.#last, seq);
      if (duplicate) {
        // Whoever reads may fold it just now, which says nothing of this repetition.
        await this.#reached(seq, signal);
        outcome = undefined;
      } else if (!outcome) await Promise.race([folded, this.#reached(seq, signal)]);
      // What it is folded for once more, when it was there already, is what comes of a repetition.
      const repeated = this.#applied >= seq && !outcome;
      // What this copy can't fold was said so by who reads; it is kept all the same.
      if (repeated) outcome = await this.#p.fold.apply(event, seq).then(valued, (): undefined => undefined);
      return { seq, ...(outcome && { outcome: outcome.value as Outcomes[E["type"]] }) };
    } finally {
      this.#expected.delete(event.id);
    }
  }

  async fresh({ seq = 0, signal }: ReadAfter = {}): Promise<boolean> {
    const wanted = Math.max(seq, this.#opened);
    if (this.#applied >= wanted) return true;
    await this.#reached(wanted, signal);
    return this.#applied >= wanted;
  }

  async head(): Promise<number> {
    return (await streamState(this.#p.bus, this.#p.names.memoryStream)).lastSeq;
  }

  async discard(seqs: Iterable<number>): Promise<void> {
    for (const seq of new Set(seqs)) {
      try {
        await deleteMessage(this.#p.bus, this.#p.names.memoryStream, seq);
      } catch (error) {
        if (!(error instanceof JetStreamError && error.errCode === NO_MESSAGE)) throw error;
      }
    }
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#reader.stop();
    await this.#window.idle();
    for (const { resolve } of this.#waiting) resolve();
    this.#waiting = [];
    await this.#note();
  }

  /** Sequence of the event, and whether it was there; undefined when the data subject was erased. */
  async #append(event: MemoryEvent): Promise<{ seq: number; duplicate: boolean } | undefined> {
    const { bus, names, keys } = this.#p;
    const data = await encodeEvent(event, keys);
    if (!data) return undefined;
    if (data.byteLength > bus.maxPayload) {
      throw new EventTooLargeError(
        `what memory is told has ${data.byteLength} bytes, more than the ${bus.maxPayload} of the server's max_payload: tell it less at once`,
      );
    }
    const { appendMs: timeoutMs } = this.#o;
    const headers = { [HEADER_ID]: event.id };
    return acknowledged(await bus.request(names.memory, data, { timeoutMs, headers }));
  }

  /** Until an event is folded, but no longer than a reader waits. */
  #reached(seq: number, signal?: AbortSignal): Promise<void> {
    if (this.#applied >= seq || signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", done);
        this.#waiting = this.#waiting.filter((each) => each !== waiting);
        resolve();
      };
      const waiting: Waiting = { seq, resolve: done };
      const timer = setTimeout(done, this.#o.waitMs);
      signal?.addEventListener("abort", done);
      this.#waiting.push(waiting);
    });
  }

  /** Begins to fold an event; resolves when there is room for the next. */
  async #take(record: RawRecord): Promise<void> {
    const { seq, pending, data } = record;
    this.#last = Math.max(this.#last, seq + pending);
    await this.#window.take(record, placesOf(data), () => this.#folded(record));
  }

  /** Once the disk and the server take it; false when that was not waited for. */
  async #folded(record: RawRecord): Promise<boolean> {
    for (;;) {
      try {
        await this.#foldOne(record);
        this.#troubles.delete(record.seq);
        return true;
      } catch (error) {
        this.#troubles.set(record.seq, (error as Error).message);
      }
      if (this.#closing) return false;
      await sleep(this.#o.againMs);
    }
  }

  #applyUpTo(record: RawRecord): void {
    const { seq } = record;
    this.#applied = seq;
    this.#appliedId = record.header(HEADER_ID);
    for (const each of this.#waiting) if (each.seq <= seq) each.resolve();
    if (seq - this.#noted >= POSITION_EVERY || this.#window.empty) void this.#note();
  }

  async #foldOne({ seq, data }: RawRecord): Promise<void> {
    const { db, keys, fold } = this.#p;
    try {
      const event = await decodeEvent(data, keys);
      if (!event) return await fold.unopened(whoseIs(data) ?? {});
      const outcome = await fold.apply(event, seq);
      this.#expected.get(event.id)?.(outcome);
    } catch (error) {
      if (mayPass(error)) throw error;
      // Nothing that is tried again makes it readable, and others must not wait for it: it is passed over, and said so.
      const { message } = error as Error;
      await noteUnread(db, seq, message);
      this.#unread++;
      this.#o.warn("an event of the memory can't be read", { seq, error: message });
    }
  }

  async #note(): Promise<void> {
    const seq = this.#applied;
    if (seq === this.#noted) return;
    this.#noted = seq;
    try {
      await writePosition(this.#p.db, { created: this.#created, seq, id: this.#appliedId });
      this.#troubles.delete(POSITION_TROUBLE);
    } catch (error) {
      this.#troubles.set(POSITION_TROUBLE, (error as Error).message);
    }
  }
}

function valued(value: unknown): { readonly value: unknown } {
  return { value };
}

/** Whether it may be over the next time: the server or the disk does not answer, or takes nothing. */
function mayPass(error: unknown): boolean {
  return isPassing(error) || String((error as { code?: unknown })?.code).startsWith("LEVEL_");
}
