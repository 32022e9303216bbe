/** Subscriptions: plans, changes of plan, cancelling, offers. */
import { z } from "zod";
import {
  type Plan,
  type Reader,
  Refusal,
  type Subscription,
  subscriptionSchema,
  type Transaction,
} from "../backoffice/index.ts";
import { cents } from "../rules/orders.ts";
import { type AnySkill, read, write } from "../skill.ts";

const DAY = 86_400_000;
const owner = { customerId: z.string(), subscriptionId: z.string().optional() };
const REASONS = ["no_subscription", "not_yours"];
const SIGNIFICANCE: Record<Subscription["status"], number> = {
  active: 0,
  past_due: 1,
  paused: 2,
  cancelled: 3,
};

const liveliest = (a: Subscription, b: Subscription): number =>
  SIGNIFICANCE[a.status] - SIGNIFICANCE[b.status] || a.id.localeCompare(b.id);

/** The one named, else the liveliest of the customer. */
async function ownSubscription(
  reader: Reader,
  input: { customerId: string; subscriptionId?: string },
): Promise<Subscription> {
  const own = await reader.by("subscriptions", "customerId", input.customerId);
  if (input.subscriptionId) {
    const named = await reader.get("subscriptions", input.subscriptionId);
    if (named && named.customerId !== input.customerId) {
      throw new Refusal(
        "forbidden",
        "not_yours",
        `subscription ${input.subscriptionId} is not on this account`,
      );
    }
    if (named) return named;
  } else if (own.length > 0) return own.sort(liveliest)[0]!;
  throw new Refusal("not_found", "no_subscription", "there is no such subscription on this account");
}

const details = (s: Subscription) => ({ subscriptionId: s.id, status: s.status, plan: s.plan });
function requireLive(s: Subscription): void {
  if (s.status !== "active" && s.status !== "past_due") {
    throw new Refusal("conflict", "not_active", `subscription ${s.id} is ${s.status}`, details(s));
  }
}

async function planNamed(reader: Reader & PlanLister, wanted: string): Promise<Plan> {
  const plans = await reader.list("plans");
  const folded = wanted.trim().toLowerCase();
  const plan = plans.find((p) => p.id.toLowerCase() === folded || p.name.toLowerCase() === folded);
  if (!plan) {
    throw new Refusal("not_found", "unknown_plan", `there is no plan ${wanted}`, {
      plans: plans.map((p) => p.name),
    });
  }
  return plan;
}
interface PlanLister {
  list(collection: "plans"): Promise<Plan[]>;
}

/** Metrics of this month whose use is above what a plan allows. */
async function aboveLimits(reader: Reader, customerId: string, plan: Plan, now: number): Promise<string[]> {
  const month = new Date(now).toISOString().slice(0, 7);
  const usage = await reader.by("usage", "customerId", customerId);
  return usage
    .filter((u) => u.month === month && u.used > (plan.limits[u.metric] ?? Number.POSITIVE_INFINITY))
    .map((u) => u.metric);
}

export const subscriptions: readonly AnySkill[] = [
  read({
    name: "billing.subscription",
    description: "The customer's subscription: plan, price, status, renewal.",
    input: z.strictObject(owner),
    reasons: REASONS,
    output: subscriptionSchema.loose(),
    run: async (input, { office }) => ({ ...(await ownSubscription(office, input)) }),
  }),
  read({
    name: "billing.subscriptions",
    description: "All subscriptions of the customer, the liveliest first.",
    input: z.strictObject({ customerId: z.string() }),
    output: z.looseObject({ subscriptions: z.array(subscriptionSchema.loose()) }),
    run: async ({ customerId }, { office }) => ({
      subscriptions: (await office.by("subscriptions", "customerId", customerId)).sort(liveliest),
    }),
  }),
  read({
    name: "billing.plans",
    description:
      "All plans from the smallest to the largest and, for a customer, his own and the next larger one.",
    input: z.strictObject({ customerId: z.string().optional() }),
    run: async ({ customerId }, { office }) => {
      const plans = (await office.list("plans")).sort((a, b) => a.rank - b.rank);
      const own = customerId ? await office.by("subscriptions", "customerId", customerId) : [];
      const live = own.find((s) => s.status !== "cancelled");
      const current = plans.find((p) => p.id === live?.planId) ?? null;
      const next = current ? (plans.find((p) => p.rank > current.rank) ?? null) : null;
      return { plans, current, next };
    },
  }),
  read({
    name: "billing.offers",
    description:
      "Offers that may be made to a customer who wants to cancel or should upgrade; none if he has one.",
    input: z.strictObject({ ...owner, on: z.enum(["cancel", "upgrade"]).default("cancel") }),
    reasons: REASONS,
    run: async (input, { office, now }) => {
      const subscription = await ownSubscription(office, input);
      const has = subscription.discount && Date.parse(subscription.discount.until) > now;
      const all = has || subscription.status !== "active" ? [] : await office.list("offers");
      const offers = all
        .filter((o) => o.on === input.on && (!o.planIds || o.planIds.includes(subscription.planId)))
        .map((o) => ({ ...o, price: cents(subscription.price * (1 - o.percent / 100)) }));
      return { offers, subscription };
    },
  }),
  write({
    name: "billing.change_plan",
    description: "Puts the subscription on another plan from now on.",
    input: z.strictObject({ ...owner, plan: z.string().min(1) }),
    reasons: [...REASONS, "not_active", "unknown_plan", "same_plan", "usage_above_limit"],
    compensatedBy: "billing.undo_change_plan",
    change: async (input, tx, { now, office }) => {
      const subscription = await ownSubscription(tx, input);
      requireLive(subscription);
      const plan = await planNamed(office, input.plan);
      if (plan.id === subscription.planId) {
        throw new Refusal(
          "conflict",
          "same_plan",
          `the subscription is on ${plan.name} already`,
          details(subscription),
        );
      }
      const above = await aboveLimits(tx, input.customerId, plan, now);
      if (above.length > 0) {
        throw new Refusal(
          "conflict",
          "usage_above_limit",
          `this month's ${above.join(", ")} is above ${plan.name}`,
          {
            ...details(subscription),
            metrics: above,
          },
        );
      }
      const updated: Subscription = {
        ...subscription,
        planId: plan.id,
        plan: plan.name,
        price: plan.price,
        planBefore: subscription.planId,
      };
      tx.put("subscriptions", updated);
      await setLimits(tx, input.customerId, plan, now);
      return {
        ...updated,
        previousPlan: subscription.plan,
        previousPrice: subscription.price,
        difference: cents(plan.price - subscription.price),
      };
    },
  }),
  write({
    name: "billing.undo_change_plan",
    description: "Puts the subscription back on the plan before the last change.",
    input: z.strictObject(owner),
    reasons: [...REASONS, "nothing_to_undo"],
    change: async (input, tx, { now, office }) => {
      const { planBefore, ...subscription } = await ownSubscription(tx, input);
      const plan = planBefore ? await office.get("plans", planBefore) : undefined;
      if (!plan) throw new Refusal("conflict", "nothing_to_undo", "there is no change of plan to take back");
      const updated: Subscription = { ...subscription, planId: plan.id, plan: plan.name, price: plan.price };
      tx.put("subscriptions", updated);
      await setLimits(tx, input.customerId, plan, now);
      return { ...updated };
    },
  }),
  write({
    name: "billing.cancel_subscription",
    description: "Ends the subscription at the end of the period that is paid.",
    input: z.strictObject({ ...owner, reason: z.string().max(300).optional() }),
    reasons: [...REASONS, "already_cancelled"],
    compensatedBy: "billing.resume_subscription",
    change: async (input, tx, { now }) => {
      const subscription = await ownSubscription(tx, input);
      if (subscription.status === "cancelled") {
        throw new Refusal("conflict", "already_cancelled", "the subscription is cancelled already", {
          ...details(subscription),
          ...(subscription.endsAt ? { endsAt: subscription.endsAt } : {}),
        });
      }
      const { renewsAt, ...rest } = subscription;
      const updated: Subscription = {
        ...rest,
        status: "cancelled",
        statusBefore: subscription.status,
        endsAt: renewsAt ?? new Date(now).toISOString(),
        ...(input.reason ? { cancelReason: input.reason } : {}),
      };
      tx.put("subscriptions", updated);
      return { ...updated };
    },
  }),
  write({
    name: "billing.resume_subscription",
    description: "Takes a cancellation back that has not taken effect yet.",
    input: z.strictObject(owner),
    reasons: [...REASONS, "not_cancelled", "ended"],
    compensatedBy: "billing.cancel_subscription",
    change: async (input, tx, { now }) => {
      const subscription = await ownSubscription(tx, input);
      if (subscription.status !== "cancelled") {
        throw new Refusal(
          "conflict",
          "not_cancelled",
          "the subscription is not cancelled",
          details(subscription),
        );
      }
      const { endsAt, statusBefore, cancelReason: _, ...rest } = subscription;
      // At the very moment of the cancellation it can be taken back, also where no renewal was ahead.
      if (endsAt && Date.parse(endsAt) < now - DAY) {
        throw new Refusal("conflict", "ended", "the subscription has ended", {
          ...details(subscription),
          endsAt,
        });
      }
      const updated: Subscription = {
        ...rest,
        status: statusBefore ?? "active",
        ...(endsAt ? { renewsAt: endsAt } : {}),
      };
      tx.put("subscriptions", updated);
      return { ...updated };
    },
  }),
  write({
    name: "billing.apply_offer",
    description: "Gives the subscription the discount of an offer.",
    input: z.strictObject({ ...owner, offerId: z.string() }),
    reasons: [...REASONS, "not_active", "unknown_offer", "offer_not_for_plan", "already_discounted"],
    compensatedBy: "billing.remove_offer",
    change: async (input, tx, { now }) => {
      const subscription = await ownSubscription(tx, input);
      requireLive(subscription);
      const offer = await tx.get("offers", input.offerId);
      if (!offer) throw new Refusal("not_found", "unknown_offer", `there is no offer ${input.offerId}`);
      if (offer.planIds && !offer.planIds.includes(subscription.planId)) {
        throw new Refusal("conflict", "offer_not_for_plan", `${offer.name} is not for ${subscription.plan}`);
      }
      if (subscription.discount && Date.parse(subscription.discount.until) > now) {
        throw new Refusal("conflict", "already_discounted", "the subscription has a discount already", {
          ...details(subscription),
          until: subscription.discount.until,
        });
      }
      const until = new Date(now);
      until.setUTCMonth(until.getUTCMonth() + offer.months);
      const discount = { offerId: offer.id, percent: offer.percent, until: until.toISOString() };
      const updated: Subscription = { ...subscription, discount };
      tx.put("subscriptions", updated);
      return { ...updated, offer, discountedPrice: cents(subscription.price * (1 - offer.percent / 100)) };
    },
  }),
  write({
    name: "billing.remove_offer",
    description: "Takes the discount of an offer back.",
    input: z.strictObject({ ...owner, offerId: z.string().optional() }),
    reasons: [...REASONS, "nothing_to_undo"],
    change: async (input, tx) => {
      const { discount, ...rest } = await ownSubscription(tx, input);
      if (!discount || (input.offerId && discount.offerId !== input.offerId)) {
        throw new Refusal("conflict", "nothing_to_undo", "there is no such discount");
      }
      tx.put("subscriptions", rest);
      return { ...rest };
    },
  }),
];

/** This month's allowances follow the plan. */
async function setLimits(tx: Transaction, customerId: string, plan: Plan, now: number): Promise<void> {
  const month = new Date(now).toISOString().slice(0, 7);
  for (const usage of await tx.by("usage", "customerId", customerId)) {
    const limit = plan.limits[usage.metric];
    if (usage.month === month && limit !== undefined) tx.put("usage", { ...usage, limit });
  }
}
