/**
 * L3 and L7 over many crashes: whatever the moment at which the node dies, each request is carried out once at a system
 * that honours keys, and answered once. The moments follow from a seed.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, it } from "vitest";
import { type Address, address } from "../address.ts";
import { newId } from "../ids.ts";
import type { ActorDefinition } from "./definition.ts";
import { type ActorEvent, type ActorInput, ask, assign, type Effect, emit, setup, tell } from "./machine.ts";
import type { Service } from "./service.ts";
import { channel } from "./test-machines.ts";
import { TestDesk } from "./testing.ts";

/** Books what it is asked for and says so to its customer; asks for the next one only when this one is done. */
const clerk: ActorDefinition = {
  kind: "clerk",
  version: 1,
  machine: setup({
    types: {} as {
      context: { input: ActorInput; waiting: readonly string[]; done: readonly string[] };
      input: ActorInput;
      events: ActorEvent;
      emitted: Effect;
    },
  }).createMachine({
    context: ({ input }) => ({ input, waiting: [], done: [] }),
    initial: "free",
    on: {
      book: { actions: assign({ waiting: ({ context, event }) => [...context.waiting, event.data.what] }) },
    },
    states: {
      free: { always: { guard: ({ context }) => context.waiting.length > 0, target: "busy" } },
      busy: {
        entry: emit(({ context }) => ask("booking", "ledger", "book", { what: context.waiting[0]! })),
        on: {
          "booking.done": {
            target: "free",
            actions: [
              emit(({ context, event }) => {
                const { key, id } = context.input.address;
                return tell(address("channel", key, id), "reply", { text: `booked ${event.data.what}` });
              }),
              assign({
                waiting: ({ context }) => context.waiting.slice(1),
                done: ({ context }) => [...context.done, context.waiting[0]!],
              }),
            ],
          },
          "booking.failed": { target: "busy", reenter: true },
        },
      },
    },
  }),
};

/** A system that applies a key once; it outlives the node, as systems do. */
class Ledger {
  readonly entries: string[] = [];
  readonly #results = new Map<string, { what: string }>();
  readonly service: Service = {
    name: "ledger",
    operations: {
      book: async ({ what }, { idempotencyKey }) => {
        let result = this.#results.get(idempotencyKey);
        if (!result) {
          result = { what };
          this.#results.set(idempotencyKey, result);
          this.entries.push(what);
        }
        await sleep(3);
        return result;
      },
    },
  };
}

function random(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a * 1_664_525 + 1_013_904_223) >>> 0;
    return a / 2 ** 32;
  };
}

let desk: TestDesk;
afterEach(() => desk?.stop());

it.each([1, 2, 3])("carries out and answers each request once over crashes (seed %i)", async (seed) => {
  const next = random(seed);
  const ledger = new Ledger();
  desk = await TestDesk.start({
    definitions: [clerk, channel],
    services: [ledger.service],
    host: { snapshotEveryMs: 15 },
  });
  const clerks = Array.from({ length: 5 }, (_, i) => address("clerk", `c${i}`));
  const wanted = new Map<Address, string[]>(clerks.map((to) => [to, []]));
  for (let round = 0; round < 6; round++) {
    for (let i = 0; i < 12; i++) {
      const to = clerks[Math.floor(next() * clerks.length)]!;
      const what = `${to.id}-${round}-${i}`;
      await desk.send(to, "book", { what }, newId());
      wanted.get(to)!.push(what);
      await sleep(next() * 4);
    }
    await sleep(next() * 30);
    await desk.crash();
    await desk.up();
  }
  for (const to of clerks) {
    const all = wanted.get(to)!;
    const replies = async () =>
      (await desk.node.records(address("channel", to.id))).map((r) => String(r.data.text));
    await desk.until(async () => (await replies()).length >= all.length, `the replies of ${to.id}`);
    expect(await replies()).toEqual(all.map((what) => `booked ${what}`));
    expect(ledger.entries.filter((what) => what.startsWith(`${to.id}-`))).toEqual(all);
    expect(await desk.node.verify(to)).toMatchObject({ same: true });
  }
  expect(await desk.node.deadLetters.count()).toBe(0);
});
