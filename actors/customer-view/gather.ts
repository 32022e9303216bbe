/** Gathers the view of a customer: everything at once, under one deadline. What does not come in time is named as missing. */
import { type CustomerView, type Missing, PARTS, type PartName, type Parts } from "./answer.ts";
import { Asking, type AskingOptions } from "./asking.ts";
import { conversations } from "./conversations.ts";
import { linksOf, ordersIn } from "./links.ts";
import { missingOf } from "./missing.ts";
import { facts, invoices, offers, orders, profile, subscriptions, usageOf, type Wanted } from "./records.ts";

/** Never throws because of a system: each failure is a part that is missing, with its reason. */
export async function gather(options: AskingOptions, wanted: Wanted): Promise<CustomerView> {
  const startedAt = performance.now();
  const at = new Date(options.now()).toISOString();
  const ask = new Asking(options);
  const parts: Parts = {};
  const missing: Missing[] = [];
  const take = async <N extends PartName>(
    name: N,
    source: string,
    work: Promise<Parts[N]>,
  ): Promise<void> => {
    try {
      parts[name] = await work;
    } catch (error) {
      missing.push(missingOf(name, source, error));
    }
  };
  try {
    const held = subscriptions(ask, wanted);
    const [talks] = await Promise.all([
      conversations(ask, wanted),
      take("profile", "crm", profile(ask, wanted)),
      take("orders", "orders", orders(ask, wanted)),
      take("invoices", "billing", invoices(ask, wanted)),
      take("subscriptions", "billing", held),
      take("usage", "telemetry", usageOf(ask, wanted)),
      take("offers", "billing", offers(ask, wanted, held)),
      take("facts", "memory", facts(ask, wanted)),
    ]);
    missing.push(...talks.missing);
    if (talks.part) {
      // A number that somebody mentions may be of anybody's order.
      const own = ordersIn(parts);
      const data = talks.spoken.map(({ entry, words }) => ({
        ...entry,
        orders: [...new Set(words)].filter((word) => own.has(word)),
      }));
      parts.conversations = { ...talks.part, data };
    }
  } finally {
    ask.close();
  }
  const { customerId } = wanted;
  return {
    customerId,
    at,
    tookMs: Math.round(performance.now() - startedAt),
    deadlineMs: options.deadlineMs,
    complete: missing.length === 0,
    parts: Object.fromEntries(PARTS.flatMap((name) => (parts[name] ? [[name, parts[name]]] : []))),
    missing: missing.sort((a, b) => PARTS.indexOf(a.part) - PARTS.indexOf(b.part)),
    links: linksOf(customerId, parts),
  };
}
