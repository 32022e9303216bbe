/** Keys of the back office in LevelDB, and which secondary indexes a collection has. */
import type { JsonObject } from "../../../runtime/json.ts";

const SEP = "\u0000";

/** A key of parts; a prefix of it finds everything below. */
export const keyOf = (...parts: string[]): string => parts.join(SEP);
/** Range of everything below these parts. */
export const below = (...parts: string[]) => ({
  gt: `${parts.join(SEP)}${SEP}`,
  lt: `${parts.join(SEP)}\u0001`,
});
export const lastPart = (key: string): string => key.slice(key.lastIndexOf(SEP) + 1);

/** Record. */
export const RECORD = "c";
/** Secondary index: value to id. */
export const INDEX = "i";
/** Applied result (or refusal) of an idempotency key. */
export const RESULT = "k";
/** Attempts made under an idempotency key. */
export const ATTEMPT = "a";
/** Dataset: settings and where it came from. */
export const DATASET = "d";
/** Staged records of a load that is not finished. */
export const STAGED = "p";
/** State of a load. */
export const LOAD = "l";

export const lower = (value: string): string => value.trim().toLowerCase();
/** Postcodes are compared without blanks and case; of a US ZIP+4 only the first five digits count. */
export const normalPostcode = (value: string): string => {
  const plain = value.toUpperCase().replace(/[^A-Z0-9-]/g, "");
  return /^\d{5}-\d{4}$/.test(plain) ? plain.slice(0, 5) : plain.replaceAll("-", "");
};
export const digitsOf = (value: string): string => value.replace(/\D/g, "");

type Extract = (record: JsonObject) => (string | undefined)[];
const field =
  (name: string, normal: (v: string) => string = (v) => v): Extract =>
  (record) => {
    const value = record[name];
    return [typeof value === "string" && value !== "" ? normal(value) : undefined];
  };

export const INDEXES: Readonly<Record<string, Readonly<Record<string, Extract>>>> = {
  customers: {
    email: field("email", lower),
    postcode: (r) => {
      const code = (r.address as JsonObject | undefined)?.postcode;
      return [typeof code === "string" ? normalPostcode(code) : undefined];
    },
  },
  orders: { customerId: field("customerId"), digits: field("id", digitsOf) },
  products: {
    name: field("name", lower),
    itemId: (r) => (Array.isArray(r.variants) ? r.variants.map((v) => String(v.itemId)) : []),
  },
  subscriptions: { customerId: field("customerId") },
  invoices: {
    customerId: field("customerId"),
    orderId: field("orderId"),
    subscriptionId: field("subscriptionId"),
    number: field("number", lower),
  },
  refunds: { customerId: field("customerId"), orderId: field("orderId"), invoiceId: field("invoiceId") },
  usage: { customerId: field("customerId") },
};

/** Index entries of a record as [index, value]. */
export function indexEntries(collection: string, record: JsonObject): [string, string][] {
  const entries: [string, string][] = [];
  for (const [index, extract] of Object.entries(INDEXES[collection] ?? {})) {
    for (const value of extract(record)) if (value) entries.push([index, value]);
  }
  return entries;
}
/** Note about a write to another system. */
export const NOTE = "n";
