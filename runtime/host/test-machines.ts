/** Machines that exercise the host: count, ask, wait, crash. For tests only. */
import type { ActorDefinition } from "./definition.ts";
import { type ActorEvent, type ActorInput, ask, assign, type Effect, emit, setup, tell } from "./machine.ts";

interface Counter {
  input: ActorInput;
  seen: string[];
  total: number;
  answers: unknown[];
  failures: unknown[];
  fired: number[];
  quarantined: number;
  exploded: number;
}

export const counterMachine = setup({
  types: {} as { context: Counter; input: ActorInput; events: ActorEvent; emitted: Effect },
  delays: { patience: 60_000 },
  actions: {
    explode: ({ event }) => {
      const text = event.data?.text;
      throw new Error(text === undefined ? "this machine breaks" : `this machine breaks on ${text}`);
    },
  },
}).createMachine({
  id: "counter",
  context: ({ input }) => ({
    input,
    seen: [],
    total: 0,
    answers: [],
    failures: [],
    fired: [],
    quarantined: 0,
    exploded: 0,
  }),
  initial: "idle",
  on: {
    add: {
      actions: assign({
        seen: ({ context, event }) => [...context.seen, event.id],
        total: ({ context, event }) => context.total + Number(event.data.n ?? 1),
      }),
    },
    ask: {
      actions: emit(({ event }) =>
        ask("lookup", "test", String(event.data.operation ?? "echo"), event.data, {
          timeoutMs: Number(event.data.timeoutMs ?? 5_000),
        }),
      ),
    },
    "lookup.done": { actions: assign({ answers: ({ context, event }) => [...context.answers, event.data] }) },
    "lookup.failed": {
      actions: assign({ failures: ({ context, event }) => [...context.failures, event.data] }),
    },
    say: {
      actions: emit(({ context, event }) =>
        tell({ kind: "channel", key: context.input.address.key, id: context.input.address.id }, "reply", {
          text: String(event.data.text),
        }),
      ),
    },
    forward: {
      actions: emit(({ event }) =>
        tell({ kind: "counter", key: String(event.data.to), id: String(event.data.to) }, "add", { n: 1 }),
      ),
    },
    crash: {
      actions: ["explode", assign({ exploded: ({ context }) => context.exploded + 1 })],
    },
    impure: {
      actions: () => {
        setTimeout(() => {}, 1);
      },
    },
    "host.quarantined": { actions: assign({ quarantined: ({ context }) => context.quarantined + 1 }) },
  },
  states: {
    idle: { on: { wait: "waiting" } },
    waiting: {
      on: { cancel: "idle", wait: { target: "waiting", reenter: true } },
      after: {
        patience: {
          target: "idle",
          actions: assign({ fired: ({ context, event: _ }) => [...context.fired, Date.now()] }),
        },
      },
    },
  },
});

export const counter: ActorDefinition = {
  kind: "counter",
  version: 1,
  machine: counterMachine,
};

export const channel: ActorDefinition = { kind: "channel", version: 1, machine: counterMachine, sink: true };
