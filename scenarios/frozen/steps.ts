/** A recording step by step: what each record did to the actor that it was for. */
import { formatAddress } from "../../runtime/address.ts";
import type { CellState } from "../../runtime/host/cell-store.ts";
import { type Difference, differences } from "../../runtime/host/verification.ts";
import type { Json, JsonObject } from "../../runtime/json.ts";
import { inWords } from "../recording/boundary.ts";
import type { Recording } from "../recording/recording.ts";
import type { FrozenResult } from "./result.ts";
import type { FrozenDesk } from "./stage.ts";

export interface SeenStep {
  /** From 1. */
  readonly step: number;
  /** In the recording; undefined for what it has under another id. */
  readonly seq?: number;
  readonly at: string;
  readonly words: string;
  /** `<kind>/<key>/<id>` */
  readonly actor: string;
  /** State of its machine before and after, as XState has it. */
  readonly before: Json;
  readonly value: Json;
  /** States of its children: playbooks that are under way. */
  readonly children: Readonly<Record<string, Json>>;
  /** What changed in its context. */
  readonly changed: readonly Difference[];
  readonly context: Json;
  /** Timers that are pending, with the time that is left, ms. */
  readonly timers: Readonly<Record<string, number>>;
}

export async function stepsOf(
  recording: Recording,
  desk: FrozenDesk,
): Promise<{ steps: SeenStep[]; result: FrozenResult }> {
  const steps: SeenStep[] = [];
  const last = new Map<string, { value: Json; context: Json }>();
  const seqs = new Map(recording.records.map(({ id, seq }) => [id, seq]));
  const result = await desk.play(recording, {}, (record, state) => {
    const actor = formatAddress(record.to);
    const { value, context, children } = snapshotOf(state);
    const before = last.get(actor) ?? { value: null, context: {} };
    last.set(actor, { value, context });
    steps.push({
      step: steps.length + 1,
      seq: seqs.get(record.id),
      at: new Date(record.at).toISOString(),
      words: inWords(record),
      actor,
      before: before.value,
      value,
      children,
      changed: differences(before.context, context),
      context,
      timers: Object.fromEntries(
        state.machine.timers.map(({ key, deadline }) => [key, Math.round(deadline - state.at)]),
      ),
    });
  });
  return { steps, result };
}

function snapshotOf({ machine }: CellState): {
  value: Json;
  context: Json;
  children: Record<string, Json>;
} {
  const snapshot = machine.snapshot as JsonObject;
  const children = Object.entries((snapshot.children ?? {}) as Record<string, { snapshot?: JsonObject }>);
  return {
    value: snapshot.value ?? null,
    context: snapshot.context ?? {},
    children: Object.fromEntries(children.map(([id, child]) => [id, child.snapshot?.value ?? null])),
  };
}
