/** What can be seen of a machine after a fold, as texts that are compared. */
import { type LiveMachine, stateHash } from "../../runtime/host/live-machine.ts";
import type { Effect } from "../../runtime/host/machine.ts";
import { canonicalJson } from "../../runtime/json.ts";

/** Member → canonical JSON. A fold that threw has `threw` alone. */
export type Observation = Readonly<Partial<Record<Member, string>>>;

/** In the order in which they tell a reader most. */
const MEMBERS = [
  "threw",
  "value",
  "context",
  "children",
  "effects",
  "timers",
  "done",
  "generation",
  "snapshot",
  "hash",
] as const;

export type Member = (typeof MEMBERS)[number];

export function observe(live: LiveMachine, effects: readonly Effect[]): Observation {
  const persisted = live.persist();
  return {
    value: canonicalJson(live.value),
    context: canonicalJson(live.context),
    children: canonicalJson(live.children),
    effects: canonicalJson(effects),
    timers: canonicalJson(persisted.timers),
    done: String(live.done),
    generation: String(persisted.generation),
    // Holds what the others don't: history, and the children's own states.
    snapshot: canonicalJson(persisted.snapshot),
    hash: stateHash(persisted),
  };
}

/** The first member in which they differ. */
export function differing(a: Observation, b: Observation): Member | undefined {
  return MEMBERS.find((member) => a[member] !== b[member]);
}
