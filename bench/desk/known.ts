/**
 * A desk that knows many customers: their records are in the back office, and facts about each in memory, under a key of his own. Those who
 * come are drawn from all of them, so that hardly anything is at hand.
 */
import { resolve } from "node:path";
import { customerKey } from "../../actors/customer/index.ts";
import {
  BackOffice,
  DEFAULT_SEED,
  type Generated,
  generate,
  settle,
} from "../../actors/skills/backoffice/index.ts";
import { type EncoderOptions, openEncoder } from "../../memory/encoder/index.ts";
import { EmbeddedServer } from "../../runtime/bus/index.ts";
import { findNatsServer } from "../../runtime/config/nats-server.ts";
import { appendFacts, encodedFacts, foldMemory } from "../memory/fill.ts";
import { join } from "../memory/place.ts";
import { shopCustomers } from "../shop-customers.ts";
import { type DeskLoad, onDesk, type Stretch, stretch } from "./desk.ts";

export interface KnownOptions extends DeskLoad {
  /** Customers that the desk knows. */
  readonly customers: number;
  readonly encoder: EncoderOptions;
}

export interface KnownResult extends Stretch {
  readonly live: number;
  readonly customers: number;
  /** From its start on all of that until the desk served, ms. */
  readonly startMs: number;
}

/** Facts of each customer, and different texts of them. */
const FACTS = 2;
const TEXTS = 500;
/** That of a desk which is not told another one. */
const WORKSPACE = "main";
const SEED = "known";

export function known(options: KnownOptions): Promise<KnownResult> {
  const { customers, rate, onProgress } = options;
  onProgress?.("generating the company");
  const company = generate({ seed: DEFAULT_SEED, now: Date.now(), customers, orders: customers });
  return onDesk(
    options,
    { customers: shopCustomers(company) },
    async (desk, crowd) => {
      onProgress?.(`${rate} turns a second`);
      const measured = await stretch(desk, crowd, options);
      await crowd.settled();
      return { ...measured, live: crowd.live, customers: company.customers.length, startMs: desk.startMs };
    },
    (dir) => fill(dir, company, options),
  );
}

async function fill(dir: string, company: Generated, { encoder, onProgress }: KnownOptions): Promise<void> {
  onProgress?.("filling the back office");
  const office = await BackOffice.open(resolve(dir, "backoffice"));
  await settle(office, company).finally(() => office.close());
  const open = await openEncoder(encoder);
  const texts = await encodedFacts({ seed: SEED, texts: TEXTS }, open).finally(() => open.close());
  const server = await EmbeddedServer.start({
    binary: findNatsServer(),
    dir: resolve(dir, "nats"),
    name: "bench",
  });
  try {
    const { url, user, pass } = server;
    const joined = await join({ url, user, pass, dir }, WORKSPACE);
    try {
      const customers = company.customers.map(({ id }) =>
        customerKey((purpose, value) => joined.keys.keyedHash(purpose, value), id),
      );
      await appendFacts(
        {
          workspace: WORKSPACE,
          seed: SEED,
          customers,
          facts: FACTS,
          onProgress: (done) => onProgress?.("facts of customers", done, customers.length),
        },
        joined,
        texts,
      );
      onProgress?.("folding memory");
      const events = customers.length * FACTS;
      await foldMemory({ dir: resolve(dir, "memory"), workspace: WORKSPACE, events }, joined);
    } finally {
      await joined.leave();
    }
  } finally {
    await server.stop();
  }
}
