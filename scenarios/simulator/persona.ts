/** Who a simulated customer is: what he wants, how he writes and how patient he is. All of it follows from a seed. */
import { type FactOrder, type FactWorld, seeded } from "../facts/index.ts";

export const GOALS = [
  "cancel-order",
  "order-status",
  "return",
  "exchange",
  "damaged",
  "missing",
  "address",
  "invoice",
  "payment",
  "plan",
  "cancel-subscription",
  "usage",
  "product",
  "question",
  "person",
] as const;
export type Goal = (typeof GOALS)[number];

export interface Persona {
  readonly name: string;
  readonly goal: Goal;
  /** The order that it is about, and whose it is. */
  readonly order: FactOrder;
  readonly email: string;
  readonly postcode: string;
  readonly fullName: string;
  /** The channel vouches for him. */
  readonly vouched: boolean;
  /** Says no when he is asked whether it shall be done. */
  readonly declines: boolean;
  /** Share of words with a slip of the fingers, 0 … 1. */
  readonly typos: number;
  /** Asks something else in between. */
  readonly digresses: boolean;
  /** Replies that do not help him before he asks for a person. */
  readonly patience: number;
  /** Gives all that is asked for in his first message. */
  readonly thorough: boolean;
  /** Answers the question for a score. */
  readonly rates: boolean;
  /** For what he draws by lot. */
  readonly random: () => number;
}

/** Goals that many have come up more often. */
const WEIGHTS: Readonly<Record<Goal, number>> = {
  "order-status": 5,
  "cancel-order": 3,
  return: 3,
  question: 3,
  product: 2,
  exchange: 2,
  damaged: 2,
  missing: 2,
  address: 2,
  invoice: 2,
  payment: 1,
  plan: 1,
  "cancel-subscription": 1,
  usage: 1,
  person: 1,
};

/** Customers in a mix of goals, each with an order of his own for as long as there are orders. @param not customers who are others' */
export function personas(
  world: FactWorld,
  count: number,
  seed: number,
  not: ReadonlySet<string> = new Set(),
): Persona[] {
  const random = seeded(seed);
  const orders = shuffled(
    [...world.orders.values()].filter(({ customerId }) => !not.has(customerId)),
    random,
  );
  if (orders.length === 0) return [];
  const goals = shuffled(
    GOALS.flatMap((goal) => Array.from({ length: WEIGHTS[goal] }, () => goal)),
    random,
  );
  return Array.from({ length: count }, (_, i): Persona => {
    const goal = goals[i % goals.length]!;
    const order = orders[i % orders.length]!;
    const { email, postcode, firstName, lastName } = world.customers.get(order.customerId)!;
    const own = seeded(seed * 100_003 + i);
    return {
      name: `simulated.${String(i + 1).padStart(4, "0")}.${goal}`,
      goal,
      order,
      email,
      postcode,
      fullName: `${firstName} ${lastName}`,
      vouched: own() < 0.4,
      declines: own() < 0.3,
      typos: own() < 0.4 ? own() * 0.06 : 0,
      digresses: own() < 0.25,
      patience: 1 + Math.floor(own() * 3),
      thorough: own() < 0.6,
      rates: own() < 0.5,
      random: own,
    };
  });
}

function shuffled<T>(list: readonly T[], random: () => number): T[] {
  const all = [...list];
  for (let i = all.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [all[i], all[j]] = [all[j]!, all[i]!];
  }
  return all;
}
