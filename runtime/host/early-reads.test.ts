/** What may be done before a record is in the log, and what may not. */
import { afterEach, expect, it } from "vitest";
import { address } from "../address.ts";
import type { Service } from "./service.ts";
import { channel, counter } from "./test-machines.ts";
import { meddled, TestDesk } from "./testing.ts";

const c1 = address("counter", "c1");
let desk: TestDesk;
afterEach(() => desk?.stop());

it("a read is under way while its ask reaches the log; anything else waits for the acknowledgement", async () => {
  const called: string[] = [];
  const service: Service = {
    name: "test",
    reads: ["look"],
    operations: {
      look: async () => {
        called.push("look");
        return { seen: true };
      },
      change: async () => {
        called.push("change");
        return { changed: true };
      },
    },
  };
  let asks = 0;
  let acknowledge!: () => void;
  const held = new Promise<void>((resolve) => {
    acknowledge = resolve;
  });
  desk = await TestDesk.start({
    definitions: [counter, channel],
    services: [service],
    trouble: (bus) =>
      meddled(bus, async (_subject, send, headers) => {
        const sent = await send();
        if (headers["Bw-To"]?.startsWith("service/")) {
          asks++;
          await held;
        }
        return sent;
      }),
  });
  await desk.send(c1, "ask", { operation: "change" });
  await desk.send(c1, "ask", { operation: "look" });
  await desk.until(() => asks === 2 && called.length > 0);
  expect(called).toEqual(["look"]);
  acknowledge();
  await desk.until(async () => {
    const view = (await desk.node.read(c1))?.view;
    return Array.isArray(view?.answers) && view.answers.length === 2;
  });
  expect(called).toEqual(["look", "change"]);
  // In the log the ask stands before its answer.
  const records = await desk.node.recordsOfKey("c1");
  const asked = records.filter((r) => r.type === "host.ask");
  for (const { id, seq } of asked) {
    expect(records.find((r) => r.clear.ask === id)!.seq).toBeGreaterThan(seq);
  }
});
