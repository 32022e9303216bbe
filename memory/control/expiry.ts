/** What leaves memory because its time is over: first the stream, and with it every node's copy. Not while there is a hold. */
import type { Clock } from "../../runtime/clock.ts";
import { derivedId } from "../../runtime/ids.ts";
import type { FactStore } from "../store/facts.ts";
import type { Holds } from "../store/holds.ts";
import type { Summaries } from "../store/summaries.ts";
import type { TurnStore } from "../store/turns.ts";
import type { MemoryWriter } from "../stream/writer.ts";

/** How long what is kept is kept, by its kind. */
export interface MemoryRetention {
  /** What was said is deleted so long after the last word of its conversation, ms; kept until it is erased unless given. */
  readonly saidMs?: number;
  /** By type of fact, ms: how long one is kept that does not say so itself. */
  readonly factsMs?: Readonly<Record<string, number>>;
}

export interface ExpiryParts {
  readonly writer: MemoryWriter;
  readonly facts: FactStore;
  readonly turns: TurnStore;
  readonly summaries: Summaries;
  readonly holds: Holds;
  readonly clock: Clock;
  readonly retention?: MemoryRetention;
}

export async function sweepExpired(parts: ExpiryParts): Promise<void> {
  await sweepFacts(parts);
  await sweepSaid(parts);
}

async function sweepFacts({ writer, facts, holds, clock }: ExpiryParts): Promise<void> {
  for await (const { customer, fact } of facts.due()) {
    if (await holds.of(customer)) continue;
    const id = derivedId(fact.id, "expired");
    await writer.write({ type: "expired", id, at: clock.now(), customer, fact });
    if (fact.seq !== undefined) await writer.discard([fact.seq]);
  }
}

/** What was said in conversations that are over for long, and what they were about. */
async function sweepSaid(parts: ExpiryParts): Promise<void> {
  const { writer, turns, summaries, holds, clock, retention } = parts;
  if (retention?.saidMs === undefined) return;
  for await (const conversation of turns.silentSince(clock.now() - retention.saidMs)) {
    const said = await turns.of(conversation);
    const customers = new Set(said.flatMap(({ customer }) => customer ?? []));
    let held = false;
    for (const customer of customers) held ||= (await holds.of(customer)) !== undefined;
    if (held) continue;
    // It may be gone on with afterwards, and be dropped once more.
    const last = Math.max(0, ...said.map(({ at }) => at));
    const id = derivedId(conversation, "dropped", last);
    const events = [
      ...said.flatMap(({ seq }) => seq ?? []),
      ...(await summaries.sequencesOf([conversation])),
    ];
    await writer.write({ type: "dropped", id, at: clock.now(), conversation });
    await writer.discard(events);
  }
}
