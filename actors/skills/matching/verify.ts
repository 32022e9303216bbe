/**
 * Finding out who a customer is from what he knows.
 *
 * Who does not get through learns nothing: whether an e-mail, a postcode or an order exists changes neither the reason
 * nor what is asked for next; both follow from what was given alone.
 */
import {
  type Customer,
  lower,
  normalPostcode,
  type Reader,
  type VerificationFactor,
} from "../backoffice/index.ts";
import { findOrder, normalOrderId } from "../rules/orders.ts";
import { tokensOf } from "./words.ts";

export interface VerifyInput {
  readonly emails: readonly string[];
  readonly postcodes: readonly string[];
  readonly orders: readonly string[];
  readonly names: readonly string[];
  /** Everything that the customer has written so far. */
  readonly text: string;
}
export interface VerifyResult {
  readonly verified: boolean;
  readonly customerId?: string;
  readonly name?: string;
  readonly firstName?: string;
  readonly email?: string;
  /** The factors that were right. */
  readonly how?: readonly VerificationFactor[];
  readonly reason?: "no_match" | "need_more" | "ambiguous";
  /** What is lacking for the rule that lacks least. */
  readonly missing?: readonly VerificationFactor[];
  /** What is lacking for each rule. */
  readonly options?: readonly (readonly VerificationFactor[])[];
}

/** Of each kind only the last few that were given count, so that nobody can try a list. */
const CANDIDATES = 5;
const EMAIL = /[\w.+-]+@[\w-]+(?:\.[\w-]+)+/g;
const POSTCODE = /\b(?:\d{5}(?:-\d{4})?|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2})\b/gi;

export async function verify(
  reader: Reader,
  rules: readonly (readonly VerificationFactor[])[],
  orderPattern: string,
  input: VerifyInput,
): Promise<VerifyResult> {
  const numbers = input.text.match(new RegExp(`(?<![\\w@.])#?${orderPattern}(?![\\w@])`, "gi")) ?? [];
  const given = {
    email: recent([...(input.text.match(EMAIL) ?? []), ...input.emails].map(lower)),
    postcode: recent([...(input.text.match(POSTCODE) ?? []), ...input.postcodes].map(normalPostcode)),
    order: recent([...numbers, ...input.orders].map(normalOrderId)),
    name: input.names.map((n) => n.trim()).filter(Boolean),
  };
  const found: Record<"email" | "postcode" | "order", Map<string, Customer>> = {
    email: await customersBy(reader, "email", given.email),
    postcode: await customersBy(reader, "postcode", given.postcode),
    order: await ownersOf(reader, given.order),
  };
  const said = new Set([...tokensOf(input.text), ...input.names.flatMap(tokensOf)]);
  const all = new Map([...found.email, ...found.postcode, ...found.order]);
  const factorsOf = (c: Customer): Set<VerificationFactor> => {
    const right = new Set<VerificationFactor>();
    for (const factor of ["email", "postcode", "order"] as const)
      if (found[factor].has(c.id)) right.add(factor);
    if (nameIsSaid(c, said)) right.add("name");
    return right;
  };
  const passing = [...all.values()]
    .map((customer) => ({ customer, right: factorsOf(customer) }))
    .filter(({ right }) => rules.some((rule) => rule.every((factor) => right.has(factor))))
    .sort((a, b) => b.right.size - a.right.size);
  const [best, second] = passing;
  if (best && best.right.size !== second?.right.size) {
    const { id, firstName, lastName, email } = best.customer;
    return {
      verified: true,
      customerId: id,
      name: `${firstName} ${lastName}`,
      firstName,
      email,
      how: [...best.right],
    };
  }
  const lacking = rules.map((rule) => rule.filter((factor) => given[factor].length === 0));
  const asked = lacking.filter((missing) => missing.length > 0).sort((a, b) => a.length - b.length);
  if (best) return { verified: false, reason: "ambiguous", missing: asked[0] ?? [], options: asked };
  if (lacking.some((missing) => missing.length === 0)) {
    return { verified: false, reason: "no_match", missing: asked[0] ?? [], options: asked };
  }
  return { verified: false, reason: "need_more", missing: asked[0] ?? [], options: asked };
}

const recent = (values: string[]): string[] =>
  [...new Set(values.filter(Boolean).reverse())].slice(0, CANDIDATES);

async function customersBy(reader: Reader, index: string, values: string[]): Promise<Map<string, Customer>> {
  const found = await Promise.all(values.map((value) => reader.by("customers", index, value)));
  return new Map(found.flat().map((c) => [c.id, c]));
}

async function ownersOf(reader: Reader, numbers: string[]): Promise<Map<string, Customer>> {
  const owners = new Map<string, Customer>();
  for (const number of numbers) {
    const order = await findOrder(reader, number);
    const customer = order && (await reader.get("customers", order.customerId));
    if (customer) owners.set(customer.id, customer);
  }
  return owners;
}

/** First and last name both occur as words, whole and rightly spelt; accents and case do not matter. */
function nameIsSaid(customer: Customer, said: ReadonlySet<string>): boolean {
  const parts = [customer.firstName, customer.lastName].map(tokensOf);
  return parts.every((tokens) => tokens.length > 0 && tokens.every((token) => said.has(token)));
}
