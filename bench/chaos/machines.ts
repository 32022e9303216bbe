/** The durable machines of a run: conversations, the people whom they hand over to, and machines that misbehave. */
import { type Address, address } from "../../runtime/address.ts";
import type { ActorDefinition } from "../../runtime/host/definition.ts";
import {
  type ActorEvent,
  type ActorInput,
  ask,
  assign,
  type Effect,
  emit,
  enqueueActions,
  setup,
  tell,
} from "../../runtime/host/machine.ts";
import type { PoisonKind } from "./faults.ts";
import type { SinkName } from "./history.ts";

/** What a customer may want: to know, to have something done at one of the systems, to be called back, a person. */
export const WANTS = ["read", "write-keyed", "write-asked", "write-blind", "timer", "handoff"] as const;

export type Want = (typeof WANTS)[number];

/** Record of the channel that answers a message; `clear.message` says which. */
export const ANSWERS = ["reply", "apology", "handed-over"] as const;

interface Waiting {
  readonly id: string;
  readonly wants: Want;
  readonly ms: number;
}

interface Talk {
  readonly input: ActorInput;
  /** Messages in the order in which they were folded. */
  readonly seen: readonly string[];
  readonly queue: readonly Waiting[];
  readonly tries: number;
}

const MOST_TRIES = 8;
const ASK_MS = 4_000;

function say(to: Address, what: (typeof ANSWERS)[number], message: string): Effect {
  return tell(
    { kind: "channel", key: to.key, id: to.id },
    what,
    { text: `${what} to ${message}` },
    { message },
  );
}

/** Does what its customer wants, one thing after the other, and says when each is done. */
const talk = setup({
  types: {} as { context: Talk; input: ActorInput; events: ActorEvent; emitted: Effect },
  delays: { patience: ({ context }) => context.queue[0]?.ms ?? 0 },
  guards: {
    wants: ({ context }, want: Want) => context.queue[0]?.wants === want,
    mayTryAgain: ({ context, event }) => context.tries < MOST_TRIES && event.data?.retryable === true,
  },
  actions: {
    countTry: assign({ tries: ({ context }) => context.tries + 1 }),
    answer: enqueueActions(({ enqueue, context }, what: (typeof ANSWERS)[number]) => {
      const [head, ...rest] = context.queue;
      enqueue.emit(say(context.input.address, what, head!.id));
      enqueue.assign({ queue: rest, tries: 0 });
    }),
    write: emit(({ context }, system: SinkName) =>
      // The same key at every try: what a customer wants once is done once.
      ask(
        "write",
        system,
        "apply",
        { what: context.queue[0]!.id },
        { key: context.queue[0]!.id, timeoutMs: ASK_MS },
      ),
    ),
  },
}).createMachine({
  id: "talk",
  context: ({ input }) => ({ input, seen: [], queue: [], tries: 0 }),
  initial: "free",
  on: {
    message: {
      actions: assign({
        seen: ({ context, event }) => [...context.seen, event.id],
        queue: ({ context, event }) => [
          ...context.queue,
          { id: event.id, wants: event.data.wants, ms: Number(event.data.ms ?? 0) },
        ],
      }),
    },
  },
  states: {
    free: {
      always: [
        { guard: { type: "wants", params: "read" }, target: "reading" },
        { guard: { type: "wants", params: "write-keyed" }, target: "writingKeyed" },
        { guard: { type: "wants", params: "write-asked" }, target: "writingAsked" },
        { guard: { type: "wants", params: "write-blind" }, target: "writingBlind" },
        { guard: { type: "wants", params: "timer" }, target: "waiting" },
        { guard: { type: "wants", params: "handoff" }, target: "handingOver" },
      ],
    },
    reading: {
      entry: emit(({ context }) =>
        ask("read", "desk", "look", { what: context.queue[0]!.id }, { timeoutMs: ASK_MS }),
      ),
      on: {
        "read.done": { target: "free", actions: { type: "answer", params: "reply" } },
        "read.failed": [
          { guard: "mayTryAgain", target: "reading", reenter: true, actions: "countTry" },
          { target: "free", actions: { type: "answer", params: "apology" } },
        ],
      },
    },
    writingKeyed: {
      entry: { type: "write", params: "keyed" },
      on: {
        "write.done": { target: "free", actions: { type: "answer", params: "reply" } },
        "write.failed": [
          { guard: "mayTryAgain", target: "writingKeyed", reenter: true, actions: "countTry" },
          { target: "free", actions: { type: "answer", params: "apology" } },
        ],
      },
    },
    writingAsked: {
      entry: { type: "write", params: "asked" },
      on: {
        "write.done": { target: "free", actions: { type: "answer", params: "reply" } },
        "write.failed": [
          { guard: "mayTryAgain", target: "writingAsked", reenter: true, actions: "countTry" },
          { target: "free", actions: { type: "answer", params: "apology" } },
        ],
      },
    },
    writingBlind: {
      entry: { type: "write", params: "blind" },
      on: {
        "write.done": { target: "free", actions: { type: "answer", params: "reply" } },
        // Nobody can say whether it was done, so it is not tried again.
        "write.failed": { target: "free", actions: { type: "answer", params: "apology" } },
      },
    },
    waiting: { after: { patience: { target: "free", actions: { type: "answer", params: "reply" } } } },
    handingOver: {
      entry: emit(({ context }) => {
        const { key } = context.input.address;
        return tell(address("person", key), "request", {}, { message: context.queue[0]!.id });
      }),
      on: { accepted: { target: "free", actions: { type: "answer", params: "handed-over" } } },
    },
  },
});

interface Person {
  readonly input: ActorInput;
  readonly requests: readonly string[];
}

/** A person who accepts what is handed over after a moment, one after the other. */
const person = setup({
  types: {} as { context: Person; input: ActorInput; events: ActorEvent; emitted: Effect },
  delays: { moment: 300 },
}).createMachine({
  id: "person",
  context: ({ input }) => ({ input, requests: [] }),
  initial: "free",
  on: {
    request: {
      actions: assign({
        requests: ({ context, event }) => [...context.requests, String(event.data.message)],
      }),
    },
  },
  states: {
    free: { always: { guard: ({ context }) => context.requests.length > 0, target: "accepting" } },
    accepting: {
      after: {
        moment: {
          target: "free",
          actions: enqueueActions(({ enqueue, context }) => {
            const [message, ...rest] = context.requests;
            enqueue.emit(
              tell(address("talk", context.input.address.key), "accepted", {}, { message: message! }),
            );
            enqueue.assign({ requests: rest });
          }),
        },
      },
    },
  },
});

/** Answers every message at once, and misbehaves when told to. */
const rogue = setup({
  types: {} as { context: Talk; input: ActorInput; events: ActorEvent; emitted: Effect },
  guards: { wants: ({ event }, poison: PoisonKind) => event.data?.poison === poison },
}).createMachine({
  id: "rogue",
  context: ({ input }) => ({ input, seen: [], queue: [], tries: 0 }),
  initial: "free",
  on: {
    message: {
      actions: [
        assign({ seen: ({ context, event }) => [...context.seen, event.id] }),
        emit(({ context, event }) => say(context.input.address, "reply", event.id)),
      ],
    },
    poison: [
      {
        guard: { type: "wants", params: "throw" },
        actions: () => {
          throw new Error("this machine breaks");
        },
      },
      { guard: { type: "wants", params: "microsteps" }, target: ".here" },
      {
        guard: { type: "wants", params: "spin" },
        actions: () => {
          for (;;);
        },
      },
      {
        guard: { type: "wants", params: "emit-10000" },
        actions: enqueueActions(({ enqueue, context }) => {
          for (let i = 0; i < 10_000; i++) enqueue.emit(say(context.input.address, "reply", `flood-${i}`));
        }),
      },
      {
        guard: { type: "wants", params: "grow" },
        actions: () => {
          const held: unknown[] = [];
          for (;;) held.push(new Array(1_000_000).fill(held.length));
        },
      },
    ],
  },
  states: { free: {}, here: { always: "there" }, there: { always: "here" } },
});

const view = ({ seen, queue }: Talk) => ({ seen: [...seen], waiting: queue.map(({ id }) => id) });

export const chaosDefinitions: readonly ActorDefinition[] = [
  { kind: "talk", version: 1, machine: talk, view },
  { kind: "person", version: 1, machine: person },
  { kind: "rogue", version: 1, machine: rogue, view },
  { kind: "channel", version: 1, machine: talk, sink: true },
];
