/** A turn whose reply says which message it answers: a message leads to an ask, its answer to a reply with the same text. */
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

interface Turns {
  readonly input: ActorInput;
  readonly turns: number;
}

const machine = setup({
  types: {} as { context: Turns; input: ActorInput; events: ActorEvent; emitted: Effect },
}).createMachine({
  id: "turns",
  context: ({ input }) => ({ input, turns: 0 }),
  on: {
    message: { actions: emit(({ event }) => ask("lookup", "bench", "lookup", { text: event.data.text })) },
    "lookup.done": {
      actions: [
        assign({ turns: ({ context }) => context.turns + 1 }),
        emit(({ context, event }) => {
          const { key, id } = context.input.address;
          return tell({ kind: "channel", key, id }, "reply", { text: String(event.data.text) });
        }),
      ],
    },
  },
});

export const echoDefinitions: readonly ActorDefinition[] = [{ kind: "turns", version: 1, machine }];
