/** Bookkeeping of one partition: what is under way, and so from where it would have to be read again. */
export class Partition {
  readonly number: number;
  /** Sequences handed over and not done, in log order. */
  readonly #underWay = new Map<number, true>();
  #next: number;
  #room: (() => void)[] = [];
  /** Appends of this partition's outbox that are being tried again: nothing is folded meanwhile. */
  #failing = 0;
  #closed = false;

  constructor(number: number, from: number) {
    this.number = number;
    this.#next = from;
  }

  get underWay(): number {
    return this.#underWay.size;
  }

  /** The sequence after the last record handed over. */
  get next(): number {
    return this.#next;
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

  /** Waits while too much is under way or appends fail; undefined when there is no need to. */
  room(most: number): Promise<void> | undefined {
    if (this.#closed || (this.#underWay.size < most && this.#failing === 0)) return undefined;
    return new Promise<void>((resolve) => this.#room.push(resolve)).then(() => this.room(most));
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
