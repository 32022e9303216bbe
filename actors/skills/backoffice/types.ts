/**
 * The domain model of the embedded back office.
 *
 * Amounts are numbers in the dataset's currency with two decimals. Times are ISO 8601 text in UTC
 * (`2026-11-20T09:30:00.000Z`). Objects are strict: a field that is not named here is refused on import, so that a
 * misspelt one does not vanish.
 */
import { z } from "zod";

const id = z.string().min(1).max(128);
const text = z.string().max(500);
/** ISO 8601, UTC. */
const time = z.iso.datetime();
/** Cents matter, fractions of them do not. */
const amount = z
  .number()
  .refine((v) => Math.abs(v * 100 - Math.round(v * 100)) < 1e-6, "must have at most two decimals");

export const addressSchema = z.strictObject({
  line1: text.min(1),
  line2: text.optional(),
  city: text.min(1),
  state: text.optional(),
  postcode: z.string().min(1).max(16),
  country: text.min(1),
});
export type PostalAddress = z.infer<typeof addressSchema>;

export const paymentMethodSchema = z.strictObject({
  id,
  /** `card`, `paypal`, `gift_card`, `direct_debit` … */
  kind: z.string().min(1).max(40),
  /** As it may be shown to the customer: `Visa ending 4242`. Never a full number. */
  label: text,
  /** What the bank would say to a charge; absent means that it goes through. */
  problem: z.enum(["expired", "insufficient_funds", "declined"]).optional(),
});
export type PaymentMethod = z.infer<typeof paymentMethodSchema>;

export const customerSchema = z.strictObject({
  id,
  firstName: text.min(1),
  lastName: text.min(1),
  email: z.string().min(3).max(254),
  phone: text.optional(),
  address: addressSchema,
  paymentMethods: z.array(paymentMethodSchema),
  since: time.optional(),
});
export type Customer = z.infer<typeof customerSchema>;

export const ORDER_STATUSES = [
  "pending",
  "processed",
  "shipped",
  "delivered",
  "cancelled",
  "return_requested",
  "exchange_requested",
] as const;
export type OrderStatus = (typeof ORDER_STATUSES)[number];

export const orderItemSchema = z.strictObject({
  itemId: id,
  productId: id,
  name: text.min(1),
  price: amount,
  options: z.record(z.string(), z.string()),
});
export type OrderItem = z.infer<typeof orderItemSchema>;

export const orderPaymentSchema = z.strictObject({
  kind: z.enum(["payment", "refund"]),
  amount,
  methodId: id,
  at: time.optional(),
  /** The return, exchange or refund that it belongs to. */
  reference: id.optional(),
});
export type OrderPayment = z.infer<typeof orderPaymentSchema>;

export const orderChangeSchema = z.strictObject({
  id,
  /** `items`: other variants in an order that had not left yet. */
  kind: z.enum(["return", "exchange", "replacement", "items"]),
  itemIds: z.array(id),
  newItemIds: z.array(id).optional(),
  /** What the customer gets back (positive) or has to pay (negative). */
  amount,
  methodId: id.optional(),
  reason: text.optional(),
  status: z.enum(["requested", "received", "refunded", "withdrawn", "done"]),
  requestedAt: time,
  /** The order's status before, which a withdrawal brings back. */
  statusBefore: z.enum(ORDER_STATUSES),
  /** What the order held before, of `items`. */
  itemsBefore: z.array(orderItemSchema).optional(),
});
export type OrderChange = z.infer<typeof orderChangeSchema>;

export const orderSchema = z.strictObject({
  /** As printed on the customer's papers, in the form of the dataset's order pattern: `W1234567`. */
  id,
  customerId: id,
  status: z.enum(ORDER_STATUSES),
  placedAt: time.optional(),
  shippedAt: time.optional(),
  deliveredAt: time.optional(),
  /** When the carrier means to deliver. */
  expectedAt: time.optional(),
  cancelledAt: time.optional(),
  cancelReason: text.optional(),
  /** What the status was before it was cancelled. */
  statusBefore: z.enum(ORDER_STATUSES).optional(),
  items: z.array(orderItemSchema).min(1),
  total: amount,
  currency: z.string().length(3),
  address: addressSchema,
  tracking: z.array(z.string()),
  payments: z.array(orderPaymentSchema),
  changes: z.array(orderChangeSchema).optional(),
});
export type Order = z.infer<typeof orderSchema>;

export const variantSchema = z.strictObject({
  itemId: id,
  options: z.record(z.string(), z.string()),
  available: z.boolean(),
  price: amount,
});
export type Variant = z.infer<typeof variantSchema>;

export const productSchema = z.strictObject({ id, name: text.min(1), variants: z.array(variantSchema) });
export type Product = z.infer<typeof productSchema>;

export const planSchema = z.strictObject({
  id,
  name: text.min(1),
  price: amount,
  currency: z.string().length(3),
  period: z.enum(["month", "year"]),
  /** From the smallest to the largest, so that an upgrade can be told from a downgrade. */
  rank: z.number().int(),
  /** Metric to monthly allowance. */
  limits: z.record(z.string(), z.number()),
});
export type Plan = z.infer<typeof planSchema>;

export const SUBSCRIPTION_STATUSES = ["active", "past_due", "paused", "cancelled"] as const;
export const subscriptionSchema = z.strictObject({
  id,
  customerId: id,
  planId: id,
  /** Name of the plan. */
  plan: text,
  status: z.enum(SUBSCRIPTION_STATUSES),
  /** For one period, before a discount. */
  price: amount,
  currency: z.string().length(3),
  methodId: id.optional(),
  startedAt: time.optional(),
  renewsAt: time.optional(),
  /** It was cancelled and runs until then. */
  endsAt: time.optional(),
  cancelReason: text.optional(),
  statusBefore: z.enum(SUBSCRIPTION_STATUSES).optional(),
  /** The plan before the last change of plan. */
  planBefore: id.optional(),
  discount: z.strictObject({ offerId: id, percent: z.number().min(0).max(100), until: time }).optional(),
});
export type Subscription = z.infer<typeof subscriptionSchema>;

export const INVOICE_STATUSES = ["open", "paid", "failed", "overdue", "refunded", "void"] as const;
export const invoiceSchema = z.strictObject({
  id,
  customerId: id,
  orderId: id.optional(),
  subscriptionId: id.optional(),
  /** As printed: `INV-204517`. */
  number: text.min(1),
  amount,
  currency: z.string().length(3),
  status: z.enum(INVOICE_STATUSES),
  issuedAt: time,
  dueAt: time.optional(),
  lines: z.array(z.strictObject({ text, amount })),
  /** Attempts to collect it, oldest first. */
  attempts: z
    .array(z.strictObject({ id, at: time, methodId: id, ok: z.boolean(), problem: z.string().optional() }))
    .optional(),
});
export type Invoice = z.infer<typeof invoiceSchema>;

export const refundSchema = z.strictObject({
  id,
  customerId: id,
  orderId: id.optional(),
  invoiceId: id.optional(),
  amount,
  currency: z.string().length(3),
  reason: text.optional(),
  methodId: id.optional(),
  status: z.enum(["done", "withdrawn"]),
  /** Id of the approval under which an amount above the limit went out. */
  approvalId: id.optional(),
  at: time,
});
export type Refund = z.infer<typeof refundSchema>;

export const usageSchema = z.strictObject({
  id,
  customerId: id,
  /** `2026-11`. */
  month: z.string().regex(/^\d{4}-\d{2}$/, "must look like 2026-11"),
  metric: text.min(1),
  used: z.number().min(0),
  limit: z.number().min(0),
  unit: text.optional(),
});
export type Usage = z.infer<typeof usageSchema>;

export const offerSchema = z.strictObject({
  id,
  name: text.min(1),
  /** When it may be made: to somebody who cancels, or to somebody who should upgrade. */
  on: z.enum(["cancel", "upgrade"]),
  percent: z.number().min(0).max(100),
  months: z.number().int().min(1),
  /** Plans to which it applies; all when absent. */
  planIds: z.array(id).optional(),
});
export type Offer = z.infer<typeof offerSchema>;

/** Collections with a known shape. Others may be made by an import; they are kept as they come. */
export const COLLECTIONS = {
  customers: customerSchema,
  orders: orderSchema,
  products: productSchema,
  plans: planSchema,
  subscriptions: subscriptionSchema,
  invoices: invoiceSchema,
  refunds: refundSchema,
  usage: usageSchema,
  offers: offerSchema,
} as const;
export type CollectionName = keyof typeof COLLECTIONS;
export type RecordOf<C extends CollectionName> = z.infer<(typeof COLLECTIONS)[C]>;

export const VERIFICATION_FACTORS = ["email", "order", "postcode", "name"] as const;
export type VerificationFactor = (typeof VERIFICATION_FACTORS)[number];

/** What may differ between companies. */
export const settingsSchema = z.strictObject({
  currency: z.string().length(3).default("EUR"),
  /** Regular expression of a whole order number. */
  orderPattern: z
    .string()
    .default("W\\d{7}")
    .refine((v) => {
      try {
        new RegExp(v);
        return true;
      } catch {
        return false;
      }
    }, "must be a regular expression"),
  /** Each rule lists what has to be right together; one rule is enough. */
  verification: z
    .array(
      z
        .array(z.enum(VERIFICATION_FACTORS))
        .min(1)
        .refine(
          (rule) => rule.includes("email") || rule.includes("order") || rule.includes("postcode"),
          "needs email, order or postcode: a name alone finds nobody",
        )
        .refine((rule) => rule.length > 1 || rule[0] === "email", "needs a second factor besides it"),
    )
    .min(1)
    .default([
      ["order", "email"],
      ["order", "postcode"],
      ["email", "postcode"],
    ]),
  /** Refunds above it need a person's approval. */
  refundApprovalLimit: z.number().min(0).default(200),
  /** Days after delivery in which an item can be sent back or exchanged. */
  returnWindowDays: z.number().int().min(0).default(30),
  /** Days after delivery in which a damaged item is replaced. */
  damageWindowDays: z.number().int().min(0).default(60),
  /** Order statuses in which an order can be cancelled. */
  cancellable: z.array(z.enum(ORDER_STATUSES)).default(["pending"]),
  /** Order statuses in which the address can be changed. */
  readdressable: z.array(z.enum(ORDER_STATUSES)).default(["pending", "processed"]),
});
export type Settings = z.infer<typeof settingsSchema>;

/** Some settings: what is not given stays as it is in the dataset, and gets no default. */
export const someSettingsSchema = z
  .record(z.string(), z.unknown())
  .transform((given, context): Partial<Settings> => {
    const parsed = settingsSchema.safeParse(given);
    if (parsed.success) {
      return Object.fromEntries(Object.entries(parsed.data).filter(([key]) => Object.hasOwn(given, key)));
    }
    for (const { path, message } of parsed.error.issues) {
      context.addIssue({ code: "custom", path: [...path], message });
    }
    return z.NEVER;
  });
