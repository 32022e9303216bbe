import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { address } from "../../runtime/address.ts";
import { asset } from "../../runtime/config/paths.ts";
import { CellStore } from "../../runtime/host/cell-store.ts";
import { LiveMachine } from "../../runtime/host/live-machine.ts";
import { Node } from "../../runtime/node.ts";
import { main } from "../cli.ts";
import { Desk } from "../desk.ts";
import { actorsOf, verifiedJson, verifiedText } from "./verified.ts";
import type { VerifiedActor } from "./verify.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "verify-"));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(dir, { recursive: true, force: true });
});

/** Replays shipped scenarios and verifies them. */
async function verify(names: readonly string[], ...flags: string[]): Promise<{ code: number; result: any }> {
  let out = "";
  const spy = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    out += text;
    return true;
  });
  const files = names.map((name) => asset(`scenarios/shop/${name}.scenario.yaml`));
  try {
    const code = await main([
      "--data-dir",
      join(dir, "data"),
      "replay",
      "--verify",
      "--json",
      ...flags,
      ...files,
    ]);
    return { code, result: JSON.parse(out) };
  } finally {
    spy.mockRestore();
  }
}

describe("replay --verify", () => {
  it("finds each state again in every fold of the log, with and without snapshots", async () => {
    // With a task, a person, two conversations of one customer, and time that passes.
    const names = [
      "cancel-order.confirmed",
      "damaged-item.approval",
      "memory.wish-remembered",
      "silence.abandoned",
    ];
    const loads: { run: number; found: boolean }[] = [];
    const start = vi.spyOn(Desk, "start");
    const load = CellStore.prototype.load;
    vi.spyOn(CellStore.prototype, "load").mockImplementation(async function (this: CellStore, ...args) {
      const state = await load.apply(this, args);
      loads.push({ run: start.mock.calls.length, found: state !== undefined });
      return state;
    });
    const { code, result } = await verify(names, "--times", "3");
    expect(result).toMatchObject({ passed: 4, failed: 0, verified: { diverged: [] } });
    expect(code).toBe(0);
    // Each actor three times, elsewhere, restored, and after each of the two restarts.
    const { actors, records, folds } = result.verified;
    expect(folds).toBe(actors * 7);
    expect(records).toBeGreaterThan(actors * 3);
    for (const { id, verified } of result.scenarios) {
      expect(verified.records, id).toBeGreaterThan(3);
      expect(verified.diverged, id).toEqual([]);
    }
    const own = result.scenarios.reduce((n: number, s: any) => n + s.verified.actors, 0);
    // Only one of them went to a person, so the orchestrator is of that one alone.
    expect(own).toBe(actors);
    // There was no snapshot to start from any more, and actors were brought back all the same.
    expect(start).toHaveBeenCalledTimes(3);
    expect(loads.filter(({ run }) => run === 2).length).toBeGreaterThanOrEqual(actors);
    expect(loads.filter(({ run, found }) => run === 2 && found)).toEqual([]);
  }, 180_000);

  it("names the record at which an impure machine comes to another state, and fails", async () => {
    let seen = 0;
    const persist = LiveMachine.prototype.persist;
    // As if a machine put a number of its module into its context from this message on.
    vi.spyOn(LiveMachine.prototype, "persist").mockImplementation(function (this: LiveMachine) {
      const persisted = persist.call(this);
      const { context } = persisted.snapshot as { context: Record<string, unknown> };
      if (JSON.stringify(context).includes("great, bye")) context.seen = ++seen;
      return persisted;
    });
    const { code, result } = await verify(["cancel-order.confirmed"], "--times", "2");
    expect(code).toBe(1);
    const [scenario] = result.scenarios;
    expect(scenario.status).toBe("diverged");
    const [first] = scenario.verified.diverged;
    expect(first).toMatchObject({
      actor: expect.stringMatching(/^conversation\//),
      type: "customer.message",
      which: "fold 2",
      paths: [{ path: "state.context.seen", first: expect.any(Number), other: expect.any(Number) }],
    });
    expect(first.other.state.context).toEqual({
      ...first.first.state.context,
      seen: first.paths[0].other,
    });
    expect(scenario.firstDivergence).toContain(
      `${first.actor} diverges at record ${first.seq} (customer.message)`,
    );
  }, 180_000);

  it("says so when an actor is not what it was once its snapshots are gone", async () => {
    const start = vi.spyOn(Desk, "start");
    const real = Node.prototype.verify;
    vi.spyOn(Node.prototype, "verify").mockImplementation(async function (this: Node, to) {
      const found = (await real.call(this, to))!;
      if (start.mock.calls.length === 2 && to.kind === "conversation")
        (found.machine.snapshot as any).context.lost = true;
      return found;
    });
    const { code, result } = await verify(["cancel-order.confirmed"], "--times", "1");
    expect(code).toBe(1);
    expect(result.verified.diverged).toHaveLength(1);
    expect(result.verified.diverged[0]).toMatchObject({
      which: "after all snapshots were deleted",
      paths: [{ path: "state.context.lost", other: true }],
    });
  }, 180_000);
});

describe("what was verified", () => {
  const plain = { red: (t: string) => t, green: (t: string) => t } as never;
  const actor = (name: string, keys: string[], more: Partial<VerifiedActor> = {}): VerifiedActor => {
    const [kind, key] = name.split("/") as [string, string];
    return { to: address(kind, key), records: 2, folds: 3, diverged: [], keys: new Set(keys), ...more };
  };

  it("belongs to the scenario that alone wrote to it", () => {
    const all = [
      actor("conversation/a", ["main"]),
      actor("task/a", []),
      actor("conversation/b", ["main"]),
      actor("customer/x", ["a", "before"]),
      actor("customer/y", ["a", "b"]),
    ];
    const own = actorsOf({ conversation: "a", earlier: "before" } as never, all);
    expect(own.map(({ to }) => `${to.kind}/${to.key}`)).toEqual(["conversation/a", "task/a", "customer/x"]);
  });

  it("is shown with the paths that differ and both states", () => {
    expect(verifiedText(verifiedJson([actor("task/a", ["a"])]), plain)).toEqual([
      "  verified: 1 actor with 2 records, 3 folds; none diverged",
    ]);
    const diverged = [
      {
        actor: "task/a/a",
        seq: 7,
        type: "start",
        which: "fold 2",
        first: '{"n":1}',
        other: '{"n":2,"o":null}',
        paths: [
          { path: "n", first: 1, other: 2 },
          { path: "o", first: undefined, other: null },
        ],
      },
    ];
    diverged.push({ ...diverged[0]!, seq: 9, which: "in memory" });
    expect(verifiedText(verifiedJson([actor("task/a", ["a"], { diverged })]), plain)).toEqual([
      "  verified: 1 actor with 2 records, 3 folds; 1 actor diverged",
      "",
      "  task/a/a diverges at record 7 (start), fold 2",
      "    n: 1 became 2",
      "    o: nothing became null",
      '    first: {"n":1}',
      '    other: {"n":2,"o":null}',
      "    also at record 9 (start), in memory",
    ]);
  });
});
