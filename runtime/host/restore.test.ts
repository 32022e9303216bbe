/** What a restored machine must have in common with one that was kept alive: everything. */
import { describe, expect, it } from "vitest";
import { address } from "../address.ts";
import { LiveMachine } from "./live-machine.ts";
import { type ActorInput, assign, cancel, raise, sendParent, sendTo, setup, spawnChild } from "./machine.ts";

const input: ActorInput = { address: address("counter", "c1"), startedAt: 1_000 };

/**
 * Plays events, and lets the next timer fire where a step says `timer`: once in a machine that is kept alive, once in
 * one that is restored before every step. Answers the context, which must be the same as everything else.
 */
function play(machine: any, steps: readonly string[]): any {
  const [kept, restored] = [false, true].map((restoring) => {
    let { live } = LiveMachine.start(machine, input, "c1", { at: 1_000, recordId: "start" });
    let at = 1_000;
    for (const [n, step] of steps.entries()) {
      if (restoring) {
        live = LiveMachine.restore(machine, JSON.parse(JSON.stringify(live.persist())), "c1", at);
      }
      const [timer] = [...live.timers].sort((a, b) => a.deadline - b.deadline);
      at = step === "timer" ? timer!.deadline : at + 1;
      const point = { at, recordId: `r${n}` };
      if (step === "timer") live.fire(timer!.key, timer!.generation, point);
      else live.send({ type: step }, point);
    }
    return live;
  });
  expect(restored!.persist()).toEqual(kept!.persist());
  return kept!.context;
}

const mark = (what: string) => assign({ heard: ({ context }: any) => [...context.heard, what] }) as any;
/** Marks once it is open. */
const once = (what: string): any => ({
  guard: ({ context: { heard } }: any) => heard.includes("open") && !heard.includes(what),
  actions: mark(what),
});
const context = { heard: [] as string[] };

/** Tells its parent each time its ten milliseconds are over, and begins again. */
const beating = setup({}).createMachine({
  initial: "on",
  states: {
    on: { after: { 10: { target: "on", reenter: true, actions: sendParent({ type: "beat" }) } } },
  },
  on: { poke: { actions: sendParent({ type: "poked" }) } },
});

describe("a restored machine", () => {
  it("is not told anew of children that start", () => {
    const machine = setup({ actors: { beating } }).createMachine({
      context,
      invoke: { src: "beating", id: "kid", onSnapshot: { actions: mark("seen") } },
    });
    const { heard } = play(machine, ["x", "x", "timer"]);
    expect(heard).toEqual(["seen", "seen"]);
  });

  it("lets parallel states react in the order of their definition, whichever was entered last", () => {
    const region = (name: string) => ({
      initial: "one",
      states: { one: { on: { [name]: "two" }, always: once(name) }, two: { always: once(name) } },
    });
    const machine = setup({}).createMachine({
      context,
      type: "parallel",
      states: { a: region("a"), b: region("b"), c: region("c") },
      on: { open: { actions: mark("open") } },
    });
    expect(play(machine, ["b", "a", "open"]).heard).toEqual(["open", "a", "b", "c"]);
  });

  it("remembers states whose ids have dots, children's included", () => {
    const states = {
      in: {
        id: "the.inner",
        initial: "one",
        states: {
          one: { on: { next: "two" } },
          two: { id: "number.two", entry: [mark("two"), sendParent({ type: "two" })] },
          was: { type: "history", history: "deep" },
        },
        on: { leave: "out" },
      },
      out: { on: { back: { target: "in.was" } } },
    } as any;
    const child = setup({}).createMachine({ id: "a.child", context, initial: "in", states });
    const machine = setup({ actors: { child } }).createMachine({
      context,
      type: "parallel",
      invoke: { src: "child", id: "kid" },
      on: {
        two: { actions: mark("kid's two") },
        "*": { actions: sendTo("kid", ({ event }: any) => ({ type: event.type })) },
      },
    } as any);
    const { heard } = play(machine, ["next", "leave", "back"]);
    expect(heard).toEqual(["kid's two", "kid's two"]);
    const alone = setup({}).createMachine({
      id: "on.its.own",
      context,
      initial: "in",
      states: {
        ...states,
        in: { ...states.in, states: { ...states.in.states, two: { entry: mark("two") } } },
      },
    } as any);
    expect(play(alone, ["next", "leave", "back"]).heard).toEqual(["two", "two"]);
  });

  it("keeps timers of children whatever these are called", () => {
    const machine = setup({ actors: { beating } }).createMachine({
      context,
      entry: [spawnChild("beating", { id: "a/b|c%2F" })],
      on: { beat: { actions: mark("beat") } },
    });
    expect(play(machine, ["timer", "timer"]).heard).toEqual(["beat", "beat"]);
  });

  it("brings what was meant for a child that is gone to nobody of the same name", () => {
    const machine = setup({ actors: { beating } }).createMachine({
      context,
      initial: "with",
      states: {
        with: {
          invoke: { src: "beating", id: "kid" },
          on: {
            later: { actions: sendTo("kid", { type: "poke" }, { id: "poke", delay: 5 }) },
            anew: { target: "with", reenter: true },
          },
        },
      },
      on: { poked: { actions: mark("poked") }, beat: { actions: mark("beat") } },
    });
    expect(play(machine, ["later", "timer"]).heard).toEqual(["poked"]);
    expect(play(machine, ["later", "anew", "timer"]).heard).toEqual(["beat"]);
  });

  it("has no child left that another one took the name of", () => {
    const slow = setup({}).createMachine({ after: { 30: { actions: sendParent({ type: "slow" }) } } });
    const machine = setup({ actors: { beating, slow } }).createMachine({
      context,
      entry: spawnChild("beating", { id: "kid" }),
      on: {
        other: { actions: spawnChild("slow", { id: "kid" }) },
        "*": { actions: assign({ heard: ({ context, event }) => [...context.heard, event.type] }) },
      },
    });
    expect(play(machine, ["timer", "other", "timer", "x"]).heard).toEqual(["beat", "slow", "x"]);
  });

  it("has no child left whose parent broke", () => {
    const frail = setup({ actors: { beating } }).createMachine({
      invoke: { src: "beating", id: "grandkid" },
      on: {
        beat: {
          actions: () => {
            throw new Error("the child breaks");
          },
        },
      },
    });
    const machine = setup({ actors: { frail } }).createMachine({
      context,
      invoke: { src: "frail", id: "kid", onError: { actions: mark("broke") } },
      entry: raise({ type: "late" }, { id: "late", delay: 50 }),
      on: { late: { actions: mark("late") } },
    });
    expect(play(machine, ["timer", "timer"]).heard).toEqual(["broke", "late"]);
    const persistent = setup({ actors: { frail } }).createMachine({
      context,
      initial: "with",
      states: {
        with: {
          invoke: {
            src: "frail",
            id: "kid",
            onError: { target: "with", reenter: true, actions: mark("again") },
          },
        },
      },
    });
    expect(play(persistent, ["timer", "timer", "timer"]).heard).toEqual(["again", "again", "again"]);
  });

  it("has a child's timers, though its predecessor ends after it began", () => {
    const machine = setup({ actors: { beating } }).createMachine({
      context,
      initial: "with",
      states: {
        with: {
          invoke: { src: "beating", id: "kid" },
          on: { beat: { target: "with", reenter: true, actions: mark("beat") } },
        },
      },
    });
    expect(play(machine, ["timer", "timer", "timer"]).heard).toEqual(["beat", "beat", "beat"]);
  });

  it("is in the states that its value names, even where XState had entered others", () => {
    const left = { on: { jump: "#was" }, always: once("left") };
    const machine = setup({}).createMachine({
      context,
      initial: "idle",
      states: {
        idle: {},
        work: { type: "parallel", states: { left, right: {}, was: { id: "was", type: "history" } } },
      },
      on: { go: ".work", open: { actions: mark("open") } },
    });
    expect(play(machine, ["go", "jump", "open"]).heard).toEqual(["open"]);
    expect(play(machine, ["go", "jump", "go", "open"]).heard).toEqual(["open", "left"]);
  });

  it("is in one state only, where XState had entered a second one beside it", () => {
    const one = { on: { go: "was", x: { actions: mark("one") } }, always: once("one") } as any;
    const machine = setup({}).createMachine({
      context,
      initial: "work",
      states: {
        work: {
          type: "parallel",
          states: {
            left: { initial: "one", states: { one, was: { type: "history" } } },
            right: { on: { go: "#other" } },
          },
        },
        other: { id: "other", on: { x: { actions: mark("other") } } },
      },
      on: { open: { actions: mark("open") } },
    } as any);
    expect(play(machine, ["go", "x", "open"]).heard).toEqual(["other", "open"]);
  });

  it("goes on cancelling what it may cancel", () => {
    const machine = setup({}).createMachine({
      context,
      entry: raise({ type: "late" }, { id: "late", delay: 50 }),
      on: {
        stop: { actions: cancel("late") },
        late: { actions: mark("late") },
        again: { actions: raise({ type: "late" }, { id: "late", delay: 70 }) },
      },
    });
    expect(play(machine, ["again", "timer"]).heard).toEqual(["late"]);
    expect(play(machine, ["stop", "again", "timer"]).heard).toEqual(["late"]);
    expect(play(machine, ["stop", "x"]).heard).toEqual([]);
  });
});
