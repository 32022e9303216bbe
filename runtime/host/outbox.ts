/** The outbox: effects of a fold as records, with ids that follow from the folded record and their place (L3, L7). */
import type { Address } from "../address.ts";
import type { NewRecord, StoredRecord } from "../envelope.ts";
import { derivedId } from "../ids.ts";
import type { OpenAsk } from "./cell-store.ts";
import { type Effect, MachineEffectError } from "./machine.ts";

export interface Outgoing {
  readonly record: NewRecord;
  /** Set when the record is an ask: dispatched once it is acknowledged. */
  readonly ask?: OpenAsk;
}

export const ASK = "host.ask";

export function answerId(askId: string): string {
  return derivedId(askId, "answer");
}

export function outgoing(
  self: Address,
  record: StoredRecord,
  at: number,
  effects: readonly Effect[],
): Outgoing[] {
  return effects.map((effect, index) => {
    const id = derivedId(record.id, "out", index);
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
          record: { ...chain, type: effect.event, to: effect.to, clear: effect.clear, data: effect.data },
        };
      case "bw.ask": {
        const ask: OpenAsk = {
          id,
          name: effect.name,
          service: effect.service,
          operation: effect.operation,
          deadline: at + effect.timeoutMs,
          key: effect.key ?? id,
        };
        return {
          ask,
          record: {
            ...chain,
            type: ASK,
            // Same key, so the same partition and the same data subject as the asking actor.
            to: { kind: "service", key: self.key, id: effect.service },
            clear: {
              name: ask.name,
              service: ask.service,
              operation: ask.operation,
              deadline: ask.deadline,
              key: ask.key,
            },
            data: { input: effect.input },
          },
        };
      }
      default:
        throw new MachineEffectError(
          `a machine emitted ${JSON.stringify((effect as { type?: unknown }).type)}: emit only tell(…) and ask(…)`,
        );
    }
  });
}
