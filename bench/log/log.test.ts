import { expect, it } from "vitest";
import { measureLog } from "./log.ts";
import { logRows } from "./rows.ts";

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
