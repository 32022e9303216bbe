/** What is compared of conversations: each as a number. */
import { askedIn } from "../../runtime/host/calls.ts";
import type { Recording } from "../recording/recording.ts";

export const MEASURES = {
  /** Share that ended as resolved. */
  resolved: (r: Recording) => (outcomeOf(r) === "resolved" ? 1 : 0),
  /** Share that a person was called into. */
  handedOff: (r: Recording) =>
    r.records.some(({ to, type }) => to.kind === "channel" && type === "handoff") ? 1 : 0,
  /** Messages of the customer. */
  turns: (r: Recording) => r.records.filter(({ type }) => type === "customer.message").length,
  /** Messages of the desk. */
  replies: (r: Recording) =>
    r.records.filter(({ type, to }) => type === "reply" && to.kind === "channel").length,
  /** Calls of agents, those of models apart. */
  calls: (r: Recording) => calls(r, (service) => service !== "model"),
  modelCalls: (r: Recording) => calls(r, (service) => service === "model"),
} as const;
export type Measure = keyof typeof MEASURES;

function outcomeOf({ records }: Recording): unknown {
  return records.findLast(({ to, type }) => to.kind === "channel" && type === "outcome")?.data.outcome;
}

function calls({ records }: Recording, counts: (service: string) => boolean): number {
  return records.filter((record) => {
    const asked = askedIn(record);
    return asked !== undefined && counts(asked.service);
  }).length;
}
