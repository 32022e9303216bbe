import { expect, it } from "vitest";
import { findNatsServer, natsServerVersion } from "../../runtime/config/nats-server.ts";
import { copiesApart } from "./server-copies.ts";

it("makes the copies of nats-server 2.9.10 come apart without our code", { timeout: 300_000 }, async () => {
  const binary = findNatsServer();
  // Other versions may do better; this one is known.
  const known = natsServerVersion(binary) === "2.9.10";
  const found = await copiesApart(binary, known ? {} : { kills: 1 });
  if (known || found !== undefined)
    expect(found).toMatch(/came apart after \d+ kills?: the same last message is at \d+(, \d+){1,2}$/);
});
