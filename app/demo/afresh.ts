/**
 * Recorded runs tell the same customers' stories again and again, each as if it were the first. So the runs of one
 * customer take place one after the other, and each meets the customer's records as they were imported.
 */
import type { BackOffice } from "../../actors/skills/backoffice/index.ts";
import type { JsonObject } from "../../runtime/json.ts";
import { type FactWorld, verifiedBy, type Ways } from "../../scenarios/facts/index.ts";
import { ordersIn } from "../../scenarios/facts/who.ts";
import type { RecordedRun } from "../../scenarios/recorded/tau2.ts";

/** Customers whose records a run may be about. */
export function customersOf(run: RecordedRun, world: FactWorld, ways: Ways): string[] {
  const owners = run.turns.flatMap(ordersIn).map((id) => world.orders.get(id)?.customerId);
  const named = verifiedBy(run.turns, world, ways).map((c) => c.id);
  return [...new Set([...named, ...owners.filter((id) => id !== undefined)])];
}

/** Runs that have a customer in common, in their order. */
export function chains<T>(runs: readonly T[], customers: (run: T) => readonly string[]): T[][] {
  const chainOf = new Map<string, T[]>();
  const all = new Set<T[]>();
  for (const run of runs) {
    const ids = customers(run);
    const found = [...new Set(ids.map((id) => chainOf.get(id)).filter((c) => c !== undefined))];
    const chain = found[0] ?? [];
    for (const other of found.slice(1)) {
      chain.push(...other);
      all.delete(other);
      for (const [id, c] of chainOf) if (c === other) chainOf.set(id, chain);
    }
    chain.push(run);
    all.add(chain);
    for (const id of ids) chainOf.set(id, chain);
  }
  return [...all];
}

const COLLECTIONS = ["customers", "orders"] as const;

/** Remembers the records, and answers how to put back those of a customer. */
export async function remember(office: BackOffice): Promise<(customers: readonly string[]) => Promise<void>> {
  const records = new Map<string, { collection: string; record: JsonObject; text: string }[]>();
  for (const collection of COLLECTIONS) {
    for (const record of (await office.list(collection)) as unknown as JsonObject[]) {
      const owner = String(record.customerId ?? record.id);
      const list = records.get(owner) ?? [];
      list.push({ collection, record, text: JSON.stringify(record) });
      records.set(owner, list);
    }
  }
  return async (customers) => {
    const changed = [];
    for (const entry of customers.flatMap((id) => records.get(id) ?? [])) {
      const now = await office.get(entry.collection, String(entry.record.id));
      if (JSON.stringify(now) !== entry.text) changed.push(entry);
    }
    if (changed.length === 0) return;
    const load = await office.load();
    for (const { collection, record } of changed) await load.put(collection, record);
    await load.commit();
  };
}
