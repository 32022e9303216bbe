/** What a state comes down to, whichever way it was reached and whatever wrote it. */
import type { Json, JsonObject } from "../json.ts";
import { hashJson } from "../json.ts";
import type { PersistedMachine } from "./live-machine.ts";

/**
 * Hash of a state: canonical JSON of value, context, children and timers, free of the library's own bookkeeping
 * (L4). Equal for equal states whatever version of the library wrote the snapshot.
 */
export function stateHash(persisted: PersistedMachine): string {
  return hashJson(hashedState(persisted));
}

/** What of a state is hashed. */
export function hashedState(persisted: PersistedMachine): JsonObject {
  return {
    state: essence(persisted.snapshot),
    timers: persisted.timers.map(({ key, deadline, event }) => ({ key, deadline, event })),
  };
}

function essence(snapshot: Json): Json {
  const s = snapshot as {
    value?: Json;
    context?: Json;
    children?: Record<string, { snapshot: Json }>;
    status?: Json;
  };
  const children: Record<string, Json> = {};
  for (const [id, child] of Object.entries(s.children ?? {})) children[id] = essence(child.snapshot);
  return { value: s.value ?? null, context: s.context ?? null, status: s.status ?? null, children };
}
