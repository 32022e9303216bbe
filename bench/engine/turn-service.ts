/** The agent that turns ask. */
import type { Service } from "../../runtime/host/service.ts";
import { lookUp } from "../support-turn.ts";

/** Answers at once, so that what is measured is the engine. */
export const turnService: Service = {
  name: "bench",
  operations: { lookup: async ({ order }) => ({ ...lookUp(String(order)) }) },
};
