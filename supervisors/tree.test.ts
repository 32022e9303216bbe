import { expect, it } from "vitest";
import { DynamicSupervisor } from "./dynamic-supervisor.ts";
import { Supervisor } from "./supervisor.ts";
import { counts, Lab, states, until } from "./testing.ts";

it("tree: a supervisor below that gives up is restarted by the one above, without what was added to it", async () => {
  const lab = new Lab();
  const intensity = { max: 1, periodMs: 3_600_000 };
  const fixed = lab.options({ name: "fixed", intensity, children: [lab.child("a"), lab.child("b")] });
  const added = lab.options({ name: "added", intensity });
  const top = lab.supervisor({ strategy: "one_for_all", intensity });
  await top.start();
  const { info: one } = await top.startChild(Supervisor.child(fixed));
  const { info: two } = await top.startChild(Supervisor.child(added));
  if (!(one instanceof Supervisor && two instanceof Supervisor)) throw new Error("not supervisors");
  expect(counts(top)).toEqual([2, 2, 2, 0]);
  expect(counts(two)).toEqual([0, 0, 0, 0]);
  await two.startChild(lab.child("c"));
  await two.startChild(lab.child("d"));
  expect([counts(one), counts(two)]).toEqual([
    [2, 2, 0, 2],
    [2, 2, 0, 2],
  ]);

  lab.crash("d");
  await lab.happened("+a +b +c +d -d +d");
  await until(() => states(two), ["c:running", "d:running"]);
  lab.crash("c");
  await lab.happened("-c -d -b -a +a +b");
  await until(() => states(top), ["fixed:running", "added:running"]);
  expect(counts(top)).toEqual([2, 2, 2, 0]);
  expect(top.which().children[1]).toMatchObject({
    restarts: 1,
    lastError: expect.stringContaining("added gave up"),
    detail: { name: "added", state: "running", children: [] },
  });
  expect(top.info("fixed")).not.toBe(one);
  expect(counts(top.info("fixed") as Supervisor)).toEqual([2, 2, 0, 2]);
  expect(counts(top.info("added") as Supervisor)).toEqual([0, 0, 0, 0]);
  await top.stop();
  await lab.happened("-b -a");
});

it("a supervisor below that is stopped by somebody else has ended, without a failure", async () => {
  const lab = new Lab();
  const below = DynamicSupervisor.child(lab.options({ name: "below", template: lab.template() }), {
    restart: "transient",
  });
  const top = lab.supervisor({ children: [below] });
  await top.start();
  await (top.info("below") as DynamicSupervisor<string>).stop();
  await until(() => states(top), ["below:finished"]);
  expect(top.info("below")).toBeUndefined();
  await top.stop();
});
