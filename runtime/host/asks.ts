/**
 * Asks under way: each goes to its agent once per process, and what comes back is appended under an id of the ask.
 *
 * An ask that may change something is a record before it is made, and its answer another. A read is one record: it is
 * asked at once, since it can be repeated, and its answer says as well what was asked.
 */
import type { Address } from "../address.ts";
import type { Clock } from "../clock.ts";
import type { NewRecord } from "../envelope.ts";
import { type Appender, RecordRefusedError } from "../log/appender.ts";
import { ANSWER } from "./cell.ts";
import type { OpenAsk } from "./cell-store.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { answerId } from "./outbox.ts";
import type { Sender } from "./sender.ts";
import type { ServiceAnswer } from "./service-host.ts";

export interface AsksParts {
  readonly dispatcher: Pick<Dispatcher, "ask">;
  readonly clock: Clock;
  readonly appender: Appender;
  readonly sender: Sender;
  readonly signal: AbortSignal;
  readonly onError: (what: string, error: unknown) => void;
}

export class Asks {
  readonly #p: AsksParts;
  /** Dispatched and without an answer that this node has read back from the log. */
  readonly #open = new Set<string>();
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
   * Sends an ask to its agent, unless that was done already.
   * @param recorded the ask is in the log. Otherwise it has to be a read.
   */
  dispatch(asker: Address, ask: OpenAsk, recorded: boolean): void {
    if (this.#open.has(ask.id)) return;
    this.#open.add(ask.id);
    this.dispatched++;
    this.#carry(asker, ask, recorded).catch((error) => {
      this.#open.delete(ask.id);
      if (!this.#p.signal.aborted) this.#p.onError("an answer was not kept", error);
    });
  }

  async #carry(asker: Address, ask: OpenAsk, recorded: boolean): Promise<void> {
    const asked = recorded ? undefined : this.#p.clock.now();
    const answer = await this.#p.dispatcher.ask(ask);
    // Asked again under the same key by whoever comes after this process.
    if (this.#p.signal.aborted) return;
    const kept = await this.#p.sender.send(this.#fitting(asker, ask, asked, answer));
    if (!kept) this.#open.delete(ask.id);
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

/** @param asked when a read was asked, ms since the epoch; undefined for what has a record of its own */
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
