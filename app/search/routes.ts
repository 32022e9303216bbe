/** Admin route of the search for what is left of somebody. */
import { z } from "zod";
import { type AnyRoute, route } from "../../runtime/gateway/index.ts";
import { type SearchSource, search } from "./search.ts";

export const SEARCH_PATH = "/v1/admin/memory-verify";
/** Of what has fewer characters there is too much everywhere. */
export const LEAST_CHARACTERS = 3;

export function searchRoutes(source: SearchSource): AnyRoute[] {
  return [
    route({
      method: "POST",
      path: SEARCH_PATH,
      auth: "admin",
      tag: "memory",
      summary: "Where a term is: in every store as it can be read, and in every file of the data directory",
      // In the body: addresses of requests are written down in too many places.
      body: z.strictObject({ text: z.string().min(LEAST_CHARACTERS).max(500) }),
      handler: async ({ body, signal }) => ({ body: await search(source, body.text, signal) }),
    }),
  ];
}
