/** Faults of records: larger than the limit, or the ruin of their own actor. */
import { setTimeout as sleep } from "node:timers/promises";
import type { PoisonKind } from "../faults.ts";
import type { Done, Inject, Injection } from "./injection.ts";

const TOO_LARGE = 1_500_000;

/** The node has to refuse it for good, before the log does. */
export const largeRecord: Inject = async ({ node, notes, random, fault }) => {
  for (let i = 0; i < 3; i++) {
    const id = `large-${fault.seed.replace(/[^A-Za-z0-9]+/g, "-").slice(-40)}-${i}`;
    const data = { wants: "read", text: "x".repeat(TOO_LARGE + random.between(0, 1_000)) };
    for (let tries = 0; tries < 50; tries++) {
      const { status } = await node.client.send({ id, type: "message", to: `talk/c${i}/c${i}`, data });
      // Anything else passes, but this is told once and for all.
      if (status === 413) break;
      await sleep(200);
    }
    notes.refused.push(id);
  }
  return { endedAt: Date.now() };
};

/** After this it counts as one that is never given up, ms: a stall is waited for at each of four attempts. */
const LONGEST_MS = 60_000;

/** The fault is over when the record is given up. What its actor was told before and after it has to be answered. */
export function poison(kind: PoisonKind): Inject {
  return async ({ site, load, notes, fault }: Injection): Promise<Done> => {
    const name = `r${fault.at}`;
    const to = `rogue/${name}/${name}`;
    await load.send(to, "message", { wants: "plain" });
    const { id } = await load.send(to, "poison", { wants: "plain", poison: kind });
    notes.poisons.push({ to, id, kind });
    const after = load.send(to, "message", { wants: "plain" });
    const end = Date.now() + LONGEST_MS;
    const givenUp = () =>
      site.tail.records.some(({ type, clear }) => type === "host.quarantined" && clear.record === id);
    while (!givenUp() && Date.now() < end) await sleep(100);
    const endedAt = Date.now();
    await Promise.race([after, sleep(LONGEST_MS)]);
    return { endedAt };
  };
}
