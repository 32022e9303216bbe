/** The parts of the view that the company's systems and memory have. */
import { z } from "zod";
import { AskError } from "../../runtime/host/service.ts";
import { type FactEntry, type Parts, record, usage } from "./answer.ts";
import type { Asking, Told } from "./asking.ts";

/** What is asked for. */
export interface Wanted {
  readonly customerId: string;
  /** Key under which memory knows the customer. */
  readonly customerKey: string;
  /** Entries of a list, at most. */
  readonly limit: number;
  /** Role in which memory is read. */
  readonly role: string;
}

type Part<N extends keyof Parts> = Promise<NonNullable<Parts[N]>>;

/** Facts that memory answers at once, at most. */
const FACTS_AT_ONCE = 100;

const records = z.array(record);
const total = z.int().min(0).optional();
const orderList = z.looseObject({ orders: records, total });
const invoiceList = z.looseObject({ invoices: records, total });
const subscriptionList = z.looseObject({ subscriptions: records });
const offerList = z.looseObject({ offers: records });
const planList = z.looseObject({ plans: records, next: record.nullable().optional() });
const factList = z.looseObject({
  facts: z.array(
    z.looseObject({
      id: z.string(),
      type: z.string(),
      text: z.string(),
      value: z.unknown(),
      confidence: z.number(),
      validFrom: z.number(),
      recordedAt: z.number(),
      source: z.looseObject({
        conversation: z.string(),
        messageId: z.string().optional(),
        at: z.number(),
      }),
    }),
  ),
});

const iso = (ms: number): string => new Date(ms).toISOString();

/** A system that does not know the customer has nothing of his. Whatever else it can't find does not say that. */
const customerUnknown = (reason: string): boolean => reason === "unknown_customer";

export async function profile(ask: Asking, { customerId }: Wanted): Part<"profile"> {
  const { value, ...told } = await ask.agentOrNone("crm", "customer", { customerId }, record);
  if (!value) return { ...told, data: null };
  // The key is how the customer is called inside.
  const { customerKey: _, ...data } = value;
  return { ...told, data };
}

export async function orders(ask: Asking, { customerId, limit }: Wanted): Part<"orders"> {
  const input = { customerId, limit };
  const { value, ...told } = await ask.agentOrNone("orders", "list", input, orderList, customerUnknown);
  return { ...told, ...counted(value?.total), data: value?.orders ?? [] };
}

export async function invoices(ask: Asking, { customerId, limit }: Wanted): Part<"invoices"> {
  const input = { customerId, limit };
  const { value, ...told } = await ask.agentOrNone(
    "billing",
    "invoices",
    input,
    invoiceList,
    customerUnknown,
  );
  return { ...told, ...counted(value?.total), data: value?.invoices ?? [] };
}

export async function subscriptions(ask: Asking, wanted: Wanted): Part<"subscriptions"> {
  const input = { customerId: wanted.customerId };
  try {
    const { value, ...told } = await ask.agentOrNone(
      "billing",
      "subscriptions",
      input,
      subscriptionList,
      customerUnknown,
    );
    return { ...told, data: value?.subscriptions ?? [] };
  } catch (error) {
    // A company's own system may be older than this operation: then it has been asked for the one all along.
    if (!(error instanceof AskError) || (error.code !== "invalid" && error.code !== "not_found")) throw error;
    const { value, ...told } = await ask.agentOrNone("billing", "subscription", input, record);
    return { ...told, data: value ? [value] : [] };
  }
}

export async function usageOf(ask: Asking, { customerId }: Wanted): Part<"usage"> {
  const { value, ...told } = await ask.agentOrNone("telemetry", "usage", { customerId }, usage);
  return { ...told, data: value };
}

/** What the desk itself would offer. It is asked for only where there is a subscription to offer something on. */
export async function offers(
  ask: Asking,
  { customerId }: Wanted,
  held: Promise<NonNullable<Parts["subscriptions"]>>,
): Part<"offers"> {
  const { data, total: _, ...known } = await held;
  if (data.every(({ status }) => status === "cancelled"))
    return { ...known, data: { offers: [], nextPlan: null } };
  const offersOn = (on: string) =>
    ask.agentOrNone(
      "billing",
      "offers",
      { customerId, on },
      offerList,
      (reason) => reason === "no_subscription",
    );
  const [onCancel, onUpgrade, plans] = await Promise.all([
    offersOn("cancel"),
    offersOn("upgrade"),
    ask.agent("billing", "plans", { customerId }, planList),
  ]);
  const { value: _value, ...told } = oldest([onCancel, onUpgrade, plans]);
  const all = [onCancel, onUpgrade].flatMap(({ value }) => value?.offers ?? []);
  return { ...told, data: { offers: all, nextPlan: plans.value.next ?? null } };
}

/** Facts that hold and that the role may read, newest first. */
export async function facts(ask: Asking, { customerKey, limit, role }: Wanted): Part<"facts"> {
  const input = { customer: customerKey, k: FACTS_AT_ONCE, role };
  const { value, ...told } = await ask.agent("memory", "recall", input, factList);
  const { now } = ask;
  const all = value.facts.map(
    ({ id, type, text, value: worth, confidence, validFrom, recordedAt, source }): FactEntry => ({
      id,
      type,
      text,
      value: worth,
      confidence,
      validFrom: iso(validFrom),
      recordedAt: iso(recordedAt),
      ageMs: Math.max(0, now - recordedAt),
      said: {
        conversation: source.conversation,
        ...(source.messageId ? { messageId: source.messageId } : {}),
        at: iso(source.at),
      },
    }),
  );
  // More than it answers at once it does not count.
  return { ...told, ...(all.length < FACTS_AT_ONCE ? { total: all.length } : {}), data: all.slice(0, limit) };
}

/** A part is as old as the oldest thing in it. */
function oldest(told: readonly Told<unknown>[]): Told<unknown> {
  return told.reduce((old, next) => (next.ageMs > old.ageMs ? next : old));
}

function counted(n: number | undefined): { total?: number } {
  return n === undefined ? {} : { total: n };
}
