/** The generated company: customers, orders, invoices, subscriptions and usage that a demo desk serves. */
import type { JsonObject } from "../../../runtime/json.ts";
import { offers, plans, products } from "./demo/assortment.ts";
import {
  addOrder,
  addSubscription,
  CURRENCY,
  DAY,
  itemOf,
  type SubscriptionPlan,
  type World,
} from "./demo/builder.ts";
import { paymentMethod, person, postalAddress } from "./demo/people.ts";
import { addPersonas, PERSONAS } from "./demo/personas.ts";
import { type Random, randomOf } from "./demo/random.ts";
import type { BackOffice } from "./store.ts";
import type { Customer, Offer, OrderStatus } from "./types.ts";

export interface GenerateOptions {
  /** Same seed and same now, same records. */
  readonly seed: number;
  /** ms since the epoch; every date is relative to it. */
  readonly now: number;
  /** Default 540. */
  readonly customers?: number;
  /** Default 1,620. */
  readonly orders?: number;
}

export interface Generated extends World {
  readonly offers: Offer[];
}

const DEFAULT_CUSTOMERS = 540;
const DEFAULT_ORDERS = 1_620;
export const DEFAULT_SEED = 7;

const STATUSES: Record<OrderStatus, number> = {
  pending: 18,
  processed: 10,
  shipped: 17,
  delivered: 45,
  cancelled: 6,
  return_requested: 2,
  exchange_requested: 2,
};

export function generate(options: GenerateOptions): Generated {
  const random = randomOf(options.seed);
  const world: Generated = {
    now: options.now,
    products: products(),
    plans: plans(CURRENCY),
    offers: offers(),
    customers: [],
    orders: [],
    subscriptions: [],
    invoices: [],
    usage: [],
  };
  addPersonas(world, randomOf(20));
  const wantedCustomers = Math.max(options.customers ?? DEFAULT_CUSTOMERS, PERSONAS.length);
  const emails = new Set(world.customers.map((c) => c.email));
  for (let n = world.customers.length + 1; n <= wantedCustomers; n++) {
    const customer = newCustomer(world, random, `C${1000 + n}`, emails);
    if (random.chance(0.6)) addSubscription(world, random, customer, newSubscription(random));
  }
  const numbers = new Set(world.orders.map((o) => o.id));
  const buyers = world.customers.slice(PERSONAS.length);
  const wantedOrders = options.orders ?? DEFAULT_ORDERS;
  while (buyers.length > 0 && world.orders.length < wantedOrders) {
    const id = `W${random.int(3_000_000, 9_999_999)}`;
    if (numbers.has(id)) continue;
    numbers.add(id);
    newOrder(world, random, id, random.pick(buyers));
  }
  return world;
}

function newCustomer(world: World, random: Random, id: string, emails: Set<string>): Customer {
  const methods = random.chance(0.3) ? 2 : 1;
  const customer: Customer = {
    id,
    ...person(random, emails),
    phone: `+1 555 01${String(random.int(0, 99)).padStart(2, "0")}`,
    address: postalAddress(random),
    paymentMethods: Array.from({ length: methods }, (_, n) => paymentMethod(random, `${id}-PM${n + 1}`)),
    since: new Date(world.now - random.int(30, 1500) * DAY).toISOString(),
  };
  world.customers.push(customer);
  return customer;
}

function newSubscription(random: Random): SubscriptionPlan {
  return {
    plan: random.weighted({ Basic: 40, Plus: 35, Family: 17, Pro: 8 }),
    status: random.weighted({ active: 84, past_due: 7, paused: 3, cancelled: 6 }),
    share: random.chance(0.2) ? 0.85 + random.next() * 0.15 : random.next() * 0.8,
    discounted: random.chance(0.08),
  };
}

function newOrder(world: World, random: Random, id: string, customer: Customer): void {
  const status = random.weighted(STATUSES);
  const days =
    status === "pending"
      ? random.int(0, 1)
      : status === "processed"
        ? random.int(1, 3)
        : status === "shipped"
          ? random.int(2, 6)
          : status === "delivered"
            ? random.int(1, 120)
            : random.int(2, 25);
  const items = random
    .shuffled(world.products)
    .slice(0, Number(random.weighted({ "1": 45, "2": 30, "3": 18, "4": 7 })))
    .map((product) => itemOf(product, random.pick(product.variants)));
  addOrder(world, random, customer, { id, status, days, items });
}

/** Fills a dataset with the generated company, all or nothing. Answers how many records that were. */
export function seed(office: BackOffice, options: GenerateOptions): Promise<number> {
  return settle(office, generate(options));
}

/** The same with one that has been generated already. */
export async function settle(office: BackOffice, world: Generated): Promise<number> {
  const load = await office.load();
  for (const collection of [
    "customers",
    "products",
    "plans",
    "offers",
    "orders",
    "subscriptions",
    "invoices",
    "usage",
  ] as const) {
    for (const record of world[collection]) await load.put(collection, record as unknown as JsonObject);
  }
  return load.commit({ settings: { currency: CURRENCY }, origin: "generated" });
}
