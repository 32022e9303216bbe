/** How something gets into memory. A memory that is thrown away takes it at once; one that is kept writes it to its stream first. */
import type { MemoryEvent } from "./event.ts";
import type { Fold, Outcomes } from "./fold.ts";

export interface Written<T> {
  /** Sequence of the event; whoever reads with it sees what was written. 0 where there is no stream. */
  readonly seq: number;
  /** What came of it; undefined while this node's copy has not got so far yet. */
  readonly outcome?: T;
}

export interface ReadAfter {
  /** Sequence that has to be there. */
  readonly seq?: number;
  readonly signal?: AbortSignal;
}

export interface MemoryWriter {
  /**
   * Durable when this resolves. Undefined when the data subject was erased: then nothing is written.
   * @throws BusError, JetStreamError when the stream takes nothing: the same again is written once; EventTooLargeError
   */
  write<E extends MemoryEvent>(
    event: E,
    signal?: AbortSignal,
  ): Promise<Written<Outcomes[E["type"]]> | undefined>;
  /** Waits a while for this node's copy; false when it is still behind, so that what is read may be old. */
  fresh(after?: ReadAfter): Promise<boolean>;
  /** Sequence of the last event that there is. @throws BusError, JetStreamError */
  head(): Promise<number>;
  /** Deletes events of which nothing is left to keep; those that are gone already are passed over. */
  discard(seqs: Iterable<number>): Promise<void>;
}

/** Events of so many bytes are not taken. */
export class EventTooLargeError extends Error {
  override readonly name = "EventTooLargeError";
}

/** For a memory without a stream. */
export class DirectWriter implements MemoryWriter {
  readonly #fold: Fold;

  constructor(fold: Fold) {
    this.#fold = fold;
  }

  async write<E extends MemoryEvent>(event: E): Promise<Written<Outcomes[E["type"]]>> {
    return { seq: 0, outcome: await this.#fold.apply(event) };
  }

  async fresh(): Promise<boolean> {
    return true;
  }

  async head(): Promise<number> {
    return 0;
  }

  async discard(): Promise<void> {}
}
