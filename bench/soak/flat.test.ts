import { expect, it } from "vitest";
import { flatness } from "./flat.ts";

const series = (value: (at: number) => number) =>
  Array.from({ length: 300 }, (_, at) => ({ at, value: value(at) }));
const saw = (at: number): number => 30 * ((at % 10) / 10);

it("is flat whatever comes and goes, and however it began", () => {
  expect(flatness(series((at) => 100 + saw(at)))).toMatchObject({ flat: true });
  expect(flatness(series((at) => Math.min(100, at) + saw(at)))).toMatchObject({ flat: true });
});

it("is not flat when the floor rises", () => {
  expect(flatness(series((at) => 100 + saw(at) + at * 0.1))).toMatchObject({ flat: false });
});

it("allows what it is told to", () => {
  const rising = series((at) => 100 + at * 0.1);
  expect(flatness(rising, { growth: 0.2 })).toMatchObject({ flat: true });
  expect(flatness(rising, { slack: 20 })).toMatchObject({ flat: true });
});

it("says nothing of too short a time", () => {
  expect(flatness(series(() => 1).slice(0, 40))).toBeUndefined();
});
