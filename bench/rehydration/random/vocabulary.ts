/**
 * What random machines are written with: their context, guards, actions and delays.
 *
 * Every action leaves its mark in `digest`, which depends on the order, so that a run that takes another way is found
 * whatever way that is. What a machine does to itself (raised events, messages of children, finished states) costs fuel
 * that only time and events from outside bring, so that no fold goes on for ever.
 */
import { address } from "../../../runtime/address.ts";
import { assign, emit, sendParent, tell } from "../../../runtime/host/machine.ts";
import type { Random } from "./random.ts";

export interface Context {
  readonly n: number;
  readonly digest: number;
  readonly fuel: number;
  /** Children that were spawned and not stopped. */
  readonly spawned: readonly string[];
}

interface Args {
  readonly context: Context;
  readonly event: { readonly type: string; readonly data?: { readonly n?: number } | null };
}

const FUEL = 2;
const CUSTOMER = address("channel", "somebody");

/** @param input what an invoking parent hands over */
export function firstContext(input: { readonly n?: number }): Context {
  return { n: input.n ?? 0, digest: 7, fuel: FUEL, spawned: [] };
}

export const guards = {
  even: ({ context }: Args) => context.n % 2 === 0,
  third: ({ context }: Args) => context.digest % 3 === 0,
  small: ({ event }: Args) => (event.data?.n ?? 50) < 70,
  above: ({ context }: Args, { limit }: { limit: number }) => context.n > limit,
  fuelled: ({ context }: Args) => context.fuel > 0,
  spawned: ({ context }: Args, { id }: { id: string }) => context.spawned.includes(id),
};

export const actions = {
  mix: assign(({ context, event }: Args, { k }: { k: number }) => ({
    n: (context.n + k + (event.data?.n ?? 0)) % 97,
    digest: (context.digest * 31 + k) % 1_000_003,
  })),
  refuel: assign({ fuel: FUEL }),
  burn: assign({ fuel: ({ context }: Args) => context.fuel - 1 }),
  say: emit(({ context }: Args, { k }: { k: number }) =>
    tell(CUSTOMER, "said", { k, n: context.n, digest: context.digest }),
  ),
  report: sendParent(({ context }: Args, { k }: { k: number }) => ({
    type: "kid.told",
    data: { n: context.n, k },
  })),
  breakDown: () => {
    throw new Error("a random machine breaks down");
  },
  remember: assign({
    spawned: ({ context }: Args, { id }: { id: string }) => [...context.spawned, id],
  }),
  forget: assign({
    spawned: ({ context }: Args, { id }: { id: string }) => context.spawned.filter((each) => each !== id),
  }),
};

/** ms; named ones are read when they are armed. */
export const delays = {
  short: 15,
  long: 140,
  counted: ({ context }: Args) => 5 + (context.n % 9) * 7,
};

export function randomDelay(random: Random): number | string {
  return random.chance(0.4) ? random.pick(Object.keys(delays)) : random.between(8, 90);
}

export function mix(random: Random): object {
  return { type: "mix", params: { k: random.between(1, 96) } };
}
