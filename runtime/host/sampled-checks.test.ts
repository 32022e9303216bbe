import { afterEach, describe, expect, it, vi } from "vitest";
import { address } from "../address.ts";
import { CellStore } from "./cell-store.ts";
import type { ActorDefinition } from "./definition.ts";
import { type ActorEvent, type ActorInput, assign, setup } from "./machine.ts";
import { nameOf } from "./sampled-checks.ts";
import { stateHash } from "./state-hash.ts";
import { channel, counter } from "./test-machines.ts";
import { TestDesk, type TestNodeOptions } from "./testing.ts";

/** Numbers what it hears in a variable of its module: what no record says. */
let heardSoFar = 0;
const listening: ActorDefinition = {
  kind: "listener",
  version: 1,
  machine: setup({
    types: {} as { context: { heard: string[] }; input: ActorInput; events: ActorEvent },
  }).createMachine({
    context: { heard: [] },
    on: {
      say: {
        actions: assign({
          heard: ({ context, event }) => [...context.heard, `${event.data.text} ${++heardSoFar}`],
        }),
      },
    },
  }),
};

const SECRET = "Ada Quill of Larkfield";
const host = { passivateAfterMs: 30, snapshotEveryMs: 10, verifyEvery: 1 };
const c1 = address("counter", "c1");

let desk: TestDesk;

async function start(options: TestNodeOptions["host"] = host): Promise<void> {
  desk = await TestDesk.start({ definitions: [counter, listening, channel], host: options });
}

const counts = () => desk.node.status().host as { cells: number; checked: number; diverged: number };
const complaints = () => desk.warnings.filter((w) => w.message === "state diverges from the log");

describe("actors that leave memory", () => {
  afterEach(async () => {
    vi.restoreAllMocks();
    await desk.stop();
  });

  it("are folded again from the log, and those that are what it says are only counted", async () => {
    await start();
    await desk.send(c1, "add", { n: 2 });
    await desk.send(c1, "wait");
    await desk.until(() => counts().checked > 0);
    expect(counts()).toMatchObject({ checked: 1, diverged: 0 });
    expect(complaints()).toEqual([]);
  });

  it("are not looked at when none should be", async () => {
    await start({ ...host, verifyEvery: 0 });
    await desk.send(c1, "add");
    await desk.until(async () => (await desk.node.read(c1)) !== undefined);
    await desk.until(() => counts().cells === 0);
    await desk.node.stop();
    expect(counts()).toMatchObject({ checked: 0, diverged: 0 });
    await desk.up();
  });

  it("are reported with the first step at which folds of them differ, and nothing that anybody said", async () => {
    await start();
    const to = address("listener", "l1");
    await desk.send(to, "hello", { text: SECRET });
    const { seq } = await desk.send(to, "say", { text: SECRET });
    await desk.until(() => counts().diverged > 0);
    expect(complaints().map((w) => w.details)).toContainEqual({
      actor: "listener/l1/l1",
      seq,
      type: "say",
      which: "folded again",
      paths: ["state.context.heard"],
      begun: "since this start",
    });
    expect(JSON.stringify(desk.warnings)).not.toContain("Larkfield");
  });

  it("are reported when they came from a snapshot that somebody altered", async () => {
    await start();
    await desk.send(c1, "add", { n: 2 });
    await desk.until(() => counts().checked > 0 && counts().cells === 0);
    await desk.node.stop();
    // Under its hash, or it would not have been used.
    await desk.alter(c1, (state) => {
      (state.machine.snapshot as any).context.total = 1_000;
      return { ...state, hash: stateHash(state.machine) };
    });
    await desk.bus.close();
    await desk.up();
    const { seq } = await desk.send(c1, "add", { n: 1 });
    await desk.until(() => counts().diverged > 0);
    expect(complaints().map((w) => w.details)).toEqual([
      {
        actor: "counter/c1/c1",
        seq,
        type: "add",
        which: "in memory",
        paths: ["state.context.total"],
        begun: "before this start",
      },
    ]);
  });

  it("are reported when the snapshot that they leave is not what they were", async () => {
    await start({ ...host, passivateAfterMs: 60_000 });
    const { seq } = await desk.send(c1, "add", { n: 2 });
    await desk.until(async () => (await desk.node.read(c1)) !== undefined);
    await desk.node.stop();
    expect(await desk.stored("s!counter/c1/c1")).toBeDefined();
    await desk.bus.close();
    await desk.up({ host });
    await desk.node.read(c1);
    // Memory has what the snapshot said; then the disk says something else.
    const real = CellStore.prototype.load;
    vi.spyOn(CellStore.prototype, "load").mockImplementation(async function (this: CellStore, ...args) {
      const state = (await real.apply(this, args))!;
      (state.machine.snapshot as any).context.total = 7;
      return state;
    });
    await desk.until(() => counts().diverged > 0);
    expect(complaints()[0]!.details).toMatchObject({ seq, which: "snapshot" });
  });
});

describe("the name of a path", () => {
  it("has words of the program only", () => {
    expect(nameOf("state.context.lines[3].text")).toBe("state.context.lines.text");
    expect(nameOf("state.context.byOrder.W1000001.total")).toBe("state.context.byOrder.…");
    expect(nameOf("state.context.facts.customer.name")).toBe("state.context.facts.customer.…");
  });
});
