/** Customers: who they are and how to reach them. */
import { z } from "zod";
import { customerSchema, type PostalAddress, VERIFICATION_FACTORS } from "../backoffice/index.ts";
import { verify } from "../matching/verify.ts";
import { customerOf } from "../rules/orders.ts";
import { type AnySkill, read, write } from "../skill.ts";

const list = z.array(z.string().max(300)).max(50).default([]);

/** A new address; what is left out stays as it was. */
export const newAddress = z.strictObject({
  line1: z.string().min(1).max(200),
  line2: z.string().max(200).optional(),
  city: z.string().min(1).max(200),
  state: z.string().max(100).optional(),
  postcode: z.string().min(1).max(16),
  country: z.string().max(100).optional(),
});

export function mergedAddress(old: PostalAddress, given: z.output<typeof newAddress>): PostalAddress {
  const { line1, line2, city, postcode } = given;
  const merged: PostalAddress = { line1, city, postcode, country: given.country ?? old.country };
  if (line2) merged.line2 = line2;
  const state = given.state ?? (given.country && given.country !== old.country ? undefined : old.state);
  if (state) merged.state = state;
  return merged;
}

export const crm: readonly AnySkill[] = [
  read({
    name: "crm.verify",
    description: "Finds out who the customer is from what he gave: e-mail, order number, postcode, name.",
    input: z.strictObject({
      emails: list,
      postcodes: list,
      orders: list,
      names: list,
      text: z.string().max(200_000).default(""),
      /** Replaces the dataset's rules. */
      rules: z
        .array(z.array(z.enum(VERIFICATION_FACTORS)).min(1))
        .min(1)
        .optional(),
    }),
    output: z.union([
      z.looseObject({ verified: z.literal(true), customerId: z.string().min(1) }),
      z.looseObject({ verified: z.literal(false), reason: z.enum(["no_match", "need_more", "ambiguous"]) }),
    ]),
    run: async ({ rules, ...given }, { office }) => {
      const settings = await office.settings();
      return { ...(await verify(office, rules ?? settings.verification, settings.orderPattern, given)) };
    },
  }),
  read({
    name: "crm.customer",
    description: "Name, address, e-mail and payment methods of a customer.",
    input: z.strictObject({ customerId: z.string() }),
    reasons: ["unknown_customer"],
    output: customerSchema.loose(),
    run: async ({ customerId }, { office }) => {
      const customer = await customerOf(office, customerId);
      return { ...customer, name: `${customer.firstName} ${customer.lastName}` };
    },
  }),
  write({
    name: "crm.update_address",
    description: "Changes the customer's own address; orders that are on their way keep theirs.",
    input: z.strictObject({ customerId: z.string(), address: newAddress }),
    reasons: ["unknown_customer"],
    compensatedBy: "crm.update_address",
    change: async ({ customerId, address }, tx) => {
      const customer = await customerOf(tx, customerId);
      const updated = { ...customer, address: mergedAddress(customer.address, address) };
      tx.put("customers", updated);
      return { customerId, address: updated.address, previous: customer.address };
    },
  }),
];
