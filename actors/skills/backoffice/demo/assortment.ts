/** What the generated company sells: household goods with variants, and a cloud subscription for its devices. */
import type { Offer, Plan, Product, Variant } from "../types.ts";
import { randomOf } from "./random.ts";

interface Kind {
  readonly name: string;
  readonly price: number;
  readonly options: Readonly<Record<string, readonly string[]>>;
}

const COLOURS = ["white", "black", "sage", "navy"] as const;
const SIZES = ["S", "M", "L", "XL"] as const;

const KINDS: readonly Kind[] = [
  { name: "Desk Lamp", price: 48, options: { color: COLOURS, base: ["clamp", "stand"] } },
  {
    name: "Floor Lamp",
    price: 119,
    options: { color: ["white", "black", "brass"], shade: ["linen", "glass"] },
  },
  {
    name: "Electric Kettle",
    price: 62,
    options: { color: ["white", "black", "steel"], capacity: ["1 L", "1.7 L"] },
  },
  { name: "Coffee Grinder", price: 89, options: { color: ["black", "steel"], burrs: ["ceramic", "metal"] } },
  {
    name: "Espresso Machine",
    price: 429,
    options: { color: ["black", "steel", "red"], "milk frother": ["yes", "no"] },
  },
  { name: "Stand Mixer", price: 349, options: { color: ["cream", "red", "navy"], bowl: ["4 L", "6 L"] } },
  {
    name: "Frying Pan",
    price: 44,
    options: { size: ["20 cm", "24 cm", "28 cm"], coating: ["ceramic", "steel"] },
  },
  { name: "Knife Set", price: 135, options: { pieces: ["3", "5", "7"], handle: ["oak", "black"] } },
  {
    name: "Bath Towel",
    price: 24,
    options: { color: ["white", "sage", "sand"], size: ["70x140", "100x150"] },
  },
  {
    name: "Duvet Cover",
    price: 72,
    options: { color: ["white", "navy", "sand"], size: ["single", "double", "king"] },
  },
  {
    name: "Wool Blanket",
    price: 98,
    options: { color: ["grey", "sage", "rust"], size: ["130x180", "150x220"] },
  },
  { name: "Memory Foam Pillow", price: 54, options: { firmness: ["soft", "medium", "firm"] } },
  {
    name: "Office Chair",
    price: 265,
    options: { color: ["black", "grey", "sage"], armrests: ["yes", "no"] },
  },
  {
    name: "Standing Desk",
    price: 520,
    options: { top: ["oak", "white", "walnut"], width: ["120 cm", "160 cm"] },
  },
  { name: "Bookshelf", price: 189, options: { wood: ["oak", "pine", "walnut"], shelves: ["3", "5"] } },
  { name: "Wall Clock", price: 39, options: { color: COLOURS, size: ["25 cm", "35 cm"] } },
  {
    name: "Cordless Vacuum",
    price: 299,
    options: { color: ["white", "blue"], battery: ["40 min", "60 min"] },
  },
  { name: "Air Purifier", price: 229, options: { color: ["white", "grey"], room: ["25 m2", "50 m2"] } },
  { name: "Robot Mop", price: 339, options: { color: ["white", "black"], tank: ["0.3 L", "0.6 L"] } },
  {
    name: "Smart Thermostat",
    price: 149,
    options: { color: ["white", "black"], power: ["battery", "wired"] },
  },
  {
    name: "Security Camera",
    price: 129,
    options: { color: ["white", "black"], place: ["indoor", "outdoor"] },
  },
  {
    name: "Video Doorbell",
    price: 159,
    options: { color: ["black", "bronze"], power: ["battery", "wired"] },
  },
  { name: "Motion Sensor", price: 32, options: { pack: ["single", "twin", "four"] } },
  { name: "Smart Plug", price: 19, options: { pack: ["single", "twin", "four"] } },
  { name: "Wireless Speaker", price: 139, options: { color: COLOURS, size: ["small", "large"] } },
  {
    name: "Headphones",
    price: 179,
    options: { color: ["black", "white", "navy"], fit: ["over-ear", "in-ear"] },
  },
  { name: "Alarm Clock", price: 36, options: { color: COLOURS, display: ["digital", "hands"] } },
  { name: "Backpack", price: 84, options: { color: ["black", "navy", "rust"], volume: ["18 L", "26 L"] } },
  { name: "Rain Jacket", price: 118, options: { color: ["yellow", "navy", "black"], size: SIZES } },
  { name: "T-Shirt", price: 26, options: { color: ["white", "black", "navy"], size: SIZES } },
  { name: "Running Shoes", price: 124, options: { color: ["grey", "blue"], size: ["38", "40", "42", "44"] } },
  { name: "Yoga Mat", price: 42, options: { color: ["sage", "navy", "rust"], thickness: ["4 mm", "6 mm"] } },
  { name: "Water Bottle", price: 27, options: { color: COLOURS, capacity: ["500 ml", "750 ml"] } },
  { name: "Garden Hose", price: 58, options: { length: ["15 m", "25 m"], fitting: ["brass", "plastic"] } },
  {
    name: "Plant Pot",
    price: 29,
    options: { color: ["terracotta", "white", "sage"], size: ["18 cm", "25 cm"] },
  },
  { name: "Picnic Hamper", price: 96, options: { lining: ["green", "tartan"], places: ["2", "4"] } },
];

/** The assortment does not depend on the seed of the customers: documents and scenarios may name it. */
export function products(): Product[] {
  const random = randomOf(36);
  return KINDS.map((kind, index) => {
    const productId = `P${100 + index}`;
    const variants: Variant[] = combinations(kind.options).map((options, n) => ({
      itemId: `${productId}-${String(n + 1).padStart(2, "0")}`,
      options,
      // The first variant is always there, so that every product can be bought.
      available: n === 0 || random.chance(0.8),
      price: kind.price + random.int(0, 3) * Math.max(1, Math.round(kind.price / 25)),
    }));
    return { id: productId, name: kind.name, variants };
  });
}

function combinations(options: Kind["options"]): Record<string, string>[] {
  let all: Record<string, string>[] = [{}];
  for (const [name, values] of Object.entries(options)) {
    all = all.flatMap((rest) => values.map((value) => ({ ...rest, [name]: value })));
  }
  return all;
}

export function plans(currency: string): Plan[] {
  const plan = (id: string, rank: number, price: number, storage: number, devices: number): Plan => ({
    id: id.toLowerCase(),
    name: id,
    price,
    currency,
    period: "month",
    rank,
    limits: { storage, devices },
  });
  return [
    plan("Basic", 1, 4.99, 20, 3),
    plan("Plus", 2, 9.99, 100, 10),
    plan("Family", 3, 14.99, 250, 20),
    plan("Pro", 4, 24.99, 1000, 60),
  ];
}

export const UNITS: Readonly<Record<string, string>> = { storage: "GB", devices: "devices" };

export function offers(): Offer[] {
  return [
    { id: "stay-30", name: "30 % off for three months", on: "cancel", percent: 30, months: 3 },
    { id: "first-step", name: "half price for the first month", on: "upgrade", percent: 50, months: 1 },
  ];
}
