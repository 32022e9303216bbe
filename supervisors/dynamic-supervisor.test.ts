import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import type { RestartType } from "./child-spec.ts";
import { DynamicSupervisor } from "./dynamic-supervisor.ts";
import { EscalationError } from "./errors.ts";
import { Supervisor } from "./supervisor.ts";
import { counts, Lab, states, until } from "./testing.ts";

const LIMIT = { max: 2, periodMs: 3_600_000 };

async function two(lab: Lab): Promise<DynamicSupervisor<string>> {
  const s = lab.dynamic({ intensity: LIMIT });
  await s.start();
  expect(await s.startChild("a")).toEqual({ id: "1", runs: true, info: "a1" });
  expect(await s.startChild("b")).toEqual({ id: "2", runs: true, info: "b1" });
  await lab.happened("+a +b");
  return s;
}

describe("children of a template", () => {
  it("child_adm_simple: come and go, and are told apart by the ids they are given", async () => {
    const lab = new Lab();
    const s = lab.dynamic();
    await expect(s.startChild("a")).rejects.toMatchObject({ code: "not_running" });
    await s.start();
    expect(counts(s)).toEqual([1, 0, 0, 0]);
    const a = await s.startChild("a");
    const b = await s.startChild("b");
    expect(counts(s)).toEqual([1, 2, 0, 2]);
    await s.terminateChild(a.id);
    await s.terminateChild(a.id);
    expect(states(s)).toEqual([`${b.id}:running`]);
    expect(counts(s)).toEqual([1, 1, 0, 1]);
    for (const id of ["0", "99", "a", ""]) {
      await expect(s.terminateChild(id)).rejects.toMatchObject({ code: "not_found" });
    }
    // What has ended for good is forgotten, so there is nothing that could be restarted or deleted.
    expect("restartChild" in s || "deleteChild" in s).toBe(false);
    const c = await s.startChild("c");
    expect([a.id, b.id]).not.toContain(c.id);
    lab.failStarts("d", 1);
    await expect(s.startChild("d")).rejects.toThrow("d does not start");
    expect(counts(s)).toEqual([1, 2, 0, 2]);
    await s.stop();
  });

  it("simple_one_for_one: are restarted each for itself, as it was started", async () => {
    const lab = new Lab();
    const s = await two(lab);
    lab.crash("a");
    await lab.happened("-a +a");
    await until(() => states(s), ["1:running", "2:running"]);
    expect(counts(s)).toEqual([1, 2, 0, 2]);
    lab.crash("b");
    await lab.happened("-b +b");
    await until(() => states(s), ["1:running", "2:running"]);
    lab.crash("b");
    expect(await s.ended).toBeInstanceOf(EscalationError);
    await lab.happened("-b -a");
  });

  it("simple_one_for_one_escalation: give up together when one does not start again", async () => {
    const lab = new Lab();
    const s = await two(lab);
    lab.failStarts("a");
    lab.crash("a");
    expect(await s.ended).toMatchObject({ name: "EscalationError", cause: { message: "a does not start" } });
    await lab.happened("-a !a !a -b");
  });

  it("simple_one_for_one_extra: hand over something anew at each restart", async () => {
    const lab = new Lab();
    const s = await two(lab);
    lab.crash("a");
    await until(() => s.info("1"), "a2");
    expect(s.info("2")).toBe("b1");
    lab.crash("b");
    await until(() => s.info("2"), "b2");
    await s.stop();
    expect(s.info("1")).toBeUndefined();
  });

  it("simple_one_for_one_shutdown: are stopped at the same time, each by its deadline", async () => {
    const lab = new Lab();
    const s = lab.dynamic({ template: lab.template({ stopTimeoutMs: 20 }) });
    await s.start();
    for (const name of ["a", "b", "c"]) await s.startChild(name);
    lab.holdStop("c");
    await s.stop();
    // One after the other, b would be asked when c has had its time.
    await lab.happened("+a +b +c -c -b -a xc");
    expect(lab.events.map((e) => `${e.type} ${e.child}`).slice(-3)).toEqual([
      "stopped 2",
      "stopped 1",
      "killed 3",
    ]);
  });

  it("are forgotten when they are done, also those that a failure would bring back", async () => {
    const lab = new Lab();
    const s = lab.dynamic({ template: lab.template({ restart: "transient" }) });
    await s.start();
    await s.startChild("a");
    lab.crash("a");
    await lab.happened("+a -a +a");
    await until(() => states(s), ["1:running"]);
    lab.end("a");
    await until(() => states(s), []);
    await s.terminateChild("1");
    await s.stop();
    await lab.happened("-a");
  });

  it("count_children: are counted, however many there are", async () => {
    const lab = new Lab();
    const s = lab.dynamic({ template: lab.template({ restart: "temporary" }) });
    await s.start();
    const start = async (from: number) => {
      for (let n = from; n < from + 1_000; n++) await s.startChild(`${n}`);
    };
    await start(0);
    expect(counts(s)).toEqual([1, 1_000, 0, 1_000]);
    await start(1_000);
    expect(counts(s)).toEqual([1, 2_000, 0, 2_000]);
    expect(s.which().children).toHaveLength(2_000);
    for (let n = 0; n < 2_000; n++) lab.crash(`${n}`);
    await until(() => counts(s), [1, 0, 0, 0]);
    await s.stop();
  });

  it("hanging_restart_loop_simple: can be terminated while they are restarted, and with their supervisor", async () => {
    const lab = new Lab();
    const s = lab.dynamic({ intensity: { max: 1e6 } });
    await s.start();
    const { id } = await s.startChild("a");
    lab.failStarts("a");
    lab.crash("a");
    await until(() => s.which().children[0]?.lastError, "a does not start");
    expect(counts(s)).toEqual([1, 0, 0, 1]);
    await s.terminateChild(id);
    expect(states(s)).toEqual([]);

    lab.failStarts("a", 0);
    await s.startChild("a");
    lab.failStarts("a");
    lab.crash("a");
    await until(() => s.which().children[0]?.lastError, "a does not start");
    await s.stop();
    expect(await s.ended).toBeUndefined();
  });
});

describe("very many children", () => {
  // Tried again, as other work on the machine may slow down the second measurement alone.
  it("simple_one_for_one_scale_many_temporary_children: cost each what few cost", { retry: 2 }, async () => {
    const s = new DynamicSupervisor<number>({
      name: "many",
      template: { restart: "temporary", start: () => ({}) },
    });
    await s.start();
    /** Ms to start and terminate so many, the last one first. */
    const time = async (many: number) => {
      const started = performance.now();
      const ids: string[] = [];
      for (let n = 0; n < many; n++) ids.push((await s.startChild(n)).id);
      for (const id of ids.reverse()) await s.terminateChild(id);
      expect(counts(s)).toEqual([1, 0, 0, 0]);
      return performance.now() - started;
    };
    await time(2_000);
    const few = await time(2_000);
    const many = await time(40_000);
    await s.stop();
    // 20 times as many: about 20 times as long, or more than 100 times where each is looked for among all.
    expect(many / few).toBeLessThan(60);
  });
});

describe("temporary children", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;

  /** What is left of the arguments of children that run. */
  async function kept(restart: RestartType, start: (restart: RestartType, big: object) => Promise<unknown>) {
    const refs: WeakRef<object>[] = [];
    const running = [];
    for (let n = 0; n < 5; n++) {
      const big = { text: "large".repeat(1_000) };
      refs.push(new WeakRef(big));
      running.push(await start(restart, big));
    }
    return { running, left: () => refs.filter((ref) => ref.deref()).length };
  }

  it("do_not_save_start_parameters_for_temporary_children: are not known by what they were started with", async () => {
    const strategies = {
      static: async (restart: RestartType, big: object) => {
        const s = new Supervisor({ name: "s" });
        await s.start();
        await s.startChild({ id: "a", restart, start: () => ({ info: Object.keys(big).length }) });
        return s;
      },
      dynamic: async (restart: RestartType, big: object) => {
        const template = {
          restart,
          start: (_: unknown, what: object) => ({ info: Object.keys(what).length }),
        };
        const s = new DynamicSupervisor<object>({ name: "s", template });
        await s.start();
        await s.startChild(big);
        return s;
      },
    };
    for (const start of Object.values(strategies)) {
      const permanent = await kept("permanent", start);
      const temporary = await kept("temporary", start);
      await until(() => {
        collect();
        return temporary.left();
      }, 0);
      expect(permanent.left()).toBe(5);
      expect(temporary.running.map((s) => counts(s as Supervisor)[1])).toEqual([1, 1, 1, 1, 1]);
      for (const s of [...permanent.running, ...temporary.running]) await (s as Supervisor).stop();
    }
  });
});
