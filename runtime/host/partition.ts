/** One partition that this node owns: under what, what is under way, and so from where it would have to be read again. */
import type { Deadline } from "./timer-queue.ts";

/** Counts the attempts at a record where a crash of the process can't hide them. */
export interface Attempts {
  /** Before it is made; answers how many there were with it. */
  countAttempt(recordId: string): Promise<number>;
  /** The record was folded after all. */
  clearAttempt(recordId: string): Promise<void>;
}

/**
 * Of which records attempts are counted before they are made: of none; of those to which nothing in the log says that they were
 * folded before; of all.
 */
export type Careful = false | "unproven" | "all";

/** Under what a node has a partition. */
export interface Tenure {
  /** In the records that are written meanwhile; above that of every earlier owner. */
  readonly epoch: number;
  /** End of the log when it began: what records up to here led to may be in the log already. */
  readonly head: number;
  /** The owner before may have been ended by a record up to the head: attempts at those are counted. */
  readonly careful: Careful;
  /** No actor needs anything below this in the log. Default 1. */
  readonly floor?: number;
  /** Where they are counted: on disk, or where the next owner sees them. */
  readonly attempts: Attempts;
  /**
   * From here in the log on this node has had it without another in between. What was asked before may have been asked by
   * another one, also where this node has been started again since. 0: it was never another's.
   */
  readonly since: number;
  /** Whether it lasts long enough for something to be written or asked now. */
  holds(): boolean;
}

/** A record of an earlier owner that came after its tenure. */
export interface Stale {
  readonly seq: number;
  readonly type: string;
  /** When it was read, monotonic, ms. */
  readonly readAt: number;
}

const HOLDS_AGAIN_MS = 20;

export class Partition {
  readonly number: number;
  readonly tenure: Tenure;
  /** Records of an earlier owner that this one has not written itself yet, by id. */
  readonly stale = new Map<string, Stale>();
  /** Timers that were due before the partition was read up to its head. */
  late: { actor: string; timer: Deadline }[] = [];
  /** Read up to its head once, so that what is due or open really is. */
  awake = false;
  /** Sequences handed over and not done, in log order. */
  readonly #underWay = new Map<number, true>();
  readonly #ended = new AbortController();
  #floor: number;
  #next: number;
  #room: (() => void)[] = [];
  /** Appends of this partition's outbox that are being tried again: nothing is folded meanwhile. */
  #failing = 0;
  #closed = false;

  constructor(number: number, from: number, tenure: Tenure) {
    this.number = number;
    this.tenure = tenure;
    this.#next = from;
    this.#floor = tenure.floor ?? 1;
  }

  /**
   * No actor needs anything below this in the log, and nothing below it is used any more: whatever comes for an actor of which
   * there is nothing else is refused from now on. It only rises.
   */
  get floor(): number {
    return this.#floor;
  }

  raiseFloor(floor: number): void {
    if (floor > this.#floor) this.#floor = floor;
  }

  /** Aborted once nothing may be written for it any more. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  get underWay(): number {
    return this.#underWay.size;
  }

  /** The sequence after the last record handed over. */
  get next(): number {
    return this.#next;
  }

  /** Whether a record may have been folded by an earlier process or owner. */
  isOld(seq: number): boolean {
    return seq <= this.tenure.head;
  }

  /** Hands over a record; answers what to call when it is done. */
  begin(seq: number): () => void {
    this.#underWay.set(seq, true);
    this.#next = seq + 1;
    return () => {
      this.#underWay.delete(seq);
      this.#release();
    };
  }

  /** A record that nothing has to be done for. */
  pass(seq: number): void {
    this.#next = seq + 1;
  }

  failed(): () => void {
    this.#failing++;
    return () => {
      this.#failing--;
      this.#release();
    };
  }

  /** Lets nobody wait for room any more. */
  close(): void {
    this.#closed = true;
    this.#release();
  }

  /** The tenure is over, or the host stops: whatever is still tried is given up. */
  end(): void {
    this.close();
    this.#ended.abort();
  }

  /** Waits until the tenure holds; false when it is over. */
  async held(): Promise<boolean> {
    while (!this.ended.aborted) {
      if (this.tenure.holds()) return true;
      await new Promise((resolve) => setTimeout(resolve, HOLDS_AGAIN_MS));
    }
    return false;
  }

  /** Waits while too much is under way or appends fail; undefined when there is no need to. */
  room(most: number): Promise<void> | undefined {
    if (this.#closed || (this.#underWay.size < most && this.#failing === 0)) return undefined;
    return new Promise<void>((resolve) => this.#room.push(resolve)).then(() => this.room(most));
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Every record below it is folded and all that it led to is acknowledged. */
  get lowest(): number {
    for (const seq of this.#underWay.keys()) return seq;
    return this.#next;
  }

  #release(): void {
    if (this.#room.length === 0) return;
    const waiting = this.#room;
    this.#room = [];
    for (const resume of waiting) resume();
  }
}
