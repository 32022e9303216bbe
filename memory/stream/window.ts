/**
 * Work on what a stream has, several at once: pieces that touch the same place one after the other in the order of the stream, all
 * others side by side. While a node is busy each of them waits for its turn many times; one after the other they fall behind.
 */
import { OneByOne } from "../store/one-by-one.ts";

interface UnderWay<T> {
  readonly piece: T;
  readonly over: Promise<void>;
  done: boolean;
}

export interface WindowOptions<T> {
  /** Pieces of work that are under way at once. */
  readonly room: number;
  /** All up to this one are done. */
  readonly onDone: (piece: T) => void;
}

export class Window<T> {
  readonly #o: WindowOptions<T>;
  readonly #places = new OneByOne();
  /** In the order of the stream. */
  readonly #underWay: UnderWay<T>[] = [];
  /** It is not gone on with: nothing more comes to an end. */
  #givenUp = false;
  /** Whoever waits for room. */
  #wake: (() => void) | undefined;

  constructor(options: WindowOptions<T>) {
    this.#o = options;
  }

  /**
   * Resolves when there is room for the next, or when one was given up.
   * @param places what it touches; undefined: anything, so that it is done alone
   * @param work never throws; false when it was given up, and neither it nor what comes after it counts as done
   */
  async take(piece: T, places: readonly string[] | undefined, work: () => Promise<boolean>): Promise<void> {
    if (!places) await this.idle();
    const begun = places ? this.#places.run(places, work) : work();
    const one: UnderWay<T> = { piece, done: false, over: begun.then((done) => this.#ended(one, done)) };
    this.#underWay.push(one);
    if (!places) await one.over;
    while (this.#underWay.length >= this.#o.room && !this.#givenUp)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
  }

  /** Nothing is under way. */
  async idle(): Promise<void> {
    await Promise.all(this.#underWay.map(({ over }) => over));
  }

  get empty(): boolean {
    return this.#underWay.length === 0;
  }

  #ended(one: UnderWay<T>, done: boolean): void {
    one.done = done;
    this.#givenUp ||= !done;
    let last: T | undefined;
    while (this.#underWay[0]?.done) last = this.#underWay.shift()!.piece;
    if (last !== undefined) this.#o.onDone(last);
    this.#wake?.();
  }
}
