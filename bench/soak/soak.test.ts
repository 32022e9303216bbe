import { expect, it } from "vitest";
import { soak } from "./soak.ts";

it("drives a desk at a steady rate and looks at what it takes: a short run", async () => {
  const done = await soak({ seconds: 15, rate: 2 });
  expect(done.failed).toBe(0);
  expect(done.conversations).toBeGreaterThanOrEqual(29);
  expect(done.turns).toBeGreaterThan(done.conversations);
  // Whether it is flat is for the long run to say; that it can be seen is for this one.
  for (const { name, flatness } of done.measures) {
    expect(flatness, name).toBeDefined();
    expect(flatness!.after, name).toBeGreaterThan(0);
  }
  expect(done.measures.map((m) => m.name)).toEqual(["heap", "resident", "external", "handles", "timers"]);
}, 180_000);
