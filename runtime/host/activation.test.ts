/** Bringing actors into memory while something goes wrong, or something else comes. */
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { address } from "../address.ts";
import { dropSnapshots } from "./cell-store.ts";
import { channel, counter } from "./test-machines.ts";
import { meddled, TestDesk } from "./testing.ts";

let desk: TestDesk | undefined;
afterEach(async () => {
  await desk?.stop();
  desk = undefined;
});

it("a record that comes while its actor fails to come into memory is worked off all the same", async () => {
  const to = address("counter", "c1");
  desk = await TestDesk.start({ definitions: [counter, channel] });
  await desk.send(to, "add", { n: 5 });
  await desk.until(async () => (await desk!.node.read(to))?.view.total === 5, "it to be folded");
  await desk.node.stop();
  await desk.bus.close();
  await dropSnapshots(join(desk.dir, "engine"));
  // Reading it needs the log, which can't be read once.
  let fail = (_: Error): void => {};
  let reads = 0;
  await desk.up({
    trouble: (bus) =>
      meddled(bus, (subject, send) => {
        if (!subject.startsWith("$JS.API.DIRECT.GET.BW_test_LOG") || reads++ > 0) return send();
        return new Promise((_, reject) => {
          fail = reject;
        });
      }),
  });
  const reading = expect(desk.node.read(to)).rejects.toThrow("no answer");
  await desk.until(() => reads === 1, "its records to be read");
  const status = () => desk!.node.status().host as Record<string, number>;
  await desk.send(to, "say", { text: "hello" });
  await desk.until(() => status().waiting === 1, "the record to wait");
  fail(new Error("no answer"));
  await reading;
  // Nobody asks for it.
  await desk.until(() => status().folded === 1 && status().waiting === 0, "the record to be folded");
  expect((await desk.node.read(to))?.view.total).toBe(5);
});
