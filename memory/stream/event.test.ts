/** Which events may be folded side by side. */
import { expect, it } from "vitest";
import { LocalKeyRing } from "../testing.ts";
import { encodeEvent, type MemoryEvent, placesOf } from "./event.ts";

const common = { id: "e1", at: 1 };
const places = async (event: MemoryEvent) => placesOf((await encodeEvent(event, new LocalKeyRing()))!);

it("what adds touches its customer and conversation alone, what is absent is no place that others share", async () => {
  const source = { conversation: "c1", at: 1 };
  const fact = { type: "note", text: "likes tea", value: null, source };
  expect(await places({ ...common, type: "fact", customer: "ada", fact })).toEqual(["ada"]);
  const turns = [{ turn: 1, at: 1, text: "hello", reply: "" }];
  expect(await places({ ...common, type: "turns", conversation: "c1", turns })).toEqual(["c1"]);
  const known = { ...common, type: "turns", conversation: "c1", customer: "ada", turns } as const;
  expect(await places(known)).toEqual(["ada", "c1"]);
});

it("what erases, and what is no event, may touch anything", async () => {
  expect(await places({ ...common, type: "erase", customer: "ada" })).toBeUndefined();
  expect(await places({ ...common, type: "dropped", conversation: "c1" })).toBeUndefined();
  expect(placesOf(Buffer.from("no event"))).toBeUndefined();
});
