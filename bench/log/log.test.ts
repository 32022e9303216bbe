import { expect, it } from "vitest";
import { measureLog } from "./log.ts";
import { measurePrefix } from "./prefix.ts";
import { logRows, prefixRows } from "./rows.ts";

it("measures every variant of the log at a small scale", async () => {
  const measured = await measureLog({
    scale: 200,
    layouts: ["subjects", "headers"],
    windows: [0, 1],
    sizes: [1_024, 2 * 1_024 * 1_024],
  });
  const names = logRows(measured).map((row) => row.name);
  expect(names).toContain("log.ids-as-subjects.take-over");
  expect(names).toContain("log.ids-as-headers.one-actor");
  expect(names).toContain("log.window-1s.publish");
  // What no message can hold is only measured where it can be kept.
  expect(names.filter((name) => name.startsWith("snapshots."))).toEqual([
    "snapshots.kv.1KiB.put",
    "snapshots.kv.1KiB.get",
    "snapshots.objects.1KiB.put",
    "snapshots.objects.1KiB.get",
    "snapshots.objects.2048KiB.put",
    "snapshots.objects.2048KiB.get",
  ]);
}, 60_000);

it("opens and closes conversations until nothing is left of them in the log", async () => {
  const measured = await measurePrefix({ conversations: 40, turns: 20, logMs: 500 });
  // The last record stays.
  for (const { settled } of measured.conversations) expect(settled.records).toBe(1);
  // Of the one that is open, its last checkpoint.
  expect(measured.turnsAfter.records).toBeGreaterThan(0);
  expect(measured.turnsAfter.records).toBeLessThan(5);
  expect(prefixRows(measured).map((row) => row.name)).toContain("prefix.growth");
}, 120_000);
