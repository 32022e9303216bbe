import { expect, it } from "vitest";
import { findNatsServer, natsServerVersion } from "../../runtime/config/nats-server.ts";
import { copiesApart } from "./server-copies.ts";

/** It takes six kills or so. */
const KILLS = 60;

it("makes again that copies of nats-server 2.9.10 come apart, without our code", {
  timeout: 300_000,
}, async () => {
  const binary = findNatsServer();
  const found = await copiesApart(binary, natsServerVersion(binary) === "2.9.10" ? KILLS : 1);
  // Other versions may do better; this one is known.
  if (natsServerVersion(binary) === "2.9.10") expect(found).toMatch(/came apart after \d+ kills/);
});
