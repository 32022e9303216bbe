/**
 * The key under which a customer is known inside: a keyed hash of the id that the company's records use, so that
 * addresses, memory and logs name nobody. The CRM's answers carry it; nothing else computes it.
 */
import type { Operation, Service } from "../../runtime/host/service.ts";
import type { JsonObject } from "../../runtime/json.ts";

type KeyedHash = (purpose: string, value: string) => string;

/** Fits into an address, whatever alphabet the hash is written in. */
export function customerKey(keyedHash: KeyedHash, customerId: string): string {
  return keyedHash("customer", customerId)
    .replace(/[^A-Za-z0-9_-]/g, "_")
    .slice(0, 64);
}

/** The CRM's agent, whose `verify` and `customer` answer `customerKey` beside what they found. */
export function withCustomerKey(crm: Service, keyedHash: KeyedHash): Service {
  const operations = { ...crm.operations };
  for (const [name, field] of [
    ["verify", "customerId"],
    ["customer", "id"],
  ] as const) {
    const operation = operations[name];
    if (operation) operations[name] = keyed(operation, field, keyedHash);
  }
  return { ...crm, operations };
}

function keyed(operation: Operation, field: string, keyedHash: KeyedHash): Operation {
  return async (input, context): Promise<JsonObject> => {
    const answer = await operation(input, context);
    const id = answer[field];
    return typeof id === "string" ? { ...answer, customerKey: customerKey(keyedHash, id) } : answer;
  };
}
