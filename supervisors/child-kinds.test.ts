/** What a supervisor does when a child ends: by itself, because it was told to, or by a failure. */
import { describe, expect, it } from "vitest";
import type { RestartType } from "./child-spec.ts";
import { ShutdownError } from "./errors.ts";
import type { Supervisor } from "./supervisor.ts";
import { counts, Lab, states, until } from "./testing.ts";

const SHUTDOWN = new ShutdownError("told to");
const FAILURE = new Error("broken");

async function one(restart: RestartType): Promise<{ lab: Lab; s: Supervisor }> {
  const lab = new Lab();
  const s = lab.supervisor({ intensity: { max: 2, periodMs: 3_600_000 } });
  await s.start();
  await s.startChild(lab.child("a", { restart }));
  await lab.happened("+a");
  return { lab, s };
}

async function comesBack(restart: RestartType, error?: Error): Promise<void> {
  const { lab, s } = await one(restart);
  lab.end("a", error);
  await lab.happened("-a +a");
  await until(() => states(s), ["a:running"]);
  expect(counts(s)).toEqual([1, 1, 0, 1]);
  await s.stop();
  await lab.happened("-a");
}

async function staysDown(error?: Error): Promise<void> {
  const { lab, s } = await one("transient");
  lab.end("a", error);
  await until(() => states(s), ["a:finished"]);
  expect(counts(s)).toEqual([1, 0, 0, 1]);
  expect(await s.restartChild("a")).toMatchObject({ runs: true });
  lab.end("a", error);
  await until(() => states(s), ["a:finished"]);
  await s.stop();
  await lab.happened("-a +a -a");
  expect(lab.events.map((e) => e.type)).not.toContain("failed");
}

async function isForgotten(error?: Error): Promise<void> {
  const { lab, s } = await one("temporary");
  lab.end("a", error);
  await until(() => states(s), []);
  expect(counts(s)).toEqual([0, 0, 0, 0]);
  await s.stop();
  await lab.happened("-a");
}

describe("a permanent child", () => {
  it("permanent_normal: comes back when it is done", () => comesBack("permanent"));
  it("permanent_shutdown: comes back when it was told to end", () => comesBack("permanent", SHUTDOWN));
  it("permanent_abnormal: comes back after a failure", () => comesBack("permanent", FAILURE));
});

describe("a transient child", () => {
  it("transient_normal: stays down when it is done", () => staysDown());
  it("transient_shutdown: stays down when it was told to end", () => staysDown(SHUTDOWN));
  it("transient_abnormal: comes back after a failure", () => comesBack("transient", FAILURE));
});

describe("a temporary child", () => {
  it("temporary_normal: is forgotten when it is done", () => isForgotten());
  it("temporary_shutdown: is forgotten when it was told to end", () => isForgotten(SHUTDOWN));
  it("temporary_abnormal: is forgotten after a failure", () => isForgotten(FAILURE));

  it("temporary_bystander: is stopped with its siblings and does not come back with them", async () => {
    for (const strategy of ["one_for_all", "rest_for_one"] as const) {
      const lab = new Lab();
      const s = lab.supervisor({
        strategy,
        intensity: { max: 1 },
        children: [lab.child("a"), lab.child("x", { restart: "temporary" }), lab.child("b")],
      });
      await s.start();
      lab.crash("a");
      await lab.happened(`+a +x +b -a -b -x +a +b`);
      await until(() => states(s), ["a:running", "b:running"]);
      await s.stop();
      await lab.happened("-b -a");
      expect(await s.ended).toBeUndefined();
    }
  });

  it("do_not_save_child_specs_for_temporary_children: leaves its id free, however it ends", async () => {
    const ways = {
      failure: (lab: Lab) => lab.crash("a"),
      done: (lab: Lab) => lab.end("a"),
      terminated: (_: Lab, s: Supervisor) => s.terminateChild("a"),
    };
    /** What the others are afterwards. */
    const kept = {
      failure: { permanent: "a:running", transient: "a:running" },
      done: { permanent: "a:running", transient: "a:finished" },
      terminated: { permanent: "a:stopped", transient: "a:stopped" },
    };
    for (const strategy of ["one_for_one", "one_for_all", "rest_for_one"] as const) {
      for (const way of ["failure", "done", "terminated"] as const) {
        for (const restart of ["permanent", "transient", "temporary"] as const) {
          const lab = new Lab();
          const s = lab.supervisor({ strategy });
          await s.start();
          const spec = lab.child("a", { restart });
          await s.startChild(spec);
          await lab.happened("+a");
          await ways[way](lab, s);
          const state = restart === "temporary" ? undefined : kept[way][restart];
          await lab.happened(state === "a:running" ? "-a +a" : "-a");
          await until(() => states(s), state ? [state] : []);
          const again = s.startChild(spec);
          if (!state) expect(await again).toMatchObject({ runs: true });
          else {
            const code = state === "a:running" ? "already_started" : "already_present";
            await expect(again).rejects.toMatchObject({ code });
          }
          await s.stop();
        }
      }
    }
  });
});
