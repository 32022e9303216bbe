/**
 * Asks under way: each goes to its agent once per process, and what comes back is appended under an id of the ask.
 *
 * An ask that may change something is a record before it is made, and its answer another. What is repeatable (a read, or what a key
 * does only once) is one record: it is asked at once, and its answer says as well what was asked.
 */
import type { Address } from "../address.ts";
import type { Clock } from "../clock.ts";
import type { NewRecord } from "../envelope.ts";
import { type Appender, RecordRefusedError } from "../log/appender.ts";
import { ANSWER } from "./cell.ts";
import type { OpenAsk } from "./cell-store.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { answerId } from "./outbox.ts";
import type { Partition } from "./partition.ts";
import type { Sender } from "./sender.ts";
import type { ServiceAnswer } from "./service-host.ts";

export interface AsksParts {
  readonly dispatcher: Pick<Dispatcher, "ask">;
  readonly clock: Clock;
  readonly appender: Appender;
  readonly sender: Sender;
  readonly onError: (what: string, error: unknown) => void;
}

export class Asks {
  readonly #p: AsksParts;
  /** Dispatched and without an answer that this node has read back from the log. */
  readonly #open = new Map<string, Partition>();
  /** Of them, those whose answer is not in the log yet. */
  readonly #carried = new Map<string, Partition>();
  dispatched = 0;

  constructor(parts: AsksParts) {
    this.#p = parts;
  }

  has(ask: OpenAsk): boolean {
    return this.#open.has(ask.id);
  }

  /** The answer was read from the log: whoever looks for open asks from now on finds it there. */
  answered(askId: string): void {
    this.#open.delete(askId);
  }

  /**
   * Sends an ask of an actor of a partition to its agent, unless that was done already.
   * @param recorded the ask is in the log. Otherwise it has to be repeatable.
   * @param again it may have been asked before by another node
   */
  dispatch(partition: Partition, asker: Address, ask: OpenAsk, recorded: boolean, again = false): void {
    if (partition.ended.aborted || this.#open.has(ask.id)) return;
    this.#open.set(ask.id, partition);
    this.#carried.set(ask.id, partition);
    this.dispatched++;
    this.#carry(partition, asker, ask, recorded, again).then(
      (kept) => {
        if (this.#carried.get(ask.id) === partition) this.#carried.delete(ask.id);
        if (!kept) this.#forget(partition, ask);
      },
      (error) => {
        this.#forget(partition, ask);
        if (!partition.ended.aborted) this.#p.onError("an answer was not kept", error);
      },
    );
  }

  /** Asks of a partition whose answers are not in the log yet: whoever lets go of it reads nothing back any more. */
  openOf(partition: Partition): number {
    let open = 0;
    for (const of of this.#carried.values()) if (of === partition) open++;
    return open;
  }

  #forget(partition: Partition, { id }: OpenAsk): void {
    // By now it may be another tenure's.
    for (const asks of [this.#open, this.#carried]) if (asks.get(id) === partition) asks.delete(id);
  }

  /** Asks of a partition that is not owned any more are its next owner's. */
  forget(partition: Partition): void {
    for (const asks of [this.#open, this.#carried])
      for (const [id, of] of asks) if (of === partition) asks.delete(id);
  }

  /** Answers whether its answer is on the way back from the log. */
  async #carry(
    partition: Partition,
    asker: Address,
    ask: OpenAsk,
    recorded: boolean,
    again: boolean,
  ): Promise<boolean> {
    if (!partition.tenure.holds() && !(await partition.held())) return false;
    const asked = recorded ? undefined : this.#p.clock.now();
    const mayAct = (): boolean => !partition.ended.aborted && partition.tenure.holds();
    const answer = await this.#p.dispatcher.ask(again ? { ...ask, again } : ask, mayAct);
    // Asked again under the same key by whoever comes after.
    if (partition.ended.aborted) return false;
    return (await this.#p.sender.send(this.#fitting(asker, ask, asked, answer))) !== undefined;
  }

  /** An answer that the log would refuse is a failure: the asker waits for something. */
  #fitting(asker: Address, ask: OpenAsk, asked: number | undefined, answer: ServiceAnswer): NewRecord {
    const whole = answerRecord(asker, ask, asked, answer);
    try {
      this.#p.appender.check(whole);
      return whole;
    } catch (refused) {
      if (!(refused instanceof RecordRefusedError)) throw refused;
      const message = `the answer of ${ask.service}.${ask.operation} is too large`;
      const error = { code: "failed", message, retryable: false };
      return answerRecord(asker, { ...ask, input: {} }, asked, { ok: false, error });
    }
  }
}

/** @param asked when it was asked, ms since the epoch; undefined for what has a record of its own */
function answerRecord(
  asker: Address,
  ask: OpenAsk,
  asked: number | undefined,
  answer: ServiceAnswer,
): NewRecord {
  const { id, name, service, operation, key, input, cause, correlation, traceparent } = ask;
  const value = answer.ok ? (answer.value ?? null) : { ...answer.error };
  return {
    id: answerId(id),
    type: ANSWER,
    from: { kind: "service", key: asker.key, id: service },
    to: asker,
    cause: asked === undefined ? id : cause,
    correlation,
    traceparent,
    clear: {
      ask: id,
      name,
      ok: answer.ok,
      ...(asked === undefined ? {} : { service, operation, key, asked }),
    },
    data: asked === undefined ? { value } : { value, input },
  };
}
