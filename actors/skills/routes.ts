/** Routes of the inventory: what agents can do, and one call by hand. */
import { z } from "zod";
import { type AnyRoute, notFound, ProblemError, route } from "../../runtime/gateway/index.ts";
import { AskError } from "../../runtime/host/service.ts";
import { newId } from "../../runtime/ids.ts";
import type { JsonObject } from "../../runtime/json.ts";
import { type Inventory, operationOf, systemOf } from "./inventory.ts";

export interface SkillRoutesOptions {
  readonly inventory: Inventory;
  /** Asks a data agent under an idempotency key. @throws AskError */
  readonly ask: (service: string, operation: string, input: JsonObject, key: string) => Promise<JsonObject>;
}

export const SKILLS_PATH = "/v1/admin/skills";

const STATUS: Readonly<Record<string, number>> = {
  invalid: 400,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  timeout: 504,
  unavailable: 503,
};

export function skillRoutes({ inventory, ask }: SkillRoutesOptions): AnyRoute[] {
  return [
    route({
      method: "GET",
      path: SKILLS_PATH,
      auth: "admin",
      tag: "skills",
      summary: "What agents can do, with the shape of each input",
      handler: () => ({ body: { skills: inventory.describe() } }),
    }),
    route({
      method: "POST",
      path: `${SKILLS_PATH}/:name`,
      auth: "admin",
      tag: "skills",
      summary: "Calls a skill by hand; a write is done once for each key",
      body: z.strictObject({
        input: z.record(z.string(), z.unknown()).default({}),
        /** Idempotency key; a new one unless given. */
        key: z.string().min(1).max(200).optional(),
      }),
      handler: async ({ params, body }) => {
        const name = params.name!;
        if (!inventory.get(name)) throw notFound("skill", name, "`bin/bailiwick skills list` shows them.");
        const key = body.key ?? newId();
        try {
          const result = await ask(systemOf(name), operationOf(name), body.input as JsonObject, key);
          return { body: { skill: name, key, result } };
        } catch (error) {
          if (!(error instanceof AskError)) throw error;
          throw new ProblemError(
            STATUS[error.code] ?? 502,
            "The skill was not done",
            `${error.code}: ${error.message}`,
          );
        }
      },
    }),
  ];
}
