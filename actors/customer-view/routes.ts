/** `GET /v1/customers/:id`: all that is known of a customer. */
import { z } from "zod";
import { DESK_ROLE } from "../../memory/store/access.ts";
import { type AnyRoute, notFound, route } from "../../runtime/gateway/index.ts";
import { customerView, isUnknown } from "./answer.ts";
import type { AskingOptions } from "./asking.ts";
import { gather } from "./gather.ts";

export interface CustomerRoutesOptions extends AskingOptions {
  /** Key of a customer inside, from the id that the company's records use. */
  readonly customerKey: (customerId: string) => string;
}

export function customerRoutes({ customerKey, ...options }: CustomerRoutesOptions): AnyRoute[] {
  return [
    route({
      method: "GET",
      path: "/v1/customers/:id",
      auth: "admin",
      tag: "customers",
      summary:
        "All that is known of a customer, asked of every system at once: each part with source and age, what is missing with the reason, and how things are linked",
      query: z.strictObject({
        /** Entries of each list. */
        limit: z.coerce.number().int().min(1).max(100).default(20),
        /** Facts are read as this role may read them. */
        role: z
          .string()
          .regex(/^[a-z][a-z0-9_.-]{0,63}$/, "a word of small letters, digits, _ . -")
          .default(DESK_ROLE),
      }),
      response: customerView,
      handler: async ({ params, query }) => {
        const customerId = params.id!;
        const view = await gather(options, { customerId, customerKey: customerKey(customerId), ...query });
        if (isUnknown(view)) {
          throw notFound("customer", customerId, "It takes the id that your own records use (the CRM's).");
        }
        return { body: view };
      },
    }),
  ];
}
