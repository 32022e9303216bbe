/** Who a customer has shown to be, judged from what he wrote and the imported files alone. */
import { literal } from "./mentions.ts";
import { type FactCustomer, type FactWorld, flat, normalId } from "./world.ts";

export type Proof = "email" | "name" | "postcode" | "order";

/** Sets of proofs; one set is enough. */
export type Ways = readonly (readonly Proof[])[];

/** Customers for whom what was written so far holds a whole set of proofs. */
export function verifiedBy(texts: readonly string[], world: FactWorld, ways: Ways): FactCustomer[] {
  const all = texts.join("\n");
  const lower = all.toLowerCase();
  const words = ` ${flat(all)} `;
  const emails = new Set(lower.match(/[\w.+-]+@[\w-]+(?:\.[\w-]+)+/g) ?? []);
  const orders = new Set((all.match(/(?<![\w-])#?[A-Za-z]\d{7}\b/g) ?? []).map(normalId));
  const owners = new Set([...orders].map((id) => world.orders.get(id)?.customerId));
  const proves: Record<Proof, (c: FactCustomer) => boolean> = {
    email: (c) => emails.has(c.email),
    name: (c) => words.includes(` ${flat(c.firstName)} `) && words.includes(` ${flat(c.lastName)} `),
    postcode: (c) => c.postcode !== "" && new RegExp(`(?<!\\w)${literal(c.postcode)}(?!\\w)`).test(words),
    order: (c) => owners.has(c.id),
  };
  return [...world.customers.values()].filter((c) =>
    ways.some((way) => way.every((proof) => proves[proof](c))),
  );
}

/** Ids of orders that somebody wrote. */
export function ordersIn(text: string): string[] {
  return (text.match(/(?<![\w-])#?[A-Za-z]\d{7}\b/g) ?? []).map(normalId);
}

/** Whether somebody wrote this number, be it without its letter. */
export function wroteNumber(text: string, id: string): boolean {
  const digits = id.replace(/\D/g, "");
  return ordersIn(text).includes(id) || new RegExp(`(?<!\\d)${digits}(?!\\d)`).test(text);
}
