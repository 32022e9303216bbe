/**
 * What conversations that a model leads have told: each message once, and all again where it is not known any more, by a node that took
 * over or one that was started again.
 */
import { LRUCache } from "lru-cache";
import { AskError } from "../../runtime/host/service.ts";

/** What a conversation tells at once. */
export interface Told<M> {
  readonly conversation: string;
  /** Place of the first message among all of the conversation. */
  readonly from: number;
  readonly messages: readonly M[];
  /** These are all that there are to know. */
  readonly whole: boolean;
}

/** Conversations that are kept. */
const MOST = 500;

export class Threads<S, T extends Told<unknown>> {
  readonly #threads = new LRUCache<string, { next: number; readonly state: S }>({ max: MOST });
  readonly #begin: () => S;
  readonly #add: (state: S, told: T) => void;

  /** @param add takes the messages into the state of the conversation */
  constructor(begin: () => S, add: (state: S, told: T) => void) {
    this.#begin = begin;
    this.#add = add;
  }

  /** The state with what is told now. @throws AskError conflict, where what came before is not known */
  told(told: T): S {
    const { conversation, from, messages, whole } = told;
    let thread = this.#threads.get(conversation);
    if (whole) thread = { next: from, state: this.#begin() };
    // Asked again after a crash, it was told these already.
    else if (thread && from + messages.length === thread.next) return thread.state;
    else if (thread?.next !== from)
      throw new AskError(
        "conflict",
        `thread_unknown: what was said before message ${from} is not known here`,
      );
    this.#threads.set(conversation, thread);
    this.#add(thread.state, told);
    thread.next += messages.length;
    return thread.state;
  }
}
