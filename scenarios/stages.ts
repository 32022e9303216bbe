/** Where the time of a turn goes, from the trace of its conversation. What did not happen is absent. */
import { askedIn } from "../runtime/host/calls.ts";

/** Order in which they are shown. */
export const STAGES = [
  "accept",
  "queueWait",
  "understand",
  "verify",
  "recall",
  "search",
  "skill",
  "model",
  "aroundModel",
  "turn",
] as const;
export type StageName = (typeof STAGES)[number];

export interface StageTime {
  readonly stage: StageName;
  readonly ms: number;
}

interface Row {
  readonly id: string;
  readonly at: string;
  readonly type: string;
  readonly cause?: { readonly id: string; readonly type?: string };
  readonly queueWaitMs?: number;
  readonly durationMs?: number;
  readonly modelMs?: number;
  readonly clear: Readonly<Record<string, unknown>>;
}

/** Services whose operations are stages of their own; all others are skills. */
export function stageOf(service: string, operation: string): StageName | undefined {
  if (service === "language") return operation === "understand" ? "understand" : undefined;
  if (service === "knowledge") return "search";
  if (service === "memory") return operation === "recall" ? "recall" : undefined;
  if (service === "model") return "model";
  return service === "crm" && operation === "verify" ? "verify" : "skill";
}

/**
 * From each ask to its answer, and how long a customer's message waited until its conversation was free.
 * @param since ms since the epoch; what began before does not count. Default all counts
 */
export function stagesOf(trace: readonly Row[], since = 0): StageTime[] {
  const asks = new Map<string, Row>(trace.filter((r) => r.type === "host.ask").map((r) => [r.id, r]));
  const waited = new Set<string>();
  const times: StageTime[] = [];
  for (const row of trace) {
    const tookMs = (row.queueWaitMs ?? 0) + (row.durationMs ?? 0);
    if (Date.parse(row.at) - tookMs < since) continue;
    if (row.type === "host.answer") {
      const asked = askedIn(asks.get(String(row.clear.ask)) ?? row);
      const stage = asked && stageOf(asked.service, asked.operation);
      if (stage && row.durationMs !== undefined) times.push({ stage, ms: row.durationMs });
      // From the ask to its answer in the log, less what the model server took.
      if (row.durationMs !== undefined && row.modelMs !== undefined)
        times.push({ stage: "aroundModel", ms: Math.max(0, row.durationMs - row.modelMs) });
    }
    if (
      row.cause?.type === "customer.message" &&
      row.queueWaitMs !== undefined &&
      !waited.has(row.cause.id)
    ) {
      waited.add(row.cause.id);
      times.push({ stage: "queueWait", ms: row.queueWaitMs });
    }
  }
  return times;
}
