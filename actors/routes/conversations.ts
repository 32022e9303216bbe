/** Routes of customers: open a conversation, write to it, read it, follow it. */
import { setTimeout as sleep } from "node:timers/promises";
import { LRUCache } from "lru-cache";
import { z } from "zod";
import { address } from "../../runtime/address.ts";
import type { EscalationRules } from "../../runtime/config/escalation.ts";
import type { Engine } from "../../runtime/engine.ts";
import {
  type AnyRoute,
  type ConversationTokens,
  invalid,
  MAX_TEXT_BYTES,
  notFound,
  type Principal,
  ProblemError,
  type RequestContext,
  readText,
  route,
} from "../../runtime/gateway/index.ts";
import { derivedId, newId } from "../../runtime/ids.ts";
import type { JsonObject } from "../../runtime/json.ts";
import { channelSource, transcriptOf } from "./channel.ts";

export type Opening = JsonObject & { readonly playbooks?: Readonly<Record<string, number>> };

export interface ConversationRoutesOptions {
  readonly engine: Engine;
  readonly tokens: ConversationTokens;
  /**
   * What `conversation.open` says of the desk, which conversations keep: `model: false` where there is none to ask, its name where it is
   * another than the desk's, `agent` where one leads, `playbooks`, the versions above the first by name. Default: nothing.
   */
  readonly opening?: Opening;
  /** Arms of the experiments that a customer is in, by experiment, with what follows. Default: there are none. */
  readonly assign?: (subject: string) => {
    readonly arms: Readonly<Record<string, string>>;
    readonly playbooks: Readonly<Record<string, number>>;
    readonly model?: string;
    readonly escalation?: EscalationRules;
  };
  /** UTF-8 bytes of one message's text. Default 16 KiB. */
  readonly maxTextBytes?: number;
}

/** A short text of one line: a name, an id of the caller. */
const line = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .refine((text) => !/[\p{Cc}\p{Surrogate}]/u.test(text), "may hold no control characters");

const openBody = z.strictObject({
  channel: z
    .string()
    .regex(/^[a-z][a-z0-9_-]{0,31}$/, "is a word of small letters, digits, _ and -, at most 32")
    .default("chat"),
  customer: z
    .strictObject({ id: line(128).optional(), name: line(200).optional(), email: line(320).optional() })
    .prefault({}),
  /** The channel knows for sure who this is; for the admin token only. */
  vouched: z.boolean().default(false),
  text: z.string().optional(),
});

const messageBody = z.strictObject({ text: z.string(), clientMessageId: line(200).optional() });

const position = z
  .string()
  .regex(/^\d{1,15}$/, "is not a position in the log (a whole number)")
  .transform(Number);

const transcriptEntry = z.object({
  seq: z.int(),
  messageId: z.string(),
  at: z.string(),
  role: z.enum(["customer", "desk", "human"]),
  text: z.string(),
  author: z.string().optional(),
  quickReplies: z.array(z.string()).optional(),
  citations: z.array(z.object({ id: z.string(), title: z.string() })).optional(),
  answers: z.array(z.string()).optional(),
});

/** Conversations opened here that are remembered as existing, so that the operator's token need not wait for them. */
const REMEMBERED = 20_000;
/** How long a record that the log has acknowledged may take until it can be read here, ms. */
const READABLE_MS = 2_000;

export function conversationRoutes(options: ConversationRoutesOptions): AnyRoute[] {
  const { engine, tokens, opening = {} } = options;
  const opened = new LRUCache<string, true>({ max: REMEMBERED });
  /** A token was only issued for a conversation that is in the log; the operator's token proves nothing of it. */
  const exists = (principal: Principal, id: string) => principal.kind !== "admin" || opened.has(id);
  const mustExist = async (principal: Principal, id: string): Promise<void> => {
    if (!exists(principal, id) && !(await engine.read(mustBeAddress(id)))) throw unknownConversation(id);
  };
  const maxBytes = options.maxTextBytes ?? MAX_TEXT_BYTES;

  return [
    route({
      method: "POST",
      path: "/v1/conversations",
      auth: "customer",
      summary: "Opens a conversation, with a first message or without",
      body: openBody,
      bodyOptional: true,
      status: 201,
      response: z.object({
        conversationId: z.string(),
        customerId: z.string().nullable(),
        conversationToken: z.string(),
        offset: z.int(),
        messageId: z.string().optional(),
      }),
      handler: async (context) => {
        const { body } = context;
        const text = body.text === undefined ? undefined : readText("text", body.text, maxBytes);
        const { customer, vouched } = whoIsIt(context);
        // A signed customer and the operator have had their bucket; who only says who he is has not.
        if (context.principal.kind === "anonymous" && customer.id !== undefined) {
          context.limit(tokens.subjectOf(customer.id));
        }
        const id = newId();
        const to = address("conversation", id);
        const from = address("channel", id);
        const openId = derivedId(id, "open");
        const assigned = options.assign?.(customer.id === undefined ? id : `customer ${customer.id}`);
        const versions = { ...opening.playbooks, ...assigned?.playbooks };
        const { seq: offset } = await engine.append({
          id: openId,
          type: "conversation.open",
          from,
          to,
          traceparent: context.traceparent,
          data: {
            channel: body.channel,
            customer,
            vouched,
            ...opening,
            ...(Object.keys(versions).length > 0 ? { playbooks: versions } : {}),
            ...(assigned?.model === undefined ? {} : { model: assigned.model }),
            ...(assigned?.escalation ? { escalation: assigned.escalation } : {}),
            ...(assigned ? { experiments: assigned.arms } : {}),
          },
        });
        opened.set(id, true);
        let messageId: string | undefined;
        if (text !== undefined) {
          messageId = derivedId(id, "first-message");
          await engine.append({
            id: messageId,
            type: "customer.message",
            from,
            to,
            traceparent: context.traceparent,
            data: { text },
          });
        }
        return {
          status: 201,
          headers: { location: `/v1/conversations/${id}` },
          body: {
            conversationId: id,
            customerId: customer.id ?? null,
            conversationToken: tokens.issue(id, customer.id),
            offset,
            ...(messageId === undefined ? {} : { messageId }),
          },
        };
      },
    }),

    route({
      method: "POST",
      path: "/v1/conversations/:id/messages",
      auth: "conversation",
      summary: "Sends a message of the customer; the same clientMessageId again answers the same messageId",
      body: messageBody,
      status: 202,
      response: z.object({ messageId: z.string(), seq: z.int() }),
      handler: async ({ params, body, principal, traceparent }) => {
        const id = params.id!;
        const text = readText("text", body.text, maxBytes);
        await mustExist(principal, id);
        const { clientMessageId } = body;
        const messageId =
          clientMessageId === undefined
            ? newId()
            : derivedId(
                id,
                "message",
                engine.keyedHash("gateway.client-message", `${id}\u0000${clientMessageId}`),
              );
        const to = address("conversation", id);
        const { seq, duplicate } = await engine.append({
          id: messageId,
          type: "customer.message",
          from: address("channel", id),
          to,
          traceparent,
          data: clientMessageId === undefined ? { text } : { text, clientMessageId },
        });
        if (duplicate) {
          const first = await readable(async () =>
            (await engine.records(to, seq - 1)).find((r) => r.id === messageId),
          );
          if (first && first.data.text !== text) {
            throw new ProblemError(
              409,
              "Conflict",
              "clientMessageId: was used in this conversation with another text; use a new one for a new message.",
              { errors: [{ field: "clientMessageId", detail: "was used with another text" }] },
            );
          }
        }
        return { status: 202, body: { messageId, seq } };
      },
    }),

    route({
      method: "GET",
      path: "/v1/conversations/:id",
      auth: "conversation",
      summary: "State, transcript, slots, pending approvals and outcome of a conversation",
      response: z.object({
        conversationId: z.string(),
        state: z.unknown(),
        transcript: z.array(transcriptEntry),
        slots: z.record(z.string(), z.unknown()),
        approvals: z.array(z.unknown()),
        outcome: z.string().nullable(),
        handoff: z.unknown(),
        offset: z.int(),
        /** Where the transcript is not whole: the position up to which records have left the log. */
        leftUpTo: z.int().optional(),
      }),
      handler: async ({ params, principal }) => {
        const id = params.id!;
        const to = mustBeAddress(id);
        const look = () => engine.read(to);
        const view = exists(principal, id) ? await readable(look) : await look();
        if (!view) throw unknownConversation(id);
        const records = await engine.recordsOfKey(id);
        const left = await engine.leftOfKey(id);
        const v: JsonObject = view.view;
        return {
          body: {
            conversationId: id,
            state: v.state ?? view.value,
            transcript: transcriptOf(records),
            slots: v.slots ?? {},
            approvals: v.pendingApprovals ?? [],
            outcome: v.outcome ?? null,
            handoff: v.handoff ?? null,
            offset: records.at(-1)?.seq ?? 0,
            ...(left > 0 ? { leftUpTo: left } : {}),
          },
        };
      },
    }),

    route({
      method: "GET",
      path: "/v1/conversations/:id/events",
      auth: "conversation",
      summary:
        "Follows a conversation as server-sent events: message, typing, status, handoff, offer, outcome; left, where earlier ones are not in the log any more",
      streams: true,
      query: z.strictObject({ after: position.optional() }),
      handler: async ({ params, query, headers, principal }) => {
        const id = params.id!;
        await mustExist(principal, id);
        const last = headers["last-event-id"];
        let after = query.after ?? 0;
        if (last !== undefined && last !== "") {
          const parsed = position.safeParse(last);
          if (!parsed.success) {
            throw invalid("header.last-event-id", "is not the id of an event (a whole number)");
          }
          after = parsed.data;
        }
        return { stream: { source: channelSource(engine, id), after } };
      },
    }),
  ];
}

/** Who the customer is, and whether somebody vouches for it. */
function whoIsIt({ body, principal }: RequestContext<z.output<typeof openBody>>): {
  customer: { id?: string; name?: string; email?: string };
  vouched: boolean;
} {
  if (principal.kind === "customer") {
    if (body.customer.id !== undefined && body.customer.id !== principal.id) {
      throw new ProblemError(
        403,
        "Forbidden",
        "customer.id: is not the customer that the token was signed for.",
        {
          errors: [{ field: "customer.id", detail: "is not the customer of the token" }],
        },
      );
    }
    return {
      customer: {
        id: principal.id,
        ...defined({
          name: principal.name ?? body.customer.name,
          email: principal.email ?? body.customer.email,
        }),
      },
      vouched: true,
    };
  }
  if (body.vouched && principal.kind !== "admin") {
    throw new ProblemError(403, "Forbidden", "vouched: only a channel with the admin token can vouch.", {
      errors: [{ field: "vouched", detail: "needs the admin token" }],
    });
  }
  if (body.vouched && body.customer.id === undefined) {
    throw invalid("customer.id", "is missing: vouched says that the channel knows who this is");
  }
  return { customer: defined(body.customer), vouched: body.vouched };
}

function defined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as T;
}

function mustBeAddress(id: string) {
  try {
    return address("conversation", id);
  } catch {
    throw unknownConversation(id);
  }
}

/** What has been acknowledged and is on its way to this node: looked for again until it is here. */
async function readable<T>(look: () => Promise<T | undefined>): Promise<T | undefined> {
  const end = performance.now() + READABLE_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined || performance.now() > end) return found;
    await sleep(5);
  }
}

function unknownConversation(id: string): ProblemError {
  return notFound("conversation", id, "POST /v1/conversations opens one.");
}
