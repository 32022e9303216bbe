/** Order and repetition of what actors tell each other when the way to the log is bad (L2, L3). */
import { afterEach, expect, it } from "vitest";
import { address } from "../address.ts";
import { BusTimeoutError } from "../bus/errors.ts";
import { channel, counter } from "./test-machines.ts";
import { meddled, TestDesk } from "./testing.ts";

const definitions = [counter, channel];
const c1 = address("counter", "c1");
let desk: TestDesk;
afterEach(() => desk?.stop());

const toChannel = (headers: Readonly<Record<string, string>>) => headers["Bw-To"] === "channel/c1/c1";
const lines = async () => (await desk.node.records(address("channel", "c1"))).map((r) => r.data.text);

it("L2: a record that had to be sent again is not overtaken by a later one to the same actor", async () => {
  let lost = 0;
  desk = await TestDesk.start({
    definitions,
    trouble: (bus) =>
      meddled(bus, async (subject, send, headers) => {
        if (!toChannel(headers) || lost > 0) return send();
        lost++;
        throw new BusTimeoutError(subject, 1);
      }),
  });
  for (const text of ["one", "two", "three"]) await desk.send(c1, "say", { text });
  await desk.until(async () => (await lines()).length === 3);
  expect(lost).toBe(1);
  expect(await lines()).toEqual(["one", "two", "three"]);
});

it("L3: a record whose acknowledgement was lost is in the log once", async () => {
  let lost = 0;
  desk = await TestDesk.start({
    definitions,
    trouble: (bus) =>
      meddled(bus, async (subject, send, headers) => {
        const answer = await send();
        if (toChannel(headers) && lost++ === 0) throw new BusTimeoutError(subject, 1);
        return answer;
      }),
  });
  await desk.send(c1, "say", { text: "one" });
  await desk.send(c1, "say", { text: "two" });
  await desk.until(() => lost >= 3);
  await desk.until(async () => (await lines()).length === 2);
  expect(await lines()).toEqual(["one", "two"]);
  expect((await desk.node.logState()).messages).toBe(4);
});

it("L3: no snapshot says that a fold was done whose records never reached the log", async () => {
  let away = true;
  desk = await TestDesk.start({
    definitions,
    host: { snapshotEveryMs: 10 },
    trouble: (bus) =>
      meddled(bus, async (subject, send, headers) => {
        if (away && toChannel(headers)) throw new BusTimeoutError(subject, 1);
        return send();
      }),
  });
  await desk.send(c1, "say", { text: "one" });
  await desk.until(async () => (await desk.node.read(c1))?.seq === 1);
  // An orderly stop that can't wait for the log.
  await desk.node.stop();
  await desk.bus.close();
  away = false;
  await desk.up();
  await desk.until(async () => (await lines()).length === 1);
});

it("L3: a record is not given up because its key can't be fetched at the moment", async () => {
  let away = false;
  desk = await TestDesk.start({
    definitions,
    keyTrouble: (keys) => ({
      cached: (key) => (away ? undefined : keys.cached(key)),
      sealer: async (key, options) => {
        if (away) throw new BusTimeoutError("the bucket of keys", 1);
        return keys.sealer(key, options);
      },
      wrapUnder: (key, parent) => keys.wrapUnder(key, parent),
      destroy: (key) => keys.destroy(key),
      isDestroyed: (key) => keys.isDestroyed(key),
      under: (key) => keys.under(key),
      keyedHash: (purpose, value) => keys.keyedHash(purpose, value),
    }),
  });
  await desk.send(c1, "add");
  await desk.crash();
  away = true;
  setTimeout(() => {
    away = false;
  }, 300);
  await desk.up();
  await desk.until(async () => ((await desk.node.read(c1))?.view as any)?.total === 1);
  expect(await desk.node.deadLetters.count()).toBe(0);
});
