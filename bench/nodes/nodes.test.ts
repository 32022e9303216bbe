import { expect, it } from "vitest";
import { benchNodes } from "./nodes.ts";

it("loses nothing, answers nothing twice and refuses nobody: a short run", async () => {
  const stages: string[] = [];
  const { results, failures } = await benchNodes({
    known: 300,
    customers: 20,
    pauseMs: 200,
    ttlMs: 1_500,
    onStage: (stage) => stages.push(stage),
  });
  expect(failures).toEqual([]);
  expect(stages).toHaveLength(5);
  const value = (name: string) => results.find((r) => r.name === `nodes.${name}`)!.value;
  expect(value("known")).toBe(300);
  expect(value("accepted")).toBeGreaterThan(100);
  expect(value("takeover")).toBeGreaterThan(0);
}, 180_000);
