/** Limits and specs of a supervisor that runs are changed. */
import { describe, expect, it } from "vitest";
import { EscalationError } from "./errors.ts";
import { Lab, states, until } from "./testing.ts";

describe("a change", () => {
  it("code_change: adds children without starting them, keeps those it does not name, and changes limits", async () => {
    const lab = new Lab();
    const [a, b, c] = ["a", "b", "c"].map((id) => lab.child(id));
    const s = lab.supervisor({ intensity: { max: 0, periodMs: 3_600_000 } });
    expect(() => s.change({})).toThrow(expect.objectContaining({ code: "not_running" }));
    await s.start();
    s.change({ children: [a!, b!] });
    expect(states(s)).toEqual(["a:idle", "b:idle"]);
    await s.restartChild("a");
    await s.restartChild("b");
    await lab.happened("+a +b");

    s.change({ children: [a!, c!] });
    expect(states(s)).toEqual(["a:running", "c:idle", "b:running"]);
    s.change({});
    expect(states(s)).toEqual(["a:running", "c:idle", "b:running"]);

    s.change({ intensity: { max: 1 } });
    lab.crash("b");
    await lab.happened("-b +b");
    await until(() => states(s), ["a:running", "c:idle", "b:running"]);
    // That restart counts for the limits that follow, too.
    s.change({ intensity: { max: 2 } });
    lab.crash("b");
    await lab.happened("-b +b");
    await until(() => states(s), ["a:running", "c:idle", "b:running"]);
    lab.crash("b");
    await lab.happened("-b -a");
    expect(await s.ended).toBeInstanceOf(EscalationError);
  });

  it("code_change_map: of a spec holds for the child that runs, and its new start from the next one on", async () => {
    const lab = new Lab();
    const s = lab.supervisor({ children: [lab.child("a"), lab.child("b")] });
    await s.start();
    await lab.happened("+a +b");
    const a = lab.child("a", { restart: "transient", stopTimeoutMs: "brutal_kill" });
    s.change({
      children: [{ ...a, start: (context) => lab.child("new").start(context) }],
    });
    expect(s.childSpec("a")).toMatchObject({ restart: "transient", stopTimeoutMs: "brutal_kill" });
    expect(states(s)).toEqual(["a:running", "b:running"]);
    await s.terminateChild("a");
    await s.restartChild("a");
    await lab.happened("xa +new");
    lab.end("new");
    await until(() => states(s), ["a:finished", "b:running"]);
    await lab.happened("xnew");
    await s.stop();
  });

  it("that is refused changes nothing", async () => {
    const lab = new Lab();
    const s = lab.supervisor({ intensity: { max: 0 }, children: [lab.child("a")] });
    await s.start();
    const children = [lab.child("b"), lab.child("a", { restart: "transient" })];
    const faulty = [
      { intensity: { max: 9 }, children: [...children, { id: "c" } as any] },
      { intensity: { max: 9 }, children: [...children, lab.child("b")] },
      { intensity: { max: 9 }, children: "faulty" as any },
      { intensity: { max: -1 }, children },
      { intensity: { max: 9, periodMs: 0 }, children },
    ];
    for (const change of faulty) {
      expect(() => s.change(change)).toThrow();
      expect(states(s)).toEqual(["a:running"]);
      expect(s.childSpec("a").restart).toBe("permanent");
    }
    lab.crash("a");
    expect(await s.ended).toBeInstanceOf(EscalationError);
  });
});

describe("a change of a template", () => {
  it("code_change_simple: goes for the children that run, too, with what they were started with", async () => {
    const lab = new Lab();
    const s = lab.dynamic({ intensity: { max: 0, periodMs: 3_600_000 } });
    await s.start();
    await s.startChild("a");
    await s.startChild("b");
    const start = lab.template().start;
    s.change({
      intensity: { max: 1 },
      template: {
        restart: "transient",
        stopTimeoutMs: "brutal_kill",
        start: (context, name) => start(context, `${name}-new`),
      },
    });
    expect(states(s)).toEqual(["1:running", "2:running"]);
    expect(s.childSpec("1")).toMatchObject({ restart: "transient", stopTimeoutMs: "brutal_kill" });
    lab.crash("a");
    await lab.happened("+a +b xa +a-new");
    lab.end("b");
    await until(() => states(s), ["1:running"]);
    await s.startChild("c");
    await lab.happened("xb +c-new");
    await s.stop();
    await lab.happened("xc-new xa-new");
  });

  it("code_change_simple_map: there is always one, and it is not a list of children", async () => {
    const lab = new Lab();
    const s = lab.dynamic();
    await s.start();
    await s.startChild("a");
    for (const template of [[], [lab.template(), lab.template()], {}] as any[]) {
      expect(() => s.change({ template })).toThrow("it needs a start");
    }
    s.change({ template: undefined });
    s.change({ children: [lab.child("x"), lab.child("y")] } as any);
    expect(states(s)).toEqual(["1:running"]);
    await s.startChild("b");
    await s.stop();
    await lab.happened("+a +b -b -a");
  });

  it("does not bring temporary children back: what they were started with is gone", async () => {
    const lab = new Lab();
    const s = lab.dynamic({ template: lab.template({ restart: "temporary" }) });
    await s.start();
    await s.startChild("a");
    s.change({ template: lab.template({ restart: "permanent" }) });
    await s.startChild("b");
    lab.crash("a");
    await until(() => states(s), ["2:running"]);
    lab.crash("b");
    await lab.happened("+a +b -a -b +b");
    await s.stop();
  });
});
