import { describe, expect, it } from "vitest";
import { address } from "../address.ts";
import { inFold } from "./fold-guard.ts";
import { LiveMachine, stateHash } from "./live-machine.ts";
import {
  type ActorInput,
  assign,
  type Effect,
  emit,
  raise,
  sendParent,
  sendTo,
  setup,
  spawnChild,
  tell,
} from "./machine.ts";
import { counterMachine } from "./test-machines.ts";

const self = address("counter", "c1");
const input: ActorInput = { address: self, startedAt: 1_000 };
const point = (at: number, recordId = `r${at}`) => ({ at, recordId });

function started(machine: any = counterMachine) {
  return LiveMachine.start(machine, input, "c1", point(1_000)).live;
}

const nested = setup({
  types: {} as { context: { heard: string[]; at: number[] }; input: ActorInput; emitted: Effect },
  actors: {
    child: setup({}).createMachine({
      initial: "slow",
      states: {
        slow: { after: { 500: { target: "done", actions: sendParent({ type: "child.rang" }) } } },
        done: {},
      },
    }),
  },
}).createMachine({
  context: { heard: [], at: [] },
  type: "parallel",
  states: {
    a: {
      initial: "waiting",
      states: {
        waiting: {
          after: {
            300: { target: "rang", actions: assign({ heard: ({ context }) => [...context.heard, "a"] }) },
          },
        },
        rang: {},
      },
    },
    b: {
      entry: spawnChild("child", { id: "kid" }),
      on: {
        "child.rang": {
          actions: assign({
            heard: ({ context }) => [...context.heard, "kid"],
            at: ({ context }) => [...context.at, Date.now()],
          }),
        },
        later: { actions: raise({ type: "now" }, { id: "later", delay: 700 }) },
        now: { actions: assign({ heard: ({ context }) => [...context.heard, "raised"] }) },
      },
    },
  },
});

describe("a live machine", () => {
  it("takes timers of nested, parallel and child states over as deadlines", () => {
    const live = started(nested);
    expect(live.timers.map((t) => [t.source, t.deadline]).sort()).toEqual([
      ["root", 1_300],
      ["root/kid", 1_500],
    ]);
    live.send({ type: "later" }, point(1_100));
    expect(live.timers).toHaveLength(3);
    const kid = live.timers.find((t) => t.source === "root/kid")!;
    expect(live.fire(kid.key, kid.generation, point(1_600))).toEqual([]);
    expect(live.context).toMatchObject({ heard: ["kid"], at: [1_600] });
    expect(live.timers).toHaveLength(2);
  });

  it("arms restored timers again, children's included, and fires them", () => {
    const before = started(nested);
    before.send({ type: "later" }, point(1_100));
    const persisted = JSON.parse(JSON.stringify(before.persist()));
    const live = LiveMachine.restore(nested, persisted, "c1", 1_200);
    expect(live.timers).toEqual(before.timers);
    for (const t of [...live.timers].sort((a, b) => a.deadline - b.deadline)) {
      expect(live.fire(t.key, t.generation, point(t.deadline))).toEqual([]);
    }
    expect((live.context as any).heard).toEqual(["a", "kid", "raised"]);
    expect(live.timers).toEqual([]);
  });

  it("lets XState cancel a restored timer on exit, and drops a stale generation", () => {
    const before = started();
    before.send({ type: "wait" }, point(2_000));
    const [first] = before.timers;
    expect(first).toMatchObject({ deadline: 62_000, generation: 1 });
    const live = LiveMachine.restore(
      counterMachine,
      JSON.parse(JSON.stringify(before.persist())),
      "c1",
      3_000,
    );
    live.send({ type: "cancel" }, point(4_000));
    expect(live.timers).toEqual([]);
    expect(live.fire(first!.key, first!.generation, point(62_000))).toBeUndefined();
    live.send({ type: "wait" }, point(5_000));
    const [second] = live.timers;
    expect(second).toMatchObject({ key: first!.key, deadline: 65_000, generation: 2 });
    expect(live.fire(first!.key, first!.generation, point(65_000))).toBeUndefined();
    expect(live.fire(second!.key, second!.generation, point(65_000))).toEqual([]);
    expect((live.context as any).fired).toEqual([65_000]);
  });

  it("gives a state entered again a timer of its own", () => {
    const live = started();
    live.send({ type: "wait" }, point(2_000));
    live.send({ type: "wait" }, point(3_000));
    expect(live.timers).toMatchObject([{ deadline: 63_000, generation: 2 }]);
  });

  it("is log time and seeded randomness during a fold, and itself again afterwards", () => {
    const look = () => [Date.now(), new Date().toISOString(), Math.random(), Math.random()];
    const seen = inFold(42, "seed", look);
    const again = inFold(42, "seed", look);
    expect(seen).toEqual(again);
    expect(seen.slice(0, 2)).toEqual([42, "1970-01-01T00:00:00.042Z"]);
    expect(inFold(42, "other", () => Math.random())).not.toBe(seen[2]);
    expect(Date.now()).toBeGreaterThan(1_600_000_000_000);
    expect(new Date(7).getTime()).toBe(7);
    expect(new Date() instanceof Date).toBe(true);
  });

  it.each(["fetch", "setTimeout", "setInterval", "setImmediate", "queueMicrotask", "process", "crypto"])(
    "refuses %s during a fold",
    (name) => {
      expect(() => inFold(1, "s", () => (globalThis as any)[name])).toThrow(/machines are pure/);
      expect((globalThis as any)[name]).toBeDefined();
    },
  );

  it("refuses a delayed event without an id and a child without one", () => {
    const unnamedDelay = setup({}).createMachine({
      on: { go: { actions: raise({ type: "x" }, { delay: 5 }) } },
    });
    expect(() => started(unnamedDelay).send({ type: "go" }, point(1))).toThrow(/has no id/);
    const unnamedChild = setup({ actors: { kid: setup({}).createMachine({}) } }).createMachine({
      on: { go: { actions: spawnChild("kid") } },
    });
    expect(() => started(unnamedChild).send({ type: "go" }, point(1))).toThrow(/without an id/);
    const unnamedGrandchild = setup({ actors: { kid: unnamedChild } }).createMachine({
      invoke: { src: "kid", id: "kid" },
      on: { go: { actions: sendTo("kid", { type: "go" }) } },
    });
    expect(() => started(unnamedGrandchild).send({ type: "go" }, point(1))).toThrow(/without an id/);
  });

  it("refuses a delay that is no number of milliseconds", () => {
    const never = setup({}).createMachine({
      on: { go: { actions: raise({ type: "x" }, { id: "x", delay: Number.POSITIVE_INFINITY }) } },
    });
    expect(() => started(never).send({ type: "go" }, point(1))).toThrow(/delay of Infinity ms/);
  });

  it("ends an endless loop of microsteps and a flood of effects", () => {
    const endless = setup({}).createMachine({
      initial: "a",
      states: { a: { on: { go: "b" } }, b: { always: "c" }, c: { always: "b" } },
    });
    expect(() => started(endless).send({ type: "go" }, point(1))).toThrow(/[Ii]nfinite loop/);
    const flood = setup({ types: {} as { emitted: Effect } }).createMachine({
      on: { go: { actions: Array.from({ length: 600 }, () => emit(tell(self, "x"))) } },
    });
    expect(() => started(flood).send({ type: "go" }, point(1))).toThrow(/more than 512 effects/);
  });

  it("throws what a machine or its child throws, and reaches nobody else", () => {
    expect(() => started().send({ type: "crash" }, point(1))).toThrow("this machine breaks");
    const family = setup({
      actors: {
        kid: setup({}).createMachine({
          on: {
            boom: {
              actions: () => {
                throw new Error("the child breaks");
              },
            },
          },
        }),
      },
    }).createMachine({
      entry: spawnChild("kid", { id: "kid" }),
      on: { boom: { actions: ({ self: me }: any) => me.getSnapshot().children.kid.send({ type: "boom" }) } },
    });
    expect(() => started(family).send({ type: "boom" }, point(1))).toThrow("the child breaks");
  });

  it("hashes equal states equally, whatever way they were reached", () => {
    const a = started(nested);
    const b = LiveMachine.restore(nested, JSON.parse(JSON.stringify(a.persist())), "c1", 1_000);
    expect(stateHash(b.persist())).toBe(stateHash(a.persist()));
    b.send({ type: "now" }, point(1_001));
    expect(stateHash(b.persist())).not.toBe(stateHash(a.persist()));
  });
});
