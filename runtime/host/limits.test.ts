/** What does not fit: records, answers, a full stream, an actor that is far behind. */
import { afterEach, describe, expect, it } from "vitest";
import { address, partitionOf } from "../address.ts";
import { OverloadedError, UnavailableError } from "../engine.ts";
import { jetStreamApi } from "../log/stream.ts";
import type { ActorDefinition } from "./definition.ts";
import { type ActorInput, assign, type Effect, emit, setup, tell } from "./machine.ts";
import type { Service } from "./service.ts";
import { channel, counter } from "./test-machines.ts";
import { TestDesk, type TestNodeOptions } from "./testing.ts";

const definitions = [counter, channel];
const c1 = address("counter", "c1");
let desk: TestDesk;
afterEach(() => desk?.stop());

async function start(options: Partial<TestNodeOptions> = {}): Promise<void> {
  desk = await TestDesk.start({ definitions, ...options });
}
const view = async (to = c1): Promise<any> => (await desk.node.read(to))?.view;

describe("an answer", () => {
  const service: Service = {
    name: "test",
    operations: {
      echo: async ({ bytes, big }) => (big ? ({ big: 1n } as never) : { text: "x".repeat(Number(bytes)) }),
    },
  };

  it.each([
    ["that the log would refuse", { bytes: 1_020_000 }, /too large/],
    ["that the bus would refuse", { bytes: 2_000_000 }, /too large/],
    ["that is no JSON", { big: true }, /cannot be sent/],
  ])("%s is a failure to its asker, and harms nobody else", async (_what, input, message) => {
    await start({ services: [service] });
    await desk.send(c1, "ask", input);
    await desk.send(c1, "ask", { bytes: 10 });
    await desk.until(async () => (await view())?.failures.length === 1);
    await desk.until(async () => (await view())?.answers.length === 1);
    const { code, message: said } = (await view()).failures[0];
    expect(code).toBe("failed");
    expect(said).toMatch(message);
  });
});

describe("what a machine wants", () => {
  /** Emits what its records say, fit or not. */
  const wild: ActorDefinition = {
    kind: "wild",
    version: 1,
    machine: setup({
      types: {} as { context: { quarantined: number; total: number }; input: ActorInput; emitted: Effect },
    }).createMachine({
      context: { quarantined: 0, total: 0 },
      on: {
        large: {
          actions: emit(() => tell(address("channel", "w"), "reply", { text: "x".repeat(2_000_000) })),
        },
        bigint: { actions: emit(() => tell(address("channel", "w"), "reply", { n: 1n as never })) },
        nowhere: { actions: emit(() => tell({ kind: "no kind", key: "w", id: "w" }, "reply", {})) },
        untyped: { actions: emit(() => tell(address("channel", "w"), "Not A Type", {})) },
        add: { actions: assign({ total: ({ context }) => context.total + 1 }) },
        "host.quarantined": { actions: assign({ quarantined: ({ context }) => context.quarantined + 1 }) },
      },
    }),
  };

  it.each(["large", "bigint", "nowhere", "untyped"])(
    "and no record can be (%s) is given up with its cause, and said to it",
    async (type) => {
      await start({ definitions: [wild, channel] });
      const w = address("wild", "w");
      await desk.send(w, type);
      await desk.send(w, "add");
      await desk.until(async () => (await view(w))?.quarantined === 1);
      expect(await view(w)).toEqual({ quarantined: 1, total: 1 });
      expect(await desk.node.deadLetters.list()).toMatchObject([{ type, to: "wild/w/w" }]);
    },
  );
});

describe("a full stream", () => {
  it("refuses for a while what is new, loses nothing that was accepted, and goes on when there is room", async () => {
    await start({ stream: { maxBytes: 40_000 } });
    let accepted = 0;
    const refused: unknown[] = [];
    while (refused.length < 3) {
      await desk.send(c1, "say", { text: "x".repeat(200) }).then(
        () => accepted++,
        (error) => refused.push(error),
      );
    }
    for (const error of refused) expect(error).toBeInstanceOf(UnavailableError);
    const { config } = await jetStreamApi(desk.bus, "STREAM.INFO.BW_test_LOG", undefined);
    await jetStreamApi(desk.bus, "STREAM.UPDATE.BW_test_LOG", { ...config, max_bytes: -1 });
    await desk.until(
      async () => (await desk.node.records(address("channel", "c1"))).length === accepted,
      "a reply to each",
    );
    await desk.send(c1, "say", { text: "more" });
    expect(await desk.node.deadLetters.count()).toBe(0);
  });
});

describe("an actor that is far behind", () => {
  const hot = c1;
  /** Another actor of the same partition. */
  function neighbour() {
    for (let n = 0; ; n++) {
      const to = address("counter", `n${n}`);
      if (partitionOf(to.key, 4) === partitionOf(hot.key, 4)) return to;
    }
  }

  it("L8: holds up nobody else, and gets its surplus from the log in order", async () => {
    let slow = true;
    await start({
      admission: { maxWaiting: 10_000 },
      host: { maxMailbox: 4, maxUnderWay: 16, snapshotEveryMs: 20 },
      policy: { maxAttempts: 2, backoffMs: () => (slow ? 1_500 : 1) },
    });
    const other = neighbour();
    await desk.send(hot, "crash");
    const ids: string[] = [];
    for (let i = 0; i < 100; i++) ids.push((await desk.send(hot, "add")).id);
    await desk.send(other, "add");
    await desk.until(async () => (await view(other))?.total === 1, "the neighbour", 1_200);
    slow = false;
    await desk.until(async () => (await view(hot))?.total === 100);
    expect((await view(hot)).seen).toEqual(ids);
    expect(await desk.node.verify(hot)).toMatchObject({ same: true });
    // Its admission is free again.
    await desk.send(hot, "add");
    await desk.until(async () => (await view(hot))?.total === 101);
  });

  it("L8: has all of its surplus after a crash", async () => {
    await start({
      admission: { maxWaiting: 10_000 },
      host: { maxMailbox: 4, snapshotEveryMs: 10 },
      policy: { maxAttempts: 2, backoffMs: () => 300 },
    });
    const other = neighbour();
    await desk.send(hot, "crash");
    for (let i = 0; i < 60; i++) await desk.send(hot, "add");
    await desk.send(other, "add");
    await desk.until(async () => (await view(other))?.total === 1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await desk.crash();
    await desk.up();
    await desk.until(async () => (await view(hot))?.total === 60);
    await desk.until(async () => (await view(hot))?.quarantined === 1);
  });
});

describe("admission", () => {
  it("forgets records to actors that nobody knows", async () => {
    await start({ admission: { maxWaiting: 2 } });
    const nobody = address("nobody", "x");
    for (let i = 0; i < 5; i++) {
      await desk.send(nobody, "add");
      await desk.until(async () => (await desk.node.deadLetters.count()) === i + 1);
    }
    await expect(Promise.all(Array.from({ length: 3 }, () => desk.send(c1, "add")))).rejects.toThrow(
      OverloadedError,
    );
  });
});
