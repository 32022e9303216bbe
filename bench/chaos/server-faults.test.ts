import { expect, it } from "vitest";
import { findNatsServer, natsServerVersion } from "../../runtime/config/nats-server.ts";
import { faultsOf } from "./server-faults.ts";

it("makes again what nats-server 2.9.10 does wrong by itself", async () => {
  const binary = findNatsServer();
  const faults = await faultsOf(binary);
  // Other versions may do better; this one is known.
  if (natsServerVersion(binary) === "2.9.10") expect(faults[0]).toMatch(/has deleted \d+ records/);
  expect(faults.length).toBeLessThanOrEqual(1);
});
