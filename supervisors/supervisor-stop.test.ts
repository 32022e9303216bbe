import { describe, expect, it } from "vitest";
import type { ChildSpec } from "./child-spec.ts";
import { Supervisor } from "./supervisor.ts";
import { Lab, states, until } from "./testing.ts";

/** Is never ready. */
const NEVER: Pick<ChildSpec, "start"> = { start: () => new Promise(() => {}) };

describe("a stop", () => {
  it("sup_stop_infinity: waits for a child without a deadline as long as it takes", async () => {
    const lab = new Lab();
    const forever = { stopTimeoutMs: Number.POSITIVE_INFINITY };
    const children = [lab.child("a", { ...forever, type: "supervisor" }), lab.child("b", forever)];
    const s = lab.supervisor({ children });
    await s.start();
    const stopped = lab.holdStop("b");
    const stopping = s.stop();
    await lab.happened("+a +b -b");
    // A timer over infinity fires after a millisecond.
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(states(s)).toEqual(["a:running", "b:stopping"]);
    stopped.resolve();
    await stopping;
    await lab.happened("-a");
    expect(states(s)).toEqual(["a:stopped", "b:stopped"]);
  });

  it("sup_stop_timeout: kills a child at its deadline, and the others are stopped all the same", async () => {
    const lab = new Lab();
    const s = lab.supervisor({
      children: [lab.child("a"), lab.child("b", { stopTimeoutMs: 20 }), lab.child("c")],
    });
    await s.start();
    lab.holdStop("b");
    await s.stop();
    await lab.happened("+a +b +c -c -b xb -a");
    const ends = lab.events.filter((e) => e.type === "stopped" || e.type === "killed");
    expect(ends.map((e) => `${e.type} ${e.child}`)).toEqual(["stopped c", "killed b", "stopped a"]);
    expect(ends[1]?.error).toMatchObject({ name: "ChildTimeoutError" });
  });

  it("sup_stop_brutal_kill: kills without asking", async () => {
    const lab = new Lab();
    const s = lab.supervisor({
      children: [lab.child("a"), lab.child("b", { stopTimeoutMs: "brutal_kill" })],
    });
    await s.start();
    lab.crash("b");
    await lab.happened("+a +b xb +b");
    await until(() => states(s), ["a:running", "b:running"]);
    const { signal } = lab.context("b");
    await s.stop();
    expect(signal.aborted).toBe(true);
    await lab.happened("xb -a");
    // Nothing went wrong, unlike at a deadline.
    expect(lab.events.at(-2)).toEqual({ supervisor: "top", type: "killed", child: "b" });
  });

  it("goes on when a child's stop throws, or its kill", async () => {
    const lab = new Lab();
    const throws = () => {
      throw new Error("no");
    };
    const s = lab.supervisor({
      children: [
        lab.child("a"),
        { id: "b", start: () => ({ stop: throws }) },
        { id: "c", start: () => ({ kill: throws }), stopTimeoutMs: "brutal_kill" },
      ],
    });
    await s.start();
    await s.stop();
    await lab.happened("+a -a");
    expect(s.which().children[1]).toMatchObject({ state: "stopped", lastError: "no" });
  });

  it("tells a child by its signal", async () => {
    const lab = new Lab();
    const s = lab.supervisor({ children: [lab.child("a")] });
    await s.start();
    const first = lab.context("a").signal;
    lab.crash("a");
    await lab.happened("+a -a +a");
    expect(first.aborted).toBe(true);
    const second = lab.context("a").signal;
    expect(second.aborted).toBe(false);
    await s.stop();
    expect(second.aborted).toBe(true);
  });

  it("does not wait for a worker that is just starting", async () => {
    const lab = new Lab();
    const s = lab.supervisor({ strategy: "one_for_all", children: [lab.child("a"), { id: "b", ...NEVER }] });
    const starting = expect(s.start()).rejects.toMatchObject({ code: "not_running" });
    await lab.happened("+a");
    await s.stop();
    await starting;
    await lab.happened("-a");
  });

  it("waits for what a starting supervisor has started, and only then stops what is before it", async () => {
    const lab = new Lab();
    const below = Supervisor.child({ name: "below", children: [lab.child("b"), { id: "c", ...NEVER }] });
    const s = lab.supervisor({ children: [lab.child("a"), below] });
    const starting = expect(s.start()).rejects.toMatchObject({ code: "not_running" });
    await lab.happened("+a +b");
    const stopped = lab.holdStop("b");
    const stopping = s.stop();
    await lab.happened("-b");
    stopped.resolve();
    await stopping;
    await lab.happened("-a");
    await starting;
  });
});
