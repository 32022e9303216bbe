/** What can be supervised, and what is refused. The casts stand for values that no compiler has seen. */
import { describe, expect, it } from "vitest";
import { DynamicSupervisor } from "./dynamic-supervisor.ts";
import { Supervisor } from "./supervisor.ts";
import { Lab } from "./testing.ts";

const start = () => ({});
const refused = (code: string) => expect.objectContaining({ name: "SupervisorError", code });
const make = (...children: any[]) => new Supervisor({ name: "top", children });

describe("a spec", () => {
  it("sup_start_map: needs an id and a start, the rest has defaults that can be read", async () => {
    const s = make(
      { id: "a", start },
      { id: "b", start, stopTimeoutMs: "brutal_kill", restart: "transient", startTimeoutMs: 5 },
      { id: "c", start, type: "supervisor" },
      Supervisor.child({ name: "d" }, { restart: "temporary" }),
    );
    await s.start();
    const never = Number.POSITIVE_INFINITY;
    const worker = { type: "worker", restart: "permanent", startTimeoutMs: 60_000, stopTimeoutMs: 10_000 };
    const supervisor = { ...worker, type: "supervisor", startTimeoutMs: never, stopTimeoutMs: never };
    expect(s.childSpec("a")).toEqual({ ...worker, id: "a" });
    expect(s.childSpec("b")).toEqual({
      id: "b",
      type: "worker",
      restart: "transient",
      startTimeoutMs: 5,
      stopTimeoutMs: "brutal_kill",
    });
    expect(s.childSpec("c")).toEqual({ ...supervisor, id: "c" });
    expect(s.childSpec("d")).toEqual({ ...supervisor, id: "d", restart: "temporary" });
    expect(() => s.childSpec("e")).toThrow(refused("not_found"));
    await s.stop();
  });

  it("sup_start_map_faulty_specs: lacks something, or has too much", async () => {
    expect(() => make({ start })).toThrow("it needs an id");
    expect(() => make({ id: "a" })).toThrow('child "a": it needs a start');
    for (const faulty of [{ start }, { id: "", start }, { id: "a" }, "a", undefined]) {
      expect(() => make(faulty)).toThrow(refused("invalid_spec"));
    }
    const s = make({ id: "a", start, silly: true });
    await s.start();
    expect(s.childSpec("a")).not.toHaveProperty("silly");
    await s.stop();
  });

  it("child_specs: with impossible values is refused wherever it comes from, and leaves nothing behind", async () => {
    const good = { id: "good", start };
    const faulty: any[] = [
      { id: "a", start: "m:f" },
      { id: "a", start, restart: "prmanent" },
      { id: "a", start, type: "wrker" },
      { id: "a", start, stopTimeoutMs: -10 },
      { id: "a", start, stopTimeoutMs: Number.NaN },
      { id: "a", start, stopTimeoutMs: "kill" },
      { id: "a", start, startTimeoutMs: 0 },
    ];
    const s = make();
    await s.start();
    for (const spec of faulty) {
      await expect(async () => s.startChild(spec)).rejects.toThrow(refused("invalid_spec"));
      expect(() => s.change({ children: [good, spec] })).toThrow(refused("invalid_spec"));
      expect(() => make(good, spec)).toThrow(refused("invalid_spec"));
      const template = { ...spec, id: undefined };
      expect(() => new DynamicSupervisor({ name: "top", template })).toThrow(refused("invalid_spec"));
    }
    expect(() => make(good, good)).toThrow("two children have the same id");
    expect(() => new DynamicSupervisor({ name: "top" } as any)).toThrow(refused("invalid_spec"));
    expect(s.which().children).toEqual([]);
    await s.stop();
  });
});

describe("a supervisor", () => {
  it("sup_flags: needs a strategy that there is, and a possible intensity", async () => {
    for (const strategy of ["none_for_one", "simple_one_for_one"] as any[]) {
      expect(() => new Supervisor({ name: "top", strategy })).toThrow(refused("invalid_options"));
    }
    for (const max of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, "2" as any]) {
      expect(() => new Supervisor({ name: "top", intensity: { max } })).toThrow(RangeError);
    }
    for (const periodMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, "2" as any]) {
      expect(() => new Supervisor({ name: "top", intensity: { periodMs } })).toThrow(RangeError);
      const dynamic = { name: "top", intensity: { periodMs }, template: new Lab().template() };
      expect(() => new DynamicSupervisor(dynamic)).toThrow(RangeError);
    }
    const silly = new Supervisor({ name: "top", silly: true } as any);
    await silly.start();
    await silly.stop();
  });
});
