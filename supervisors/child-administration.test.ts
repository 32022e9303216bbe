/** Children that are added, terminated, restarted, deleted, counted: by somebody, not by their own ends. */
import { describe, expect, it } from "vitest";
import { counts, Lab, states, until } from "./testing.ts";

const code = (code: string) => ({ name: "SupervisorError", code });

describe("administration", () => {
  it("child_adm: a child is added, terminated, restarted, deleted, each where it can be", async () => {
    const lab = new Lab();
    const a = lab.child("a");
    const s = lab.supervisor({ children: [a] });
    await expect(s.startChild(a)).rejects.toMatchObject(code("not_running"));
    await s.start();
    expect(counts(s)).toEqual([1, 1, 0, 1]);
    await expect(s.startChild(a)).rejects.toMatchObject(code("already_started"));
    await expect(s.restartChild("a")).rejects.toMatchObject(code("running"));
    await expect(s.deleteChild("a")).rejects.toMatchObject(code("running"));
    for (const unknown of [s.terminateChild("x"), s.restartChild("x"), s.deleteChild("x")]) {
      await expect(unknown).rejects.toMatchObject(code("not_found"));
    }

    await s.terminateChild("a");
    await s.terminateChild("a");
    expect(states(s)).toEqual(["a:stopped"]);
    expect(counts(s)).toEqual([1, 0, 0, 1]);
    await expect(s.startChild(a)).rejects.toMatchObject(code("already_present"));
    await s.restartChild("a");
    expect(counts(s)).toEqual([1, 1, 0, 1]);
    await lab.happened("+a -a +a");

    await s.terminateChild("a");
    await s.deleteChild("a");
    await expect(s.restartChild("a")).rejects.toMatchObject(code("not_found"));
    expect(counts(s)).toEqual([0, 0, 0, 0]);
    await s.startChild(a);
    expect(states(s)).toEqual(["a:running"]);
    await s.stop();
    await lab.happened("-a +a -a");
    await expect(s.startChild(lab.child("b"))).rejects.toMatchObject(code("not_running"));
    await expect(s.restartChild("a")).rejects.toMatchObject(code("not_running"));
  });

  it("extra_return: what a child hands over at its start reaches whoever started it", async () => {
    const lab = new Lab();
    const s = lab.supervisor({ children: [lab.child("a")] });
    await s.start();
    expect(s.info("a")).toBe("a1");
    await s.terminateChild("a");
    expect(s.info("a")).toBeUndefined();
    expect(await s.restartChild("a")).toEqual({ id: "a", runs: true, info: "a2" });
    expect(await s.startChild(lab.child("b"))).toEqual({ id: "b", runs: true, info: "b1" });
    lab.crash("b");
    await until(() => s.info("b"), "b2");
    expect(() => s.info("c")).toThrow(expect.objectContaining(code("not_found")));
    await s.stop();
  });

  it("a child that does not start is forgotten when it is new, and kept when it is not", async () => {
    const lab = new Lab();
    const s = lab.supervisor({ children: [lab.child("a")] });
    await s.start();
    lab.failStarts("b", 1);
    await expect(s.startChild(lab.child("b"))).rejects.toThrow("b does not start");
    expect(states(s)).toEqual(["a:running"]);
    await s.terminateChild("a");
    lab.failStarts("a", 1);
    await expect(s.restartChild("a")).rejects.toThrow("a does not start");
    expect(s.which().children[0]).toMatchObject({ id: "a", lastError: "a does not start" });
    await s.restartChild("a");
    await s.stop();
  });

  it("a child is terminated when it is, also by a supervisor that is being stopped", async () => {
    const lab = new Lab();
    const s = lab.supervisor({ children: [lab.child("a")] });
    await s.start();
    const stopped = lab.holdStop("a");
    const stopping = s.stop();
    await lab.happened("+a -a");
    let terminated = false;
    const terminating = s.terminateChild("a").then(() => {
      terminated = true;
    });
    await new Promise(setImmediate);
    expect(terminated).toBe(false);
    stopped.resolve();
    await Promise.all([stopping, terminating]);
  });

  it("a terminated child comes back with its siblings", async () => {
    const lab = new Lab();
    const s = lab.supervisor({ strategy: "one_for_all", children: [lab.child("a"), lab.child("b")] });
    await s.start();
    await s.terminateChild("a");
    lab.crash("b");
    await lab.happened("+a +b -a -b +a +b");
    await until(() => states(s), ["a:running", "b:running"]);
    for (const again of [s.restartChild("a"), s.deleteChild("a")]) {
      await expect(again).rejects.toMatchObject(code("running"));
    }
    await s.stop();
  });

  it("child_unlink: a child that no longer listens to anybody does not hang the supervisor", async () => {
    const lab = new Lab();
    const forever = { stopTimeoutMs: Number.POSITIVE_INFINITY };
    const s = lab.supervisor({
      children: [lab.child("naughty", { stopTimeoutMs: 20 }), lab.child("b", forever)],
    });
    await s.start();
    lab.holdStop("naughty");
    await s.terminateChild("naughty");
    const stopped = lab.holdStop("b");
    const terminating = s.terminateChild("b");
    await s.startChild(lab.child("c"));
    await s.terminateChild("c");
    expect(states(s)).toEqual(["naughty:stopped", "b:stopping", "c:stopped"]);
    stopped.resolve();
    await terminating;
    await s.stop();
    await lab.happened("+naughty +b -naughty xnaughty -b +c -c");
  });
});

describe("a restart that does not come to an end", () => {
  it("hanging_restart_loop: can be given up for its child, and does not keep the supervisor from stopping", async () => {
    const lab = new Lab();
    const a = lab.child("a");
    const s = lab.supervisor({ children: [a], intensity: { max: 1e6 } });
    await s.start();
    lab.failStarts("a");
    lab.crash("a");
    await until(() => lab.events.filter((e) => e.type === "failed").length > 2, true);
    await expect(s.startChild(a)).rejects.toMatchObject(code("already_present"));
    await expect(s.restartChild("a")).rejects.toMatchObject(code("restarting"));
    await expect(s.deleteChild("a")).rejects.toMatchObject(code("restarting"));
    expect(counts(s)).toEqual([1, 0, 0, 1]);

    await s.terminateChild("a");
    expect(states(s)).toEqual(["a:stopped"]);
    lab.failStarts("a", 0);
    expect(await s.restartChild("a")).toMatchObject({ runs: true });
    lab.failStarts("a");
    lab.crash("a");
    await until(() => s.which().children[0]?.lastError, "a does not start");
    await s.stop();
    expect(states(s)).toEqual(["a:stopped"]);
    expect(await s.ended).toBeUndefined();
  });

  it("is given up while it waits, and while a start hangs", async () => {
    const lab = new Lab();
    const s = lab.supervisor({ children: [lab.child("a")], backoff: () => 3_600_000 });
    await s.start();
    lab.crash("a");
    await until(() => states(s), ["a:restarting"]);
    await s.terminateChild("a");
    await lab.happened("+a -a");
    await s.deleteChild("a");
    await s.stop();

    const hanging = lab.supervisor({ children: [lab.child("b")] });
    await hanging.start();
    const ready = lab.holdStart("b");
    lab.crash("b");
    await lab.happened("+b -b +b");
    await hanging.terminateChild("b");
    expect(states(hanging)).toEqual(["b:stopped"]);
    ready.resolve();
    await lab.happened("-b");
    await hanging.stop();
  });

  it("does not hold up the siblings where they do not concern each other", async () => {
    const lab = new Lab();
    const s = lab.supervisor({ children: [lab.child("a"), lab.child("b")], backoff: () => 3_600_000 });
    await s.start();
    lab.crash("a");
    await until(() => states(s), ["a:restarting", "b:running"]);
    await s.startChild(lab.child("c"));
    await s.terminateChild("b");
    await s.stop();
    await lab.happened("+a +b -a +c -b -c");
  });

  it("goes on for the siblings when one of them is terminated", async () => {
    const lab = new Lab();
    const children = ["a", "b", "c"].map((id) => lab.child(id));
    const s = lab.supervisor({ strategy: "one_for_all", intensity: { max: 1e6 }, children });
    await s.start();
    await lab.happened("+a +b +c");
    lab.holdStart("b");
    lab.crash("a");
    await lab.happened("-a -c -b +a +b");
    await s.terminateChild("b");
    await until(() => states(s), ["a:running", "b:stopped", "c:running"]);
    await lab.happened("+c");
    await s.stop();
  });

  it("leaves those alone that were terminated, however often it is tried", async () => {
    const lab = new Lab();
    const children = ["a", "b", "c"].map((id) => lab.child(id));
    const s = lab.supervisor({ strategy: "one_for_all", intensity: { max: 1e6 }, children });
    await s.start();
    lab.holdStart("b");
    lab.failStarts("c", 2);
    lab.crash("a");
    await lab.happened("+a +b +c -a -c -b +a +b");
    await s.terminateChild("b");
    await lab.happened("!c -a +a !c -a +a +c");
    await until(() => states(s), ["a:running", "b:stopped", "c:running"]);
    await s.stop();
  });

  it("does not begin, and does not count, for a child that is terminated before", async () => {
    const lab = new Lab();
    const s = lab.supervisor({ intensity: { max: 0 }, children: [lab.child("a")] });
    await s.start();
    const released = lab.holdStop("a");
    lab.crash("a");
    await lab.happened("+a -a");
    const terminating = s.terminateChild("a");
    released.resolve();
    await terminating;
    expect(s.which()).toMatchObject({ state: "running", children: [{ state: "stopped", restarts: 0 }] });
    await s.stop();
    expect(await s.ended).toBeUndefined();
  });
});
