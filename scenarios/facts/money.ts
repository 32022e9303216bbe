/** Which amounts may be said about records: prices, totals, payments, and sums and differences of those. */
import type { FactItem, FactOrder, FactWorld } from "./world.ts";

/** More items than that are only added up as a whole. */
const MOST_ITEMS = 10;

export const totalOf = (items: readonly FactItem[]): number => items.reduce((sum, i) => sum + i.cents, 0);

/** Every sum of some of the amounts. */
export function partSums(cents: readonly number[]): Set<number> {
  const sums = new Set<number>();
  if (cents.length > MOST_ITEMS) {
    for (const c of cents) sums.add(c);
    sums.add(cents.reduce((a, b) => a + b, 0));
    return sums;
  }
  for (let set = 1; set < 1 << cents.length; set++) {
    let sum = 0;
    for (let i = 0; i < cents.length; i++) if (set & (1 << i)) sum += cents[i]!;
    sums.add(sum);
  }
  return sums;
}

/** Prices, totals and payments of an order, and sums of its items. */
export function amountsOf(order: FactOrder): Set<number> {
  const sums = partSums(order.items.map((i) => i.cents));
  for (const payment of order.payments) sums.add(payment);
  return sums;
}

/** What a change of items may cost: each item of the order for a variant of its product, or kept. */
export function differences(order: FactOrder, world: FactWorld): Set<number> {
  const result = new Set<number>([0]);
  // Products are few in an order; changes of more than three at once are compared by what the reply lists.
  const steps = order.items.map((item) =>
    (world.products.get(item.productId) ?? []).map((variant) => variant.cents - item.cents),
  );
  for (const step of steps) for (const d of step) result.add(Math.abs(d));
  return result;
}

/** Differences between sums of what is given and sums of what is taken. */
export function listedDifferences(taken: readonly number[], given: readonly number[]): Set<number> {
  const result = new Set<number>();
  for (const a of partSums(taken.slice(0, MOST_ITEMS))) {
    for (const b of partSums(given.slice(0, MOST_ITEMS))) result.add(Math.abs(a - b));
  }
  return result;
}
