/** Answers asks from a recording: each waits until the recording comes to its answer. */
import type { AskRequest, Dispatcher } from "../../runtime/host/dispatcher.ts";
import type { ServiceAnswer } from "../../runtime/host/service-host.ts";
import type { JsonObject } from "../../runtime/json.ts";

export interface OpenCall {
  /** Of the ask on the record. */
  readonly id: string;
  /** Idempotency key. */
  readonly key: string;
  readonly service: string;
  readonly operation: string;
  readonly input: JsonObject;
  readonly answer: (answer: ServiceAnswer) => void;
}

export class RecordedAnswers implements Pick<Dispatcher, "ask" | "isRepeatable"> {
  /** Asked and not answered, by id, in the order in which they were asked. */
  readonly open = new Map<string, OpenCall>();
  /** `<service>.<operation>` of what had no record of its own when it was asked. */
  repeatable: ReadonlySet<string> = new Set();

  isRepeatable(service: string, operation: string): boolean {
    return this.repeatable.has(`${service}.${operation}`);
  }

  /** Asked again after a crash, it waits again. */
  ask({ id, key, service, operation, input }: AskRequest): Promise<ServiceAnswer> {
    const name = id ?? key;
    return new Promise((answer) => {
      this.open.delete(name);
      this.open.set(name, { id: name, key, service, operation, input, answer });
    });
  }

  /** The call that a recorded answer is for: that of its ask, else the first of its operation. */
  find(ask: string, operation: string | undefined): OpenCall | undefined {
    const exact = this.open.get(ask);
    if (exact || operation === undefined) return exact;
    for (const call of this.open.values()) if (`${call.service}.${call.operation}` === operation) return call;
    return undefined;
  }

  /** Answers a call with what was recorded of it. */
  give(call: OpenCall, ok: boolean, value: unknown): void {
    this.open.delete(call.id);
    call.answer((ok ? { ok: true, value } : { ok: false, error: value }) as ServiceAnswer);
  }
}
