import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { ChildContext, ChildSpec } from "./child.ts";
import { EscalationError, type Strategy, Supervisor, type SupervisorOptions } from "./supervisor.ts";

/** Children that note what happens to them, and can be made to end. */
class Lab {
  readonly log: string[] = [];
  readonly contexts = new Map<string, ChildContext>();
  readonly failStart = new Map<string, number>();

  child(id: string, spec: Partial<ChildSpec> = {}): ChildSpec {
    return {
      id,
      start: (context) => {
        const failures = this.failStart.get(id) ?? 0;
        if (failures > 0) {
          this.failStart.set(id, failures - 1);
          this.log.push(`!${id}`);
          throw new Error(`${id} does not start`);
        }
        this.log.push(`+${id}`);
        this.contexts.set(id, context);
        return { stop: () => void this.log.push(`-${id}`) };
      },
      ...spec,
    };
  }

  crash(id: string): void {
    this.contexts.get(id)!.exited(new Error(`${id} crashed`));
  }

  /** What has happened since the last look. */
  take(): string {
    return this.log.splice(0).join(" ");
  }
}

function supervisor(options: Partial<SupervisorOptions>): Supervisor {
  return new Supervisor({ name: "top", backoff: () => 1, ...options });
}

const states = (s: Supervisor) => s.which().children.map((c) => `${c.id}:${c.state}`);
const settled = async (s: Supervisor, want: string[]) => expect.poll(() => states(s)).toEqual(want);

async function abc(
  lab: Lab,
  strategy: Strategy,
  options: Partial<SupervisorOptions> = {},
): Promise<Supervisor> {
  const s = supervisor({ strategy, children: ["a", "b", "c"].map((id) => lab.child(id)), ...options });
  await s.start();
  expect(lab.take()).toBe("+a +b +c");
  return s;
}

const ALL = ["a:running", "b:running", "c:running"];

describe("order", () => {
  it("is kept at the start and reversed at the stop", async () => {
    const lab = new Lab();
    const s = await abc(lab, "one_for_one");
    await s.stop();
    await s.stop();
    expect(lab.take()).toBe("-c -b -a");
    expect(await s.ended).toBeUndefined();
  });

  it("waits for each to be ready", async () => {
    const lab = new Lab();
    const slow: ChildSpec = {
      id: "slow",
      start: async () => {
        await sleep(20);
        lab.log.push("+slow");
        return {};
      },
    };
    const s = supervisor({ children: [slow, lab.child("b")] });
    await s.start();
    expect(lab.take()).toBe("+slow +b");
    await s.stop();
  });

  it("undoes what was started when one does not start", async () => {
    const lab = new Lab();
    lab.failStart.set("c", 1);
    const s = supervisor({ children: ["a", "b", "c", "d"].map((id) => lab.child(id)) });
    await expect(s.start()).rejects.toThrow("c does not start");
    expect(lab.take()).toBe("+a +b !c -b -a");
    expect(s.which().state).toBe("failed");
  });
});

describe("strategies", () => {
  it("one_for_one restarts the failed child alone", async () => {
    const lab = new Lab();
    const s = await abc(lab, "one_for_one");
    lab.crash("b");
    await expect.poll(() => lab.log.length).toBe(2);
    await settled(s, ALL);
    expect(lab.take()).toBe("-b +b");
    expect(s.which().children[1]).toMatchObject({ restarts: 1, lastError: "b crashed" });
    await s.stop();
    expect(lab.take()).toBe("-c -b -a");
  });

  it("one_for_all restarts every child", async () => {
    const lab = new Lab();
    const s = await abc(lab, "one_for_all");
    lab.crash("b");
    await expect.poll(() => lab.log.length).toBe(6);
    await settled(s, ALL);
    expect(lab.take()).toBe("-b -c -a +a +b +c");
    await s.stop();
  });

  it("rest_for_one restarts the failed child and those after it", async () => {
    const lab = new Lab();
    const s = await abc(lab, "rest_for_one");
    lab.crash("b");
    await expect.poll(() => lab.log.length).toBe(4);
    await settled(s, ALL);
    expect(lab.take()).toBe("-b -c +b +c");
    await s.stop();
  });

  it("count two that fail together as one where both are restarted anyway", async () => {
    const lab = new Lab();
    const s = await abc(lab, "one_for_all");
    lab.crash("a");
    lab.crash("c");
    await expect.poll(() => lab.log.length).toBeGreaterThanOrEqual(6);
    await sleep(20);
    await settled(s, ALL);
    expect(lab.take()).toBe("-a -c -b +a +b +c");
    await s.stop();
  });

  it("try again when the restart itself fails", async () => {
    const lab = new Lab();
    const s = await abc(lab, "rest_for_one");
    lab.failStart.set("c", 2);
    lab.crash("b");
    await expect.poll(() => lab.log.at(-1)).toBe("+c");
    await settled(s, ALL);
    expect(lab.take()).toBe("-b -c +b !c !c +c");
    await s.stop();
  });
});

describe("kinds of children", () => {
  it("transient ones come back after a failure, not when they are done", async () => {
    const lab = new Lab();
    const s = supervisor({ children: [lab.child("t", { restart: "transient" })] });
    await s.start();
    lab.crash("t");
    await expect.poll(() => lab.log).toEqual(["+t", "-t", "+t"]);
    await settled(s, ["t:running"]);
    lab.contexts.get("t")!.exited();
    await settled(s, ["t:finished"]);
    await sleep(10);
    expect(lab.take()).toBe("+t -t +t -t");
    await s.stop();
  });

  it("permanent ones come back when they are done, too", async () => {
    const lab = new Lab();
    const s = supervisor({ children: [lab.child("p")] });
    await s.start();
    lab.contexts.get("p")!.exited();
    await expect.poll(() => lab.log).toEqual(["+p", "-p", "+p"]);
    await s.stop();
  });

  it("temporary ones are never restarted, not even with their siblings", async () => {
    const lab = new Lab();
    const s = supervisor({
      strategy: "one_for_all",
      children: [lab.child("a"), lab.child("x", { restart: "temporary" }), lab.child("b")],
    });
    await s.start();
    lab.crash("a");
    await settled(s, ["a:running", "b:running"]);
    expect(lab.take()).toBe("+a +x +b -a -b -x +a +b");
    await s.stop();

    const own = supervisor({ children: [lab.child("y", { restart: "temporary" })] });
    await own.start();
    lab.crash("y");
    await settled(own, []);
    await own.stop();
  });

  it("may end before they are ready", async () => {
    let starts = 0;
    const hasty: ChildSpec = {
      id: "hasty",
      start: (context) => {
        if (++starts === 1) context.exited(new Error("early"));
        return {};
      },
    };
    const s = supervisor({ children: [hasty] });
    await s.start();
    await expect.poll(() => starts).toBe(2);
    await settled(s, ["hasty:running"]);
    await s.stop();
  });

  it("are told to stop by their signal", async () => {
    const lab = new Lab();
    const s = supervisor({ children: [lab.child("a")] });
    await s.start();
    const first = lab.contexts.get("a")!.signal;
    lab.crash("a");
    await expect.poll(() => lab.log.length).toBe(3);
    expect(first.aborted).toBe(true);
    expect(lab.contexts.get("a")!.signal.aborted).toBe(false);
    await s.stop();
    expect(lab.contexts.get("a")!.signal.aborted).toBe(true);
  });
});

describe("dynamic children", () => {
  it("come and go", async () => {
    const lab = new Lab();
    const s = supervisor({});
    await s.start();
    for (const id of ["x", "y", "z"]) await s.startChild(lab.child(id));
    await expect(s.startChild(lab.child("y"))).rejects.toThrow(/already/);
    expect(await s.stopChild("y")).toBe(true);
    expect(await s.stopChild("y")).toBe(false);
    lab.crash("x");
    await expect.poll(() => lab.log.length).toBe(6);
    expect(states(s)).toEqual(["x:running", "z:running"]);
    await s.stop();
    expect(lab.take()).toBe("+x +y +z -y -x +x -z -x");
    await expect(s.startChild(lab.child("late"))).rejects.toThrow(/stopped/);
  });

  it("that do not start leave nothing behind", async () => {
    const lab = new Lab();
    const s = supervisor({});
    await s.start();
    lab.failStart.set("x", 1);
    await expect(s.startChild(lab.child("x"))).rejects.toThrow("x does not start");
    await s.startChild(lab.child("x"));
    expect(states(s)).toEqual(["x:running"]);
    await s.stop();
  });

  it("do not wait for each other's restarts", async () => {
    const lab = new Lab();
    const s = supervisor({ backoff: () => 60_000 });
    await s.start();
    await s.startChild(lab.child("x"));
    await s.startChild(lab.child("y"));
    lab.crash("x");
    await settled(s, ["x:restarting", "y:running"]);
    await s.startChild(lab.child("z"));
    await s.stop();
    expect(lab.take()).toBe("+x +y -x +z -z -y");
  });
});

describe("too many failures", () => {
  it("stop all children and are reported", async () => {
    const lab = new Lab();
    const events: string[] = [];
    const s = await abc(lab, "one_for_one", {
      intensity: { max: 2, periodMs: 60_000 },
      onEvent: (e) => events.push(e.type),
    });
    for (let i = 0; i < 3; i++) {
      await expect.poll(() => s.which().children[1]?.state).toBe("running");
      lab.crash("b");
      await expect
        .poll(() => s.which().children[1]?.restarts === i + 1 || s.which().state === "failed")
        .toBe(true);
    }
    const error = await s.ended;
    expect(error).toBeInstanceOf(EscalationError);
    expect(error?.message).toContain("more than 2 restarts within 60000 ms, the last of b: b crashed");
    expect(lab.take()).toBe("-b +b -b +b -b -c -a");
    expect(s.which().state).toBe("failed");
    expect(events).toContain("escalated");
  });

  it("make the supervisor a failed child of the one above, which restarts the whole", async () => {
    const lab = new Lab();
    const below = {
      name: "below",
      intensity: { max: 0 },
      backoff: () => 1,
      children: [lab.child("x"), lab.child("y")],
    };
    const s = supervisor({ strategy: "rest_for_one", children: [Supervisor.child(below), lab.child("z")] });
    await s.start();
    lab.crash("x");
    await expect.poll(() => lab.log.join(" ")).toBe("+x +y +z -x -y -z +x +y +z");
    await expect
      .poll(() => s.which().children[0])
      .toMatchObject({ id: "below", restarts: 1, state: "running" });
    expect(s.which().children[0]?.detail).toMatchObject({ state: "running", name: "below" });
    await s.stop();
  });
});

describe("deadlines", () => {
  it("of a stop end in a kill, and the others are stopped all the same", async () => {
    const lab = new Lab();
    const stubborn: ChildSpec = {
      id: "stubborn",
      stopTimeoutMs: 30,
      start: () => ({ stop: () => new Promise<void>(() => {}), kill: () => void lab.log.push("kill") }),
    };
    const events: string[] = [];
    const s = supervisor({
      children: [lab.child("a"), stubborn, lab.child("c")],
      onEvent: (e) => events.push(`${e.type} ${e.child}`),
    });
    await s.start();
    await s.stop();
    expect(lab.take()).toBe("+a +c -c kill -a");
    expect(events).toContain("killed stubborn");
  });

  it("of a start fail it, and stop what gets ready too late", async () => {
    const lab = new Lab();
    const late: ChildSpec = {
      id: "late",
      startTimeoutMs: 20,
      start: () => sleep(60).then(() => ({ stop: () => void lab.log.push("-late") })),
    };
    const s = supervisor({ children: [lab.child("a"), late] });
    await expect(s.start()).rejects.toThrow("late was not ready within 20 ms");
    await expect.poll(() => lab.take()).toContain("-late");
  });

  it("are not waited for when a stop comes during a start or a wait", async () => {
    const lab = new Lab();
    const never: ChildSpec = { id: "never", start: () => new Promise(() => {}) };
    const s = supervisor({ strategy: "one_for_all", children: [lab.child("a"), never] });
    const starting = expect(s.start()).rejects.toThrow(/stopped while it started/);
    await expect.poll(() => lab.log.length).toBe(1);
    await s.stop();
    await starting;
    expect(lab.take()).toBe("+a -a");
  });
});
