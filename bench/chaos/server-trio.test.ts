import { expect, it } from "vitest";
import { unlikeCopies } from "./server-trio.ts";

const copy = (ends: Record<string, [number, string]>) =>
  new Map(Object.entries(ends).map(([name, [seq, at]]) => [name, { seq, at }]));

it("tells copies that have the same in different places from one that is behind", () => {
  const one = copy({ LOG: [10, "t1"], LEASES: [5, "t2"], KEYS: [3, "t0"] });
  const other = copy({ LOG: [12, "t1"], LEASES: [4, "t1"], KEYS: [3, "t0"] });
  expect(unlikeCopies([one, one, other])).toEqual({
    apart: ["the copies of LOG have their last message at 10, 10, 12"],
    behind: ["the copies of LEASES end with different messages, at 5, 5, 4"],
  });
  expect(unlikeCopies([one, one, one])).toEqual({ apart: [], behind: [] });
  expect(unlikeCopies([one, one, copy({ LOG: [10, "t1"], LEASES: [5, "t2"] })]).behind).toEqual([
    "the copies of KEYS end with different messages, at 3, 3, none",
  ]);
});
