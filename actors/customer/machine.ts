/**
 * A customer's profile: which conversations he had and how they ended. Its key is a keyed hash of the customer's id, so
 * the log does not name anybody. What is known *about* the customer is the memory's.
 */
import {
  type ActorEvent,
  type ActorInput,
  type AnyStateMachine,
  assign,
  type Effect,
  setup,
} from "../../runtime/host/machine.ts";
import type { Json, JsonObject } from "../../runtime/json.ts";

/** Conversations that are kept; older ones are in the log. */
const KEPT = 20;

interface Linked {
  conversation: string;
  /** How the customer was verified, at first. */
  how: string;
  at: number;
  outcome?: string;
}

interface CustomerContext {
  since: number;
  conversations: Linked[];
  count: number;
}

export function customerMachine(): AnyStateMachine {
  return setup({
    types: {} as { context: CustomerContext; events: ActorEvent; input: ActorInput; emitted: Effect },
  }).createMachine({
    id: "customer",
    context: ({ input }: { input: ActorInput }): CustomerContext => ({
      since: input.startedAt,
      conversations: [],
      count: 0,
    }),
    initial: "known",
    states: {
      known: {
        on: {
          "customer.linked": {
            actions: assign(({ context, event }: { context: CustomerContext; event: ActorEvent }) => {
              const { conversation, how } = event.data;
              if (context.conversations.some((linked) => linked.conversation === conversation))
                return context;
              const linked: Linked = {
                conversation: String(conversation),
                how: String(how ?? ""),
                at: event.at,
              };
              return {
                ...context,
                count: context.count + 1,
                conversations: [...context.conversations, linked].slice(-KEPT),
              };
            }),
          },
          "customer.outcome": {
            actions: assign(({ context, event }: { context: CustomerContext; event: ActorEvent }) => ({
              ...context,
              conversations: context.conversations.map((linked) =>
                linked.conversation === event.data.conversation
                  ? { ...linked, outcome: String(event.data.outcome) }
                  : linked,
              ),
            })),
          },
        },
      },
    },
  } as any) as unknown as AnyStateMachine;
}

export function customerView(c: CustomerContext): JsonObject {
  return { since: c.since, count: c.count, conversations: c.conversations as unknown as Json };
}
