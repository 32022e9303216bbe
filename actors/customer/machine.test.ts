import { expect, it } from "vitest";
import { Driver } from "../testing/driver.ts";
import { customerMachine } from "./machine.ts";

it("keeps the conversations of a customer and how they ended", () => {
  const d = new Driver(customerMachine(), "customer", "k1");
  d.send("customer.linked", { conversation: "a", how: "email postcode" });
  d.send("customer.linked", { conversation: "a", how: "email postcode" });
  d.send("customer.outcome", { conversation: "a", outcome: "resolved" });
  for (let i = 0; i < 30; i++) d.send("customer.linked", { conversation: `b${i}`, how: "channel" });
  expect(d.context.count).toBe(31);
  expect(d.context.conversations).toHaveLength(20);
});
