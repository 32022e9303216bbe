/** Invoices, payments and refunds. */
import { z } from "zod";
import {
  INVOICE_STATUSES,
  type Invoice,
  invoiceSchema,
  lower,
  type Order,
  type Reader,
  type Refund,
  Refusal,
} from "../backoffice/index.ts";
import {
  approvalFor,
  cents,
  customerOf,
  methodFor,
  ownOrder,
  paidFor,
  requireApproval,
} from "../rules/orders.ts";
import { type AnySkill, read, write } from "../skill.ts";
import { approval } from "./order-changes.ts";

const INVOICE_REASONS = ["unknown_invoice", "not_yours"];

async function ownInvoice(reader: Reader, customerId: string, invoiceId: string): Promise<Invoice> {
  const invoice =
    (await reader.get("invoices", invoiceId)) ?? (await reader.by("invoices", "number", lower(invoiceId)))[0];
  if (!invoice) throw new Refusal("not_found", "unknown_invoice", `there is no invoice ${invoiceId}`);
  if (invoice.customerId !== customerId) {
    throw new Refusal("forbidden", "not_yours", `invoice ${invoiceId} is not on this account`);
  }
  return invoice;
}

interface Refundable {
  readonly order?: Order;
  readonly invoice?: Invoice;
  /** What has been paid and not been paid back. */
  readonly left: number;
  readonly currency: string;
}

async function refundable(
  reader: Reader,
  input: { customerId: string; invoiceId?: string; orderId?: string },
): Promise<Refundable> {
  const invoice = input.invoiceId ? await ownInvoice(reader, input.customerId, input.invoiceId) : undefined;
  const orderId = input.orderId ?? invoice?.orderId;
  if (orderId) {
    const order = await ownOrder(reader, input.customerId, orderId);
    const own = invoice ?? (await reader.by("invoices", "orderId", order.id))[0];
    return { order, invoice: own, left: paidFor(order), currency: order.currency };
  }
  if (!invoice) throw new Refusal("invalid", "what_for", "a refund needs an invoice or an order");
  const paid = invoice.status === "paid" || invoice.status === "refunded" ? invoice.amount : 0;
  const back = (await reader.by("refunds", "invoiceId", invoice.id))
    .filter((r) => r.status === "done")
    .reduce((sum, r) => sum + r.amount, 0);
  return { invoice, left: cents(paid - back), currency: invoice.currency };
}

const what = { customerId: z.string(), invoiceId: z.string().optional(), orderId: z.string().optional() };
const REFUND_REASONS = [...INVOICE_REASONS, "unknown_order", "what_for", "nothing_paid", "too_much"];

export const billing: readonly AnySkill[] = [
  read({
    name: "billing.invoices",
    description: "The customer's invoices, newest first.",
    input: z.strictObject({
      customerId: z.string(),
      orderId: z.string().optional(),
      statuses: z.array(z.enum(INVOICE_STATUSES)).optional(),
      limit: z.number().int().min(1).max(100).default(20),
    }),
    output: z.looseObject({ invoices: z.array(invoiceSchema.loose()) }),
    run: async ({ customerId, orderId, statuses, limit }, { office }) => {
      const all = (await office.by("invoices", "customerId", customerId))
        .filter((i) => (!statuses || statuses.includes(i.status)) && (!orderId || i.orderId === orderId))
        .sort((a, b) => b.issuedAt.localeCompare(a.issuedAt) || b.number.localeCompare(a.number));
      return { invoices: all.slice(0, limit), total: all.length };
    },
  }),
  read({
    name: "billing.invoice",
    description: "One invoice of the customer, by number.",
    input: z.strictObject({ customerId: z.string(), invoiceId: z.string() }),
    reasons: INVOICE_REASONS,
    output: invoiceSchema.loose(),
    run: async ({ customerId, invoiceId }, { office }) => ({
      ...(await ownInvoice(office, customerId, invoiceId)),
    }),
  }),
  read({
    name: "billing.check_refund",
    description:
      "How much of an order or invoice can be paid back, and whether that needs a person's approval.",
    input: z.strictObject({ ...what, amount: z.number().positive().optional() }),
    reasons: REFUND_REASONS,
    run: async (input, { office }) => {
      const settings = await office.settings();
      const { left, currency } = await refundable(office, input);
      const amount = input.amount ?? left;
      const needed = approvalFor(amount, settings);
      return {
        allowed: left > 0 && amount <= left,
        ...(left <= 0 ? { reason: "nothing_paid" } : amount > left ? { reason: "too_much" } : {}),
        amount,
        left,
        currency,
        ...(needed ? { approval: needed } : {}),
      };
    },
  }),
  write({
    name: "billing.refund",
    description: "Pays money back for an order or an invoice; above a limit a person has to approve.",
    input: z.strictObject({
      ...what,
      /** Everything that was paid unless given. */
      amount: z.number().positive().optional(),
      reason: z.string().max(300).optional(),
      /** Payment method; the one that was paid with unless given. */
      method: z.string().optional(),
      approval,
    }),
    reasons: [...REFUND_REASONS, "unknown_method", "approval_needed"],
    compensatedBy: "billing.undo_refund",
    change: async (input, tx, { now }) => {
      const { order, invoice, left, currency } = await refundable(tx, input);
      const amount = cents(input.amount ?? left);
      if (left <= 0) throw new Refusal("conflict", "nothing_paid", "there is nothing left to pay back");
      if (amount > left) {
        throw new Refusal("conflict", "too_much", `${amount} is more than the ${left} that were paid`, {
          left,
        });
      }
      requireApproval(amount, tx.settings, input.approval);
      const method = methodFor(await customerOf(tx, input.customerId), order, input.method);
      const at = new Date(now).toISOString();
      const given = input.approval;
      const refund: Refund = {
        id: tx.newId("REF"),
        customerId: input.customerId,
        ...(order ? { orderId: order.id } : {}),
        ...(invoice ? { invoiceId: invoice.id } : {}),
        amount,
        currency,
        ...(input.reason ? { reason: input.reason } : {}),
        methodId: method.id,
        status: "done",
        ...(given ? { approvalId: typeof given === "string" ? given : given.id } : {}),
        at,
      };
      tx.put("refunds", refund);
      if (order) {
        const entry = { kind: "refund" as const, amount, methodId: method.id, at, reference: refund.id };
        tx.put("orders", { ...order, payments: [...order.payments, entry] });
      }
      if (invoice && amount === left) tx.put("invoices", { ...invoice, status: "refunded" });
      return { ...refund, refundId: refund.id, method: method.label };
    },
  }),
  write({
    name: "billing.undo_refund",
    description: "Takes the last refund of an order or invoice (or the one named) back.",
    input: z.strictObject({ ...what, refundId: z.string().optional() }),
    reasons: [...INVOICE_REASONS, "nothing_to_undo"],
    change: async (input, tx) => {
      const candidates = input.orderId
        ? await tx.by("refunds", "orderId", (await ownOrder(tx, input.customerId, input.orderId)).id)
        : input.invoiceId
          ? await tx.by("refunds", "invoiceId", (await ownInvoice(tx, input.customerId, input.invoiceId)).id)
          : await tx.by("refunds", "customerId", input.customerId);
      const refund = candidates
        .filter((r) => r.status === "done" && r.customerId === input.customerId)
        .filter((r) => input.refundId === undefined || r.id === input.refundId)
        .sort((a, b) => b.at.localeCompare(a.at))[0];
      if (!refund) throw new Refusal("conflict", "nothing_to_undo", "there is no refund to take back");
      tx.put("refunds", { ...refund, status: "withdrawn" });
      const order = refund.orderId ? await tx.get("orders", refund.orderId) : undefined;
      if (order)
        tx.put("orders", { ...order, payments: order.payments.filter((p) => p.reference !== refund.id) });
      const invoice = refund.invoiceId ? await tx.get("invoices", refund.invoiceId) : undefined;
      if (invoice?.status === "refunded") tx.put("invoices", { ...invoice, status: "paid" });
      return { ...refund, status: "withdrawn" };
    },
  }),
  write({
    name: "billing.retry_payment",
    description: "Tries to collect an invoice that is not paid, from another payment method if one is given.",
    input: z.strictObject({ customerId: z.string(), invoiceId: z.string(), method: z.string().optional() }),
    reasons: [...INVOICE_REASONS, "already_paid", "not_payable", "unknown_method", "payment_declined"],
    compensatedBy: "billing.undo_payment",
    change: async (input, tx, { now }) => {
      const invoice = await ownInvoice(tx, input.customerId, input.invoiceId);
      const details = { invoiceId: invoice.id, status: invoice.status };
      if (invoice.status === "paid") {
        throw new Refusal("conflict", "already_paid", `invoice ${invoice.number} is paid`, details);
      }
      if (invoice.status === "refunded" || invoice.status === "void") {
        throw new Refusal(
          "conflict",
          "not_payable",
          `invoice ${invoice.number} is ${invoice.status}`,
          details,
        );
      }
      const subscription = invoice.subscriptionId
        ? await tx.get("subscriptions", invoice.subscriptionId)
        : undefined;
      const customer = await customerOf(tx, input.customerId);
      const known = customer.paymentMethods.some((m) => m.id === subscription?.methodId);
      const method = methodFor(
        customer,
        undefined,
        input.method ?? (known ? subscription?.methodId : undefined),
      );
      if (method.problem) {
        throw new Refusal("conflict", "payment_declined", `${method.label} was declined: ${method.problem}`, {
          ...details,
          problem: method.problem,
          method: method.label,
        });
      }
      const attempt = { id: tx.newId("PAY"), at: new Date(now).toISOString(), methodId: method.id, ok: true };
      const paid: Invoice = { ...invoice, status: "paid", attempts: [...(invoice.attempts ?? []), attempt] };
      tx.put("invoices", paid);
      if (subscription?.status === "past_due") {
        tx.put("subscriptions", { ...subscription, status: "active", methodId: method.id });
      }
      return { ...paid, paymentId: attempt.id, method: method.label };
    },
  }),
  write({
    name: "billing.undo_payment",
    description: "Takes the last payment of an invoice back.",
    input: z.strictObject({ customerId: z.string(), invoiceId: z.string(), method: z.string().optional() }),
    reasons: [...INVOICE_REASONS, "nothing_to_undo"],
    change: async (input, tx) => {
      const invoice = await ownInvoice(tx, input.customerId, input.invoiceId);
      const attempts = invoice.attempts ?? [];
      if (invoice.status !== "paid" || !attempts.at(-1)?.ok) {
        throw new Refusal(
          "conflict",
          "nothing_to_undo",
          `invoice ${invoice.number} has no payment to take back`,
        );
      }
      const open: Invoice = { ...invoice, status: "failed", attempts: attempts.slice(0, -1) };
      tx.put("invoices", open);
      const subscription = invoice.subscriptionId
        ? await tx.get("subscriptions", invoice.subscriptionId)
        : undefined;
      if (subscription?.status === "active") tx.put("subscriptions", { ...subscription, status: "past_due" });
      return { ...open };
    },
  }),
];
