/**
 * What `GET /v1/customers/:id` answers: all that the company's systems and the desk know of one customer, each part with where it
 * is from and how old it is; what is missing, and why; and how the things in it hang together.
 */
import { z } from "zod";

/** In the order in which they are shown. */
export const PARTS = [
  "profile",
  "orders",
  "invoices",
  "subscriptions",
  "usage",
  "offers",
  "conversations",
  "facts",
] as const;
export type PartName = (typeof PARTS)[number];

/** A record as its system has it; of a company's own systems it may hold more than the desk knows of. */
export const record = z.looseObject({ id: z.string() });

/** What was used in a month, highest share of its allowance first. */
export const usage = z.looseObject({
  month: z.string(),
  metrics: z.array(z.looseObject({ metric: z.string(), used: z.number(), limit: z.number() })),
});

const conversation = z.object({
  id: z.string(),
  /** When the customer became known in it, and by what; absent of old ones, which memory alone knows of. */
  knownAt: z.string().optional(),
  how: z.string().optional(),
  /** When something was said in it last; absent where an earlier release made it cold. */
  lastSaidAt: z.string().optional(),
  /** `listening`, `withHuman`, `closed` …; absent when it could not be read, or has left the log. */
  state: z.string().optional(),
  /** `resolved`, `handed_off`, `abandoned`; null while there is none, absent where nobody knows it any more. */
  outcome: z.string().nullable().optional(),
  /** What it was about, of one that has ended; of the latest ones only. */
  summary: z.string().optional(),
  /** The hand-off that is open. */
  handoff: z.object({ id: z.string(), state: z.string() }).optional(),
  /** The customer's orders that were spoken of. */
  orders: z.array(z.string()),
});
export type ConversationEntry = z.output<typeof conversation>;

const fact = z.object({
  id: z.string(),
  type: z.string(),
  text: z.string(),
  value: z.unknown(),
  confidence: z.number(),
  validFrom: z.string(),
  recordedAt: z.string(),
  /** Since it was recorded, ms. */
  ageMs: z.number(),
  /** Where it was said. */
  said: z.object({ conversation: z.string(), messageId: z.string().optional(), at: z.string() }),
});
export type FactEntry = z.output<typeof fact>;

const part = <T extends z.ZodType>(data: T) =>
  z.object({
    /** System that said it: `crm`, `orders`, `billing`, `telemetry`, `memory`; `desk` is the desk's own log. */
    source: z.string(),
    /** As of when it holds: what the system says of it, else when it was read. ISO time. */
    asOf: z.string(),
    /** How old it was when it was read, ms. */
    ageMs: z.number(),
    /** How many there are, where the system says so: not all of them need be here. */
    total: z.int().optional(),
    data,
  });

const parts = z
  .object({
    /** Null when the CRM says that there is no such customer. */
    profile: part(record.nullable()),
    orders: part(z.array(record)),
    invoices: part(z.array(record)),
    subscriptions: part(z.array(record)),
    /** Null when nothing is known about it. */
    usage: part(usage.nullable()),
    /** What may be offered on the liveliest subscription, and the plan above it. */
    offers: part(z.object({ offers: z.array(record), nextPlan: record.nullable() })),
    conversations: part(z.array(conversation)),
    facts: part(z.array(fact)),
  })
  .partial();
export type Parts = z.output<typeof parts>;

const missing = z.object({
  part: z.enum(PARTS),
  source: z.string(),
  /** `timeout`, `unavailable`, `failed`, `forbidden` …, as the agent answered. */
  code: z.string(),
  reason: z.string(),
});
export type Missing = z.output<typeof missing>;

const end = z.object({
  kind: z.enum([
    "customer",
    "order",
    "product",
    "invoice",
    "subscription",
    "plan",
    "conversation",
    "handoff",
  ]),
  id: z.string(),
});
const link = z.object({
  type: z.enum([
    "placed",
    "contains",
    "received",
    "bills",
    "holds",
    "on",
    "took_part_in",
    "about",
    "handed_to",
  ]),
  from: end,
  to: end,
  /** Who says so. */
  source: z.string(),
});
export type LinkEnd = z.output<typeof end>;
export type Link = z.output<typeof link>;

export const customerView = z.object({
  customerId: z.string(),
  /** When it was gathered, ISO time. */
  at: z.string(),
  tookMs: z.number(),
  deadlineMs: z.number(),
  /** Nothing is missing. */
  complete: z.boolean(),
  parts,
  /** What could not be had. A part that is here as well is known in part. */
  missing: z.array(missing),
  /** Each once; every end can be reached from the customer. */
  links: z.array(link),
});
export type CustomerView = z.output<typeof customerView>;

/** Whether all systems have answered and none of them, nor the desk, knows anything of the customer. */
export function isUnknown({ complete, parts: p }: CustomerView): boolean {
  if (!complete || p.profile?.data || p.usage?.data || p.offers?.data.offers.length) return false;
  const lists = [p.orders, p.invoices, p.subscriptions, p.conversations, p.facts];
  return lists.every((list) => list !== undefined && list.data.length === 0);
}
