/**
 * L3 and L7 over many crashes: whatever the moment at which the node dies, each request is carried out once at a system
 * that honours keys, and answered once. The moments follow from a seed.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Level } from "level";
import { afterEach, expect, it, vi } from "vitest";
import { type Address, address } from "../address.ts";
import { newId } from "../ids.ts";
import { CellStore } from "./cell-store.ts";
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

it("counts attempts after a crash at what may have ended the process, and at all where the last one did not come through it", async () => {
  const counted = vi.spyOn(CellStore.prototype, "countAttempt");
  try {
    desk = await TestDesk.start({
      definitions: [clerk, channel],
      services: [new Ledger().service],
      host: { snapshotEveryMs: 600_000 },
    });
    const to = address("clerk", "one");
    const replies = async () => (await desk.node.records(address("channel", "one"))).length;
    for (let n = 1; n <= 4; n++) {
      await desk.send(to, "book", { what: `${n}` }, newId());
      await desk.until(async () => (await replies()) === n, `reply ${n}`);
    }
    // Waits for the one before it, so that its fold leads to nothing.
    await desk.send(to, "book", { what: "5" }, newId());
    await desk.send(to, "book", { what: "6" }, newId());
    await desk.until(async () => (await replies()) === 6, "the last reply");
    expect(counted).not.toHaveBeenCalled();

    await desk.crash();
    expect(await desk.stored("m!running")).toBe("2");
    await desk.up();
    await expect.poll(() => counted.mock.calls.length).toBe(1);
    await sleep(100);
    expect(counted).toHaveBeenCalledTimes(1);

    // It ended while it was busy with what was left to it.
    await desk.crash();
    const db = new Level<string, string>(join(desk.dir, "engine"));
    await db.put("m!running", "1");
    await db.close();
    counted.mockClear();
    await desk.up();
    // Six requests and six answers.
    await expect.poll(() => counted.mock.calls.length).toBe(12);
    expect(await replies()).toBe(6);
    expect(await desk.node.verify(to)).toMatchObject({ same: true });
  } finally {
    counted.mockRestore();
  }
});
