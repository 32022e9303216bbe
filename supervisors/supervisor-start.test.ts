import { describe, expect, it } from "vitest";
import type { ChildSpec, RestartType } from "./child-spec.ts";
import { Supervisor } from "./supervisor.ts";
import { counts, Lab, states, until } from "./testing.ts";

describe("a start", () => {
  it("sup_start_normal: a supervisor without children runs until it is stopped", async () => {
    const s = new Lab().supervisor();
    expect(await s.start()).toBeUndefined();
    expect(s.which()).toEqual({ name: "top", strategy: "one_for_one", state: "running", children: [] });
    await expect(s.start()).rejects.toMatchObject({ code: "already_started" });
    await s.stop();
    await s.stop();
    expect(await s.ended).toBeUndefined();
    expect(s.which().state).toBe("stopped");
  });

  it("goes in order, each child when the one before it is ready", async () => {
    const lab = new Lab();
    const ready = lab.holdStart("a");
    const s = lab.supervisor({ children: [lab.child("a"), lab.child("b")] });
    const starting = s.start();
    await lab.happened("+a");
    expect(states(s)).toEqual(["a:starting", "b:idle"]);
    ready.resolve();
    await starting;
    await lab.happened("+b");
    await s.stop();
    await lab.happened("-b -a");
  });

  it("that fails undoes what was started", async () => {
    const lab = new Lab();
    lab.failStarts("c", 1);
    const s = lab.supervisor({ children: ["a", "b", "c", "d"].map((id) => lab.child(id)) });
    await expect(s.start()).rejects.toThrow("c does not start");
    await lab.happened("+a +b !c -b -a");
    expect(s.which().state).toBe("failed");
    expect(await s.ended).toMatchObject({ message: "c does not start" });
  });

  it("sup_start_fail: what keeps a supervisor from knowing its children fails its start", async () => {
    const broken = () => {
      throw new Error("no list of systems");
    };
    const lab = new Lab();
    const s = lab.supervisor({ children: broken });
    await expect(s.start()).rejects.toThrow("no list of systems");
    expect(s.which().state).toBe("failed");
    const above = lab.supervisor({
      children: [lab.child("a"), Supervisor.child({ name: "b", children: broken })],
    });
    await expect(above.start()).rejects.toThrow("no list of systems");
    await lab.happened("+a -a");
  });

  it("sup_start_error_return: a supervisor told anything but a list of children does not start", async () => {
    const s = new Lab().supervisor({ children: () => "invalid" as any });
    await expect(s.start()).rejects.toMatchObject({ name: "SupervisorError", code: "invalid_spec" });
    expect(await s.ended).toMatchObject({ code: "invalid_spec" });
  });

  it("faulty_application_shutdown: the error of a child deep below reaches whoever starts the tree", async () => {
    const lab = new Lab();
    const fault = new TypeError("undefined function");
    const faulty: ChildSpec = { id: "faulty", start: () => Promise.reject(fault) };
    const s = lab.supervisor({
      children: [
        lab.child("a"),
        Supervisor.child({
          name: "middle",
          children: [lab.child("b"), Supervisor.child({ name: "low", children: [faulty] })],
        }),
      ],
    });
    expect(await s.start().catch((error) => error)).toBe(fault);
    expect(await s.ended).toBe(fault);
    await lab.happened("+a +b -b -a");
  });

  it("of a child that ends before it is ready is a start and an end", async () => {
    let starts = 0;
    const hasty: ChildSpec = {
      id: "hasty",
      start: (context) => {
        if (++starts === 1) context.exited(new Error("early"));
        return {};
      },
    };
    const s = new Lab().supervisor({ children: [hasty] });
    await s.start();
    await until(() => starts, 2);
    await until(() => states(s), ["hasty:running"]);
    await s.stop();
  });

  it("takes no longer than its deadline, and what gets ready too late is stopped", async () => {
    const lab = new Lab();
    const ready = lab.holdStart("late");
    const s = lab.supervisor({ children: [lab.child("a"), lab.child("late", { startTimeoutMs: 20 })] });
    await expect(s.start()).rejects.toThrow("late was not ready within 20 ms");
    await lab.happened("+a +late -a");
    ready.resolve();
    await lab.happened("-late");
  });
});

describe("a start that says ignore", () => {
  it("sup_start_ignore_init: a supervisor with nothing to supervise is ignored, and its siblings run", async () => {
    const lab = new Lab();
    const alone = lab.supervisor({ children: () => "ignore" });
    expect(await alone.start()).toBe("ignore");
    expect(await alone.ended).toBeUndefined();
    const below = Supervisor.child({ name: "below", children: () => "ignore" });
    const s = lab.supervisor({ children: [below, lab.child("a")] });
    await s.start();
    expect(states(s)).toEqual(["below:ignored", "a:running"]);
    expect(counts(s)).toEqual([2, 1, 1, 1]);
    await s.stop();
    await lab.happened("+a -a");
  });

  it("sup_start_ignore_child: a child that is ignored stays known and can be started later", async () => {
    const lab = new Lab();
    lab.ignoreStarts("a");
    const s = lab.supervisor();
    await s.start();
    expect(await s.startChild(lab.child("a"))).toEqual({ id: "a", runs: false });
    expect(await s.startChild(lab.child("b"))).toEqual({ id: "b", runs: true, info: "b1" });
    expect(states(s)).toEqual(["a:ignored", "b:running"]);
    expect(counts(s)).toEqual([2, 1, 0, 2]);
    expect(lab.events.map((e) => `${e.type} ${e.child}`)).toEqual(["ignored a", "started b"]);
    lab.ignoreStarts("a", false);
    expect(await s.restartChild("a")).toEqual({ id: "a", runs: true, info: "a1" });
    await s.stop();
    await lab.happened("?a +b +a -b -a");
  });

  it("sup_start_ignore_temporary_child: a temporary child that is ignored is forgotten", async () => {
    const lab = new Lab();
    lab.ignoreStarts("a");
    const temporary = { restart: "temporary" } as const;
    const s = lab.supervisor({ children: [lab.child("a", temporary), lab.child("b", temporary)] });
    await s.start();
    expect(states(s)).toEqual(["b:running"]);
    expect(counts(s)).toEqual([1, 1, 0, 1]);
    await s.stop();
  });

  it("sup_start_ignore_temporary_child_start_child: so is one that was added", async () => {
    const lab = new Lab();
    lab.ignoreStarts("a");
    const s = lab.supervisor();
    await s.start();
    expect(await s.startChild(lab.child("a", { restart: "temporary" }))).toEqual({ id: "a", runs: false });
    await s.startChild(lab.child("b", { restart: "temporary" }));
    expect(states(s)).toEqual(["b:running"]);
    expect(counts(s)).toEqual([1, 1, 0, 1]);
    await s.stop();
  });

  it("sup_start_ignore_temporary_child_start_child_simple: so is one of a template", async () => {
    await forgetsIgnored("temporary");
  });

  it("sup_start_ignore_permanent_child_start_child_simple: of a template even a permanent one", async () => {
    await forgetsIgnored("permanent");
  });

  async function forgetsIgnored(restart: RestartType): Promise<void> {
    const lab = new Lab();
    lab.ignoreStarts("a");
    const s = lab.dynamic({ template: lab.template({ restart }) });
    await s.start();
    expect(await s.startChild("a")).toMatchObject({ runs: false });
    const { id } = await s.startChild("b");
    expect(states(s)).toEqual([`${id}:running`]);
    expect(counts(s)).toEqual([1, 1, 0, 1]);
    await s.stop();
    expect(await s.ended).toBeUndefined();
    await lab.happened("?a +b -b");
  }
});
