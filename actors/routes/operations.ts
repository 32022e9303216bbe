/** Routes of operators: effects whose outcome nobody knows, and records that were given up on. */
import { z } from "zod";
import { type AnyRoute, invalid, notFound, ProblemError, route } from "../../runtime/gateway/index.ts";
import { RESOLUTIONS, UnknownError, type Unknowns } from "../task/index.ts";

/** What the node knows of its dead letters. */
export interface DeadLetterDesk {
  list(limit?: number): Promise<readonly object[]>;
  show(number: number): Promise<object | undefined>;
  /** Puts the record into the log again; undefined when there is no such letter. */
  retry(number: number): Promise<{ readonly seq: number } | undefined>;
  drop(number: number): Promise<void>;
}

export function unknownsRoutes(unknowns: Pick<Unknowns, "list" | "resolve">): AnyRoute[] {
  return [
    route({
      method: "GET",
      path: "/v1/admin/unknowns",
      auth: "admin",
      tag: "operations",
      summary: "Effects whose outcome nobody knows",
      handler: async () => ({
        body: {
          unknowns: (await unknowns.list()).map(({ unknownId: id, ...u }) => ({
            id,
            ...u,
            at: new Date(u.at).toISOString(),
          })),
        },
      }),
    }),
    route({
      method: "POST",
      path: "/v1/admin/unknowns/:id",
      auth: "admin",
      tag: "operations",
      summary: "Says what came of an effect: it was done, it was not, or it is to be tried again",
      body: z.strictObject({ outcome: z.enum(RESOLUTIONS) }),
      status: 202,
      handler: async ({ params, body }) => {
        const id = params.id!;
        try {
          await unknowns.resolve(id, body.outcome);
        } catch (error) {
          if (!(error instanceof UnknownError)) throw error;
          throw notFound("open unknown", id, "`bin/bailiwick unknowns list` shows them.");
        }
        return { status: 202, body: { id, outcome: body.outcome } };
      },
    }),
  ];
}

export function deadLetterRoutes(letters: DeadLetterDesk): AnyRoute[] {
  const find = async (text: string) => {
    if (!/^\d{1,15}$/.test(text)) throw invalid("path.number", "is not the number of a dead letter");
    const number = Number(text);
    const letter = await letters.show(number);
    if (!letter) throw notFound("dead letter", text, "`bin/bailiwick dead-letters list` shows them.");
    return { number, letter };
  };
  const base = { auth: "admin", tag: "operations" } as const;
  return [
    route({
      ...base,
      method: "GET",
      path: "/v1/admin/dead-letters",
      summary: "Records that were given up on, oldest first",
      query: z.strictObject({ limit: z.coerce.number().int().min(1).max(10_000).default(100) }),
      handler: async ({ query }) => ({ body: { deadLetters: await letters.list(query.limit) } }),
    }),
    route({
      ...base,
      method: "GET",
      path: "/v1/admin/dead-letters/:number",
      summary: "One of them, with the reason",
      handler: async ({ params }) => ({ body: (await find(params.number!)).letter }),
    }),
    route({
      ...base,
      method: "POST",
      path: "/v1/admin/dead-letters/:number/retry",
      summary: "Puts the record into the log again and drops the letter",
      status: 202,
      handler: async ({ params }) => {
        const { number } = await find(params.number!);
        try {
          const again = await letters.retry(number);
          return { status: 202, body: { number, seq: again?.seq ?? null } };
        } catch (error) {
          if ((error as Error).name === "OverloadedError") throw error;
          throw new ProblemError(
            409,
            "Cannot be retried",
            `Dead letter ${number} cannot be put into the log again (${(error as Error).message}): drop it with \`bin/bailiwick dead-letters drop ${number}\`.`,
          );
        }
      },
    }),
    route({
      ...base,
      method: "DELETE",
      path: "/v1/admin/dead-letters/:number",
      summary: "Drops it for good",
      handler: async ({ params }) => {
        const { number } = await find(params.number!);
        await letters.drop(number);
        return { body: { number, dropped: true } };
      },
    }),
  ];
}
