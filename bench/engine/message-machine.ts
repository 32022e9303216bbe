/** The smallest durable message: a machine with 1 KB of context folds it and tells the channel. */
import type { ActorDefinition } from "../../runtime/host/definition.ts";
import {
  type ActorEvent,
  type ActorInput,
  assign,
  type Effect,
  emit,
  setup,
  tell,
} from "../../runtime/host/machine.ts";

/** What a conversation carries along, about 1 KB as JSON. */
interface Messages {
  readonly input: ActorInput;
  readonly folded: number;
  readonly last: string;
  readonly facts: readonly { readonly name: string; readonly value: string; readonly at: number }[];
}

const FACTS = 16;

/** Messages that crash their actor are let through at the second attempt. Not pure, as no machine of a desk may be. */
const crashed = new Set<string>();

function crashOnce({ event }: { event: ActorEvent }): void {
  if (event.data.crash !== true || crashed.has(event.id)) return;
  crashed.add(event.id);
  throw new Error("crash");
}

export const messageMachine = setup({
  types: {} as { context: Messages; input: ActorInput; events: ActorEvent; emitted: Effect },
}).createMachine({
  id: "messages",
  context: ({ input }) => ({
    input,
    folded: 0,
    last: "",
    facts: Array.from({ length: FACTS }, (_, i) => ({
      name: `fact-${i}`,
      value: "as the customer said",
      at: input.startedAt,
    })),
  }),
  on: {
    message: {
      actions: [
        crashOnce,
        assign(({ context, event }) => ({
          folded: context.folded + 1,
          last: String(event.data.text),
          facts: context.facts.map((fact, i) =>
            i === context.folded % FACTS ? { ...fact, at: event.at } : fact,
          ),
        })),
        emit(({ context, event }) => {
          const { key, id } = context.input.address;
          return tell({ kind: "channel", key, id }, "reply", { text: `about: ${event.data.text}` });
        }),
      ],
    },
    // A conversation that is only to be known: folded and kept, without an answer.
    known: { actions: assign({ last: ({ event }) => String(event.data.text) }) },
  },
});

export const messageDefinitions: readonly ActorDefinition[] = [
  { kind: "messages", version: 1, machine: messageMachine },
  { kind: "channel", version: 1, machine: messageMachine, sink: true },
];
