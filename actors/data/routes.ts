/** Faults on purpose. Only a desk that is started for scenarios has this route. */
import { z } from "zod";
import { type AnyRoute, invalid, route } from "../../runtime/gateway/index.ts";
import type { Faults } from "./faults.ts";

const fault = z.discriminatedUnion("mode", [
  z.strictObject({ mode: z.literal("down") }),
  z.strictObject({ mode: z.literal("error") }),
  z.strictObject({ mode: z.literal("lost") }),
  z.strictObject({ mode: z.literal("slow"), delayMs: z.number().int().min(1).max(600_000).default(30_000) }),
]);

export function faultRoutes(faults: Faults, systems: readonly string[]): AnyRoute[] {
  return [
    route({
      method: "GET",
      path: "/v1/admin/faults",
      auth: "admin",
      tag: "scenarios",
      summary: "Faults that are set",
      handler: () => ({ body: { faults: faults.active() } }),
    }),
    route({
      method: "POST",
      path: "/v1/admin/faults",
      auth: "admin",
      tag: "scenarios",
      summary: "Makes a system fail, or lets it work again",
      body: z.strictObject({
        system: z.string(),
        fault: fault.nullable(),
        /** How many calls it hits; all unless given. */
        times: z.number().int().min(1).optional(),
      }),
      handler: ({ body }) => {
        if (!systems.includes(body.system)) throw invalid("system", `is none of ${systems.join(", ")}`);
        faults.set(body.system, body.fault, body.times);
        return { body: { faults: faults.active() } };
      },
    }),
  ];
}
