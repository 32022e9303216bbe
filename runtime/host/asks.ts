/** Asks under way: each goes to its agent once per process, and what comes back is appended under an id of the ask. */
import type { Address } from "../address.ts";
import type { NewRecord } from "../envelope.ts";
import type { JsonObject } from "../json.ts";
import { type Appender, RecordRefusedError } from "../log/appender.ts";
import { ANSWER } from "./cell.ts";
import type { OpenAsk } from "./cell-store.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { answerId } from "./outbox.ts";
import type { Sender } from "./sender.ts";
import type { ServiceAnswer } from "./service-host.ts";

export interface AsksParts {
  readonly dispatcher: Dispatcher;
  readonly appender: Appender;
  readonly sender: Sender;
  readonly signal: AbortSignal;
  readonly onError: (what: string, error: unknown) => void;
}

/** What is needed of the record that an ask is in the log. */
export type AskRecord = Pick<NewRecord, "data" | "correlation" | "traceparent">;

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

  /** Sends an ask that is in the log to its agent, unless that was done already. */
  dispatch(asker: Address, ask: OpenAsk, record: AskRecord): void {
    if (this.#open.has(ask.id)) return;
    this.#open.add(ask.id);
    this.dispatched++;
    this.#carry(asker, ask, record).catch((error) => {
      this.#open.delete(ask.id);
      if (!this.#p.signal.aborted) this.#p.onError("an answer was not kept", error);
    });
  }

  async #carry(asker: Address, ask: OpenAsk, record: AskRecord): Promise<void> {
    const { service, operation, key, deadline } = ask;
    const input = (record.data?.input ?? {}) as JsonObject;
    const request = { service, operation, input, key, deadline, traceparent: record.traceparent };
    const answer = await this.#p.dispatcher.ask(request);
    // Asked again under the same key by whoever comes after this process.
    if (this.#p.signal.aborted) return;
    const kept = await this.#p.sender.send(this.#fitting(asker, ask, record, answer));
    if (!kept) this.#open.delete(ask.id);
  }

  /** An answer that the log would refuse is a failure: the asker waits for something. */
  #fitting(asker: Address, ask: OpenAsk, record: AskRecord, answer: ServiceAnswer): NewRecord {
    const whole = answerRecord(asker, ask, record, answer);
    try {
      this.#p.appender.check(whole);
      return whole;
    } catch (error) {
      if (!(error instanceof RecordRefusedError)) throw error;
      return unfit(asker, ask, record, `the answer of ${ask.service}.${ask.operation} is too large`);
    }
  }
}

function answerRecord(asker: Address, ask: OpenAsk, record: AskRecord, answer: ServiceAnswer): NewRecord {
  return {
    id: answerId(ask.id),
    type: ANSWER,
    from: { kind: "service", key: asker.key, id: ask.service },
    to: asker,
    cause: ask.id,
    correlation: record.correlation,
    traceparent: record.traceparent,
    clear: { ask: ask.id, name: ask.name, ok: answer.ok },
    data: { value: answer.ok ? (answer.value ?? null) : { ...answer.error } },
  };
}

function unfit(asker: Address, ask: OpenAsk, record: AskRecord, message: string): NewRecord {
  return answerRecord(asker, ask, record, {
    ok: false,
    error: { code: "failed", message, retryable: false },
  });
}
