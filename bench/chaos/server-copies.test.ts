import { expect, it } from "vitest";
import { findNatsServer } from "../../runtime/config/nats-server.ts";
import { copiesApart } from "./server-copies.ts";

it("kills servers that keep copies, and tells whether these are the same", { timeout: 300_000 }, async () => {
  // Whether they come apart in so few depends on the machine's load: six kills or so on a busy one, over sixty on a quiet one.
  const found = await copiesApart(findNatsServer(), 2);
  if (found !== undefined)
    expect(found).toMatch(/came apart after [12] kills: their last sequences are \d+, \d+, \d+/);
});
