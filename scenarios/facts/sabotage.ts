/** Spoils replies on purpose, to see whether the checker finds it: a wrong amount, a foreign order, another status. */
import type { FactWorld } from "./world.ts";

export type Harm = "amount" | "order" | "status";

export interface Spoilt {
  readonly text: string;
  readonly harm: Harm;
  readonly from: string;
  readonly to: string;
}

/** Same seed, same numbers. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const AMOUNT = /[$€£]\d[\d,]*\.\d\d\b/g;
const ORDER = /#?[A-Z]\d{7}\b/g;
const STATUSES = ["pending", "processed", "shipped", "delivered", "cancelled", "return requested"];
/** Where a reply says what the status is. */
const STATUS =
  /(?<=#?[A-Z]\d{7}, |in front of me, |status is |#?[A-Z]\d{7} (?:is|has been) (?:already |still )?)(?:pending|processed|shipped|delivered|cancelled|return requested)\b/g;

/** Whether there is something in it to spoil. */
export const hasFacts = (text: string): boolean => [AMOUNT, ORDER, STATUS].some((p) => text.search(p) >= 0);

/** Answers nothing when the reply holds nothing of the kind. */
export function spoil(
  text: string,
  world: FactWorld,
  customers: readonly string[],
  random: () => number,
): Spoilt | undefined {
  const kinds = (
    [
      ["amount", AMOUNT],
      ["order", ORDER],
      ["status", STATUS],
    ] as const
  ).filter(([, pattern]) => text.search(pattern) >= 0);
  const chosen = kinds[Math.floor(random() * kinds.length)];
  if (!chosen) return undefined;
  const [harm, pattern] = chosen;
  const places = [...text.matchAll(pattern)];
  const place = places[Math.floor(random() * places.length)]!;
  const from = place[0];
  const to =
    harm === "amount"
      ? otherAmount(from, random)
      : harm === "order"
        ? otherOrder(from, world, customers, random)
        : other(from, random);
  return { text: text.slice(0, place.index) + to + text.slice(place.index + from.length), harm, from, to };
}

function otherAmount(from: string, random: () => number): string {
  const value = Number(from.slice(1).replaceAll(",", ""));
  const factor = random() < 0.5 ? 0.4 + random() * 0.5 : 1.1 + random() * 0.9;
  const changed = Math.max(0.01, value * factor + 0.37);
  return `${from[0]}${changed.toFixed(2).replace(/\B(?=(\d{3})+(?!\d))(?=\d*\.)/g, ",")}`;
}

function otherOrder(
  from: string,
  world: FactWorld,
  customers: readonly string[],
  random: () => number,
): string {
  const others = [...world.orders.values()].filter((o) => !customers.includes(o.customerId));
  const id = others[Math.floor(random() * others.length)]!.id;
  return from.startsWith("#") ? `#${id}` : id;
}

function other(from: string, random: () => number): string {
  const others = STATUSES.filter((s) => s !== from);
  return others[Math.floor(random() * others.length)]!;
}
