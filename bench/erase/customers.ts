/** Customers for the desk's back office, each with a word of his own that nobody else ever says. */
import { createHash } from "node:crypto";
import { type DeskAccess, deskRequest } from "../../scenarios/desk-client.ts";
import { ConversationDriver } from "../../scenarios/driver.ts";

export interface KnownCustomer {
  readonly id: string;
  /** What he says, and no other customer, article or program. */
  readonly word: string;
}

const LETTERS = "abcdefghijklmnopqrstuvwxyz";
const WORD_LETTERS = 14;
/** Records in one request of an import. */
const PORTION = 1_000;
const REPLY_MS = 120_000;

export function customersOf(count: number, seed: number): KnownCustomer[] {
  return Array.from({ length: count }, (_, n) => ({
    id: `E${String(n + 1).padStart(6, "0")}`,
    word: [...createHash("sha256").update(`${seed} ${n}`).digest()]
      .slice(0, WORD_LETTERS)
      .map((byte) => LETTERS[byte % LETTERS.length])
      .join(""),
  }));
}

/** They are put into the desk's back office as an operator would do it. */
export async function importCustomers(desk: DeskAccess, customers: readonly KnownCustomer[]): Promise<void> {
  let load: string | undefined;
  for (let at = 0; at < customers.length; at += PORTION) {
    const records = customers.slice(at, at + PORTION).map(({ id }, n) => ({
      collection: "customers",
      record: {
        id,
        firstName: "Erika",
        lastName: `Customer ${at + n + 1}`,
        email: `${id.toLowerCase()}@example.com`,
        address: { line1: `${at + n + 1} Long Lane`, city: "Springfield", postcode: "12345", country: "US" },
        paymentMethods: [],
      },
    }));
    const last = at + PORTION >= customers.length;
    const body = { dataset: "main", records, last, ...(load ? { load } : {}) };
    load = (await deskRequest(desk, "POST", "/v1/admin/import", { body })).load;
  }
}

/** What the desk makes a fact of, and what it only hears. */
export function wish({ word }: KnownCustomer): string {
  return `I prefer delivery to the locker behind the ${word}.`;
}

/** One conversation of a customer from its first word to its last. False when a message was not answered. */
export async function converse(
  desk: DeskAccess,
  { id }: KnownCustomer,
  texts: readonly string[],
  onAnswer?: (ms: number) => void,
): Promise<boolean> {
  const driver = new ConversationDriver(desk, { replyMs: REPLY_MS });
  try {
    await driver.open({ customer: { id }, vouched: true });
    for (const text of texts) {
      const message = await driver.send(text);
      if (!(await driver.answered(message))) return false;
      onAnswer?.(message.answeredAt! - message.sentAt);
    }
    return true;
  } finally {
    await driver.close();
  }
}

/** Facts that the desk has of a customer, as an operator sees them. */
export async function factsOf(desk: DeskAccess, { id }: KnownCustomer): Promise<readonly { text: string }[]> {
  return (await deskRequest(desk, "GET", `/v1/admin/memory/${id}/facts`)).facts;
}

/** Does the work for each, a few at once, in order. */
export async function eachOf<T>(
  all: readonly T[],
  atOnce: number,
  work: (one: T, n: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < all.length) {
      const n = next++;
      await work(all[n]!, n);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
