/** Routes of the people behind the desk: the queue, conversations taken over, approvals. */
import { z } from "zod";
import { type AnyRoute, ProblemError, readText, route } from "../../runtime/gateway/index.ts";
import { DeskError, type HandoffDesk, type HandoffEntry } from "../handoff/index.ts";

export interface HandoffRoutesOptions {
  readonly desk: HandoffDesk;
  /** UTF-8 bytes of one message's text. Default 16 KiB. */
  readonly maxTextBytes?: number;
}

const agent = z
  .string()
  .trim()
  .min(1)
  .max(80)
  .refine((text) => !/[\p{Cc}\p{Surrogate}]/u.test(text), "may hold no control characters");
const note = z.string().max(4_000);

const STATUS: Readonly<Record<DeskError["code"], number>> = {
  not_found: 404,
  taken: 409,
  ended: 409,
  wrong_kind: 409,
  empty: 400,
};

/** An entry of the queue for the page and the command line. */
function shown(h: HandoffEntry) {
  return {
    id: h.id,
    conversationId: h.conversation,
    state: h.state,
    reason: h.reason,
    priority: h.priority,
    summary: h.summary,
    customer: h.customer,
    latest: h.latest,
    agent: h.agent,
    assigned: h.assigned,
    notes: h.notes,
    callback: h.callback,
    since: new Date(h.openedAt).toISOString(),
  };
}

export function handoffRoutes({ desk, maxTextBytes }: HandoffRoutesOptions): AnyRoute[] {
  const base = { auth: "admin", tag: "hand-offs" } as const;
  const orProblem = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      if (!(error instanceof DeskError)) throw error;
      const titles: Record<number, string> = { 404: "Not found", 409: "Conflict", 400: "Invalid request" };
      const status = STATUS[error.code];
      throw new ProblemError(status, titles[status]!, `${error.message}.`);
    }
  };
  const act = <B extends z.ZodObject>(
    what: string,
    summary: string,
    body: B,
    work: (id: string, body: z.output<B>) => Promise<unknown>,
  ) =>
    route({
      ...base,
      method: "POST",
      path: `/v1/admin/handoffs/:id/${what}`,
      summary,
      body,
      status: 202,
      handler: async (context) => {
        await orProblem(work(context.params.id!, context.body as z.output<B>));
        return { status: 202, body: { id: context.params.id, done: what } };
      },
    });
  const decide = (what: "approve" | "decline") =>
    route({
      ...base,
      method: "POST",
      path: `/v1/admin/approvals/:id/${what}`,
      summary: what === "approve" ? "Lets the desk go on" : "Keeps the desk from it",
      body: z.strictObject({ agent, note: note.optional() }),
      status: 202,
      handler: async ({ params, body }) => {
        await orProblem(desk.decide(params.id!, body.agent, what === "approve", body.note ?? ""));
        return { status: 202, body: { id: params.id, done: what } };
      },
    });

  return [
    route({
      ...base,
      method: "GET",
      path: "/v1/admin/handoffs",
      summary: "What waits for a person, most urgent first: conversations and approvals",
      handler: async () => {
        const entries = await desk.list();
        return {
          body: {
            handoffs: entries.filter((e) => e.kind === "conversation").map(shown),
            approvals: entries
              .filter((e) => e.kind === "approval")
              .map((e) => ({
                ...shown(e),
                what: e.approval?.what ?? e.summary,
                amount: e.approval?.amount,
                currency: e.approval?.currency,
              })),
          },
        };
      },
    }),
    act("accept", "Takes a conversation over", z.strictObject({ agent }), (id, body) =>
      desk.accept(id, body.agent),
    ),
    act(
      "reply",
      "Writes to the customer; accepts first when nobody has",
      z.strictObject({ agent, text: z.string() }),
      (id, body) => desk.reply(id, body.agent, readText("text", body.text, maxTextBytes)),
    ),
    act(
      "return",
      "Gives the conversation back to the desk, with what was done and what to do now",
      z.strictObject({ agent, summary: note.min(1), instruction: note.optional() }),
      (id, body) => desk.return(id, body.agent, { summary: body.summary, instruction: body.instruction }),
    ),
    act("close", "Ends the conversation", z.strictObject({ agent }), (id, body) =>
      desk.close(id, body.agent),
    ),
    decide("approve"),
    decide("decline"),
  ];
}
