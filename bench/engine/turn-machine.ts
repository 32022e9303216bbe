/** The smallest durable turn: a message leads to an ask, its answer to a reply (`bench/support-turn.ts`). */
import type { ActorDefinition } from "../../runtime/host/definition.ts";
import {
  type ActorEvent,
  type ActorInput,
  ask,
  assign,
  type Effect,
  emit,
  setup,
  tell,
} from "../../runtime/host/machine.ts";
import type { JsonObject } from "../../runtime/json.ts";
import { classify, type Intent, orderIn, replyTo } from "../support-turn.ts";

interface Turns {
  readonly input: ActorInput;
  readonly turns: number;
  readonly intent: Intent;
  /** The latest reply. */
  readonly said: string;
}

export interface TurnWords {
  /** What is asked about a message. */
  readonly asked: (text: string) => JsonObject;
  readonly reply: (intent: Intent, answer: JsonObject) => string;
}

const SUPPORT: TurnWords = {
  asked: (text) => ({ order: orderIn(text) }),
  reply: (intent, answer) => replyTo(intent, answer as never),
};

export function turnsWith({ asked, reply }: TurnWords): readonly ActorDefinition[] {
  const machine = setup({
    types: {} as { context: Turns; input: ActorInput; events: ActorEvent; emitted: Effect },
  }).createMachine({
    id: "turns",
    context: ({ input }) => ({ input, turns: 0, intent: "other", said: "" }),
    on: {
      message: {
        actions: [
          assign({ intent: ({ event }) => classify(String(event.data.text)) }),
          emit(({ event }) => ask("lookup", "bench", "lookup", asked(String(event.data.text)))),
        ],
      },
      "lookup.done": {
        actions: [
          assign({
            turns: ({ context }) => context.turns + 1,
            said: ({ context, event }) => reply(context.intent, event.data as JsonObject),
          }),
          emit(({ context }) => {
            const { key, id } = context.input.address;
            return tell({ kind: "channel", key, id }, "reply", { text: context.said });
          }),
        ],
      },
    },
  });
  return [{ kind: "turns", version: 1, machine, view: ({ turns, said }: Turns) => ({ turns, said }) }];
}

export const turnDefinitions = turnsWith(SUPPORT);
