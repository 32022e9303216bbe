import { describe, expect, it } from "vitest";
import { Driver } from "../testing/driver.ts";
import { orchestratorMachine } from "./machine.ts";

const start = (): Driver => new Driver(orchestratorMachine(), "orchestrator", "test");
const queue = (d: Driver, handoffId: string, priority = "normal"): void => {
  d.send("handoff.queued", {
    handoffId,
    conversation: `c-${handoffId}`,
    kind: "conversation",
    reason: "asked",
    priority,
  });
};
const assigned = (d: Driver): string[] =>
  d.told("handoff", "handoff.assigned").map((e) => `${e.to.id} ${e.data.agent}`);

describe("the orchestrator", () => {
  it("hands out what waits when somebody comes: urgent first, up to his capacity", () => {
    const d = start();
    queue(d, "h1");
    queue(d, "h2", "urgent");
    queue(d, "h3");
    expect(assigned(d)).toEqual([]);
    d.send("agent.available", { agent: "Ann", capacity: 2 });
    expect(assigned(d)).toEqual(["h2 Ann", "h1 Ann"]);
    d.send("handoff.settled", { handoffId: "h2" });
    expect(assigned(d).at(-1)).toBe("h3 Ann");
  });

  it("takes turns", () => {
    const d = start();
    d.send("agent.available", { agent: "Ann" });
    d.send("agent.available", { agent: "Bob" });
    for (const id of ["h1", "h2", "h3"]) queue(d, id);
    expect(assigned(d)).toEqual(["h1 Ann", "h2 Bob", "h3 Ann"]);
  });

  it("offers to somebody else what was left lying, or whose agent went away", () => {
    const d = start();
    d.send("agent.available", { agent: "Ann" });
    queue(d, "h1");
    d.send("agent.available", { agent: "Bob" });
    d.send("handoff.waiting", { handoffId: "h1" });
    expect(assigned(d)).toEqual(["h1 Ann", "h1 Bob"]);
    d.send("agent.available", { agent: "Cleo" });
    d.send("agent.away", { agent: "Bob" });
    expect(assigned(d).at(-1)).toBe("h1 Cleo");
    d.send("handoff.accepted", { handoffId: "h1", agent: "Ann" });
    d.send("agent.away", { agent: "Ann" });
    expect(d.context.open).toMatchObject([{ assigned: "Ann", accepted: true }]);
  });

  it("keeps the list of unknowns", () => {
    const d = start();
    d.send("task.unknown", { unknownId: "u1", conversation: "c", taskId: "t" });
    d.send("task.unknown", { unknownId: "u2", conversation: "c", taskId: "t" });
    d.send("task.known", { unknownId: "u1", outcome: "done" });
    expect(d.context.unknowns).toMatchObject([{ unknownId: "u2" }]);
  });
});
