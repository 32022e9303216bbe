import { expect, it } from "vitest";
import { benchErase } from "./erase.ts";

it("erases one customer under load, and looks for what is left of him everywhere: a short run", async () => {
  const { results, receipt, failures } = await benchErase({ customers: 12, writers: 2, seed: 7 });
  expect(failures).toEqual([]);
  expect(results.filter(({ held }) => held === false)).toEqual([]);
  const rowOf = (name: string): number | undefined => results.find((row) => row.name === name)?.value;
  expect(rowOf("erase.found-before")).toBeGreaterThan(2);
  expect(rowOf("erase.found-restored")).toBe(0);
  expect(rowOf("erase.erased-again")).toBe(1);
  expect(rowOf("erase.turns-meanwhile")).toBeGreaterThan(0);
  expect(receipt).toMatchObject({ erased: true, noted: true, facts: 1, conversations: 1 });
}, 600_000);
