/** The outbox: effects of a fold as records, with ids that follow from the folded record and their place (L3, L7). */
import { type Address, address } from "../address.ts";
import { isTypeWord, type NewRecord, type StoredRecord } from "../envelope.ts";
import { derivedId } from "../ids.ts";
import { copyJson } from "../json.ts";
import type { OpenAsk } from "./cell-store.ts";
import { type Effect, MachineEffectError } from "./machine.ts";

export interface Outgoing {
  readonly record: NewRecord;
  /** Set when the record is an ask. What is repeatable is asked without it, anything else once it is acknowledged. */
  readonly ask?: OpenAsk;
}

export const ASK = "host.ask";

/** Of the n-th effect of a record's fold. */
export function outputId(recordId: string, n: number): string {
  return derivedId(recordId, "out", n);
}

export function answerId(askId: string): string {
  return derivedId(askId, "answer");
}

/** What the log could not read back must not get in. @throws AddressError, MachineEffectError */
function checked(record: NewRecord): NewRecord {
  address(record.to.kind, record.to.key, record.to.id);
  if (!isTypeWord(record.type)) {
    throw new MachineEffectError(`a machine emitted a record of type ${JSON.stringify(record.type)}`);
  }
  return record;
}

/** @throws AddressError, MachineEffectError when a machine wants what no record can be. */
export function outgoing(
  self: Address,
  record: StoredRecord,
  at: number,
  effects: readonly Effect[],
): Outgoing[] {
  return effects.map((effect, index) => {
    const id = outputId(record.id, index);
    const chain = {
      id,
      from: self,
      cause: record.id,
      correlation: record.correlation ?? record.id,
      traceparent: record.traceparent,
    };
    switch (effect.type) {
      case "bw.tell":
        return {
          record: checked({
            ...chain,
            type: effect.event,
            to: effect.to,
            clear: effect.clear,
            data: effect.data,
          }),
        };
      case "bw.ask": {
        const ask: OpenAsk = {
          id,
          name: effect.name,
          service: effect.service,
          operation: effect.operation,
          deadline: at + effect.timeoutMs,
          key: effect.key ?? id,
          // A copy: it is kept for longer than this fold, and a machine may go on with what it handed over.
          input: copyJson(effect.input),
          cause: chain.cause,
          correlation: chain.correlation,
          traceparent: chain.traceparent,
        };
        const { name, service, operation, deadline, key, input } = ask;
        return {
          ask,
          record: checked({
            ...chain,
            type: ASK,
            // Same key, so the same partition and the same data subject as the asking actor.
            to: { kind: "service", key: self.key, id: service },
            clear: { name, service, operation, deadline, key },
            data: { input },
          }),
        };
      }
      default:
        throw new MachineEffectError(
          `a machine emitted ${JSON.stringify((effect as { type?: unknown }).type)}: emit only tell(…) and ask(…)`,
        );
    }
  });
}
