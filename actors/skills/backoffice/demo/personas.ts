/**
 * Customers of the generated company that are always the same, whatever the seed: documents, scenarios and people who
 * try the desk out can count on them. `docs/demo-company.md` describes them.
 */
import type { Customer, OrderStatus, PaymentMethod } from "../types.ts";
import {
  addInvoice,
  addOrder,
  addSubscription,
  DAY,
  itemNamed,
  type SubscriptionPlan,
  type World,
} from "./builder.ts";
import type { Random } from "./random.ts";

interface Persona {
  /** `C1001`; order numbers given without their first part follow from it. */
  readonly id: string;
  readonly name: string;
  readonly postcode: string;
  readonly methods?: readonly Omit<PaymentMethod, "id">[];
  /** Number, status, days ago, items (`Name` or `Name/variant`). */
  readonly orders?: readonly (readonly [string, OrderStatus, number, readonly string[]])[];
  readonly subscription?: SubscriptionPlan;
  /** Days overdue of an invoice that nobody has paid. */
  readonly overdue?: number;
}

const VISA = { kind: "card", label: "Visa ending 4471" } as const;
const EXPIRED = { kind: "card", label: "Mastercard ending 8020", problem: "expired" } as const;
const EMPTY = { kind: "card", label: "Visa ending 1936", problem: "insufficient_funds" } as const;
const PAYPAL = { kind: "paypal", label: "PayPal" } as const;

export const PERSONAS: readonly Persona[] = [
  {
    id: "C1001",
    name: "Maya Okafor",
    postcode: "95611",
    orders: [
      ["W2001011", "pending", 0, ["Desk Lamp", "Wall Clock"]],
      ["W2001012", "shipped", 3, ["Electric Kettle"]],
      ["W2001013", "delivered", 6, ["Wool Blanket", "Water Bottle"]],
    ],
  },
  {
    id: "C1002",
    name: "Tobias Lindqvist",
    postcode: "80342",
    orders: [
      ["W2001021", "delivered", 75, ["Backpack"]],
      ["W2001022", "cancelled", 12, ["Garden Hose"]],
    ],
  },
  {
    id: "C1003",
    name: "Priya Raman",
    postcode: "98317",
    orders: [["W2001031", "delivered", 4, ["Espresso Machine"]]],
  },
  {
    id: "C1004",
    name: "Oliver Hartley",
    postcode: "12655",
    orders: [["W2001041", "delivered", 5, ["T-Shirt", "Rain Jacket"]]],
  },
  {
    id: "C1005",
    name: "Grace Mbeki",
    postcode: "44718",
    subscription: { plan: "Plus", status: "active", share: 0.96 },
    orders: [["W2001051", "delivered", 40, ["Security Camera"]]],
  },
  {
    id: "C1006",
    name: "Daniel Novak",
    postcode: "18429",
    methods: [EXPIRED, PAYPAL],
    subscription: { plan: "Plus", status: "past_due", share: 0.4 },
  },
  {
    id: "C1007",
    name: "Hannah Fischer",
    postcode: "27633",
    methods: [EXPIRED, EMPTY],
    subscription: { plan: "Basic", status: "past_due", share: 0.5 },
  },
  {
    id: "C1008",
    name: "Lucas Moreau",
    postcode: "55871",
    subscription: { plan: "Family", status: "active", share: 0.3 },
  },
  {
    id: "C1009",
    name: "Aisha Karim",
    postcode: "53726",
    subscription: { plan: "Plus", status: "active", share: 0.2, discounted: true },
  },
  {
    id: "C1010",
    name: "Peter Walsh",
    postcode: "86254",
    subscription: { plan: "Basic", status: "active", share: 0.6 },
    overdue: 9,
  },
  {
    id: "C1011",
    name: "Emily Stone",
    postcode: "22949",
    orders: [["W2001111", "delivered", 2, ["Floor Lamp", "Plant Pot"]]],
  },
  {
    id: "C1012",
    name: "George Baxter",
    postcode: "02165",
    orders: [["W2001121", "delivered", 3, ["Picnic Hamper/0"]]],
  },
  {
    id: "C1013",
    name: "Nadia Haddad",
    postcode: "97244",
    orders: [
      ["W2001131", "processed", 2, ["Coffee Grinder"]],
      ["W2001132", "shipped", 4, ["Duvet Cover", "Bath Towel"]],
    ],
  },
  { id: "C1014", name: "Samuel Reed", postcode: "37855", orders: [["W2001141", "pending", 1, ["Yoga Mat"]]] },
  {
    id: "C1015",
    name: "Samuel Reed",
    postcode: "37855",
    orders: [["W2001151", "shipped", 2, ["Alarm Clock"]]],
  },
  { id: "C1016", name: "Ingrid Solberg", postcode: "03862" },
  {
    id: "C1017",
    name: "Jack Turner",
    postcode: "04577",
    subscription: { plan: "Plus", status: "active", share: 0.25 },
  },
  {
    id: "C1018",
    name: "Wei Chen",
    postcode: "80356",
    subscription: { plan: "Pro", status: "active", share: 0.98 },
  },
  {
    id: "C1019",
    name: "Rosalind Ferrer",
    postcode: "95627",
    subscription: { plan: "Family", status: "cancelled", share: 0.1 },
  },
  {
    id: "C1020",
    name: "Conrad Mayer",
    postcode: "98341",
    orders: [
      ["W2001201", "delivered", 8, ["Desk Lamp/2", "Bookshelf"]],
      ["W2001202", "delivered", 14, ["Desk Lamp/3"]],
      ["W2001203", "pending", 0, ["Desk Lamp/4", "Smart Plug"]],
      ["W2001204", "return_requested", 9, ["Headphones"]],
      ["W2001205", "exchange_requested", 7, ["Running Shoes"]],
      ["W2001206", "delivered", 11, ["Water Bottle/2"]],
    ],
  },
];

export function addPersonas(world: World, random: Random): void {
  for (const persona of PERSONAS) {
    const [firstName, lastName] = persona.name.split(" ") as [string, string];
    const twin = persona.id === "C1015" ? "2" : "";
    const customer: Customer = {
      id: persona.id,
      firstName,
      lastName,
      email: `${firstName}.${lastName}${twin}@example.com`.toLowerCase(),
      address: {
        line1: `${Number(persona.id.slice(2)) * 3} Juniper Drive`,
        city: "Larkfield",
        state: "CA",
        postcode: persona.postcode,
        country: "USA",
      },
      paymentMethods: (persona.methods ?? [VISA]).map((m, n) => ({ id: `${persona.id}-PM${n + 1}`, ...m })),
      since: new Date(world.now - 400 * DAY).toISOString(),
    };
    world.customers.push(customer);
    for (const [id, status, days, names] of persona.orders ?? []) {
      const items = names.map((name) =>
        name.endsWith("/0") ? soldOut(world, name.slice(0, -2)) : itemNamed(world, name),
      );
      addOrder(world, random, customer, { id, status, days, items });
    }
    if (persona.subscription) addSubscription(world, random, customer, persona.subscription);
    if (persona.overdue) {
      addInvoice(world, {
        customerId: customer.id,
        amount: 35,
        status: "overdue",
        issued: world.now - (14 + persona.overdue) * DAY,
        lines: [{ text: "Installation of a thermostat", amount: 35 }],
      });
    }
  }
}

/** The last variant of a product, which from now on cannot be had any more. */
function soldOut(world: World, name: string) {
  const product = world.products.find((p) => p.name === name)!;
  const variant = product.variants.at(-1)!;
  variant.available = false;
  return itemNamed(world, `${name}/${product.variants.length}`);
}
