/**
 * Another order in which the records of a conversation could have come into the log. What does not depend on each other (two actors'
 * records, an answer and a reply) has no order of its own there: it is the network's and the scheduler's, and nothing may follow from it.
 *
 * What stays: the order of each addressee's records, since that is what an actor folds, and that a record comes after its cause.
 */
import { formatAddress } from "../../runtime/address.ts";
import type { StoredRecord } from "../../runtime/envelope.ts";
import { seededRandom } from "../../runtime/host/fold-guard.ts";

/** @param seed equal seeds give equal orders */
export function reordered(records: readonly StoredRecord[], seed: string): StoredRecord[] {
  const random = seededRandom(seed);
  const after = new Map<StoredRecord, StoredRecord[]>(records.map((record) => [record, []]));
  const waitsFor = new Map<StoredRecord, number>();
  const latest = new Map<string, StoredRecord>();
  const byId = new Map<string, StoredRecord>();
  for (const record of records) {
    const to = formatAddress(record.to);
    const before = new Set([latest.get(to), byId.get(record.cause ?? "")]);
    before.delete(undefined);
    for (const one of before) after.get(one!)!.push(record);
    waitsFor.set(record, before.size);
    latest.set(to, record);
    byId.set(record.id, record);
  }
  const ready = records.filter((record) => waitsFor.get(record) === 0);
  const order: StoredRecord[] = [];
  while (ready.length > 0) {
    const [next] = ready.splice(Math.floor(random() * ready.length), 1);
    order.push(next!);
    for (const one of after.get(next!)!) {
      const left = waitsFor.get(one)! - 1;
      waitsFor.set(one, left);
      if (left === 0) ready.push(one);
    }
  }
  return order;
}
