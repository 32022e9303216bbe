/**
 * Who may read which of a customer's facts. Looked at before anything is ranked, so that what somebody may not read leaves no
 * trace in what he gets, nor in its order.
 */
import type { Fact } from "./facts.ts";

export interface Reader {
  /** A word, such as `desk` or `billing`. */
  readonly role: string;
  /** Where it is read for: facts of one conversation are for that one alone. */
  readonly conversation?: string;
}

/** The desk's own agents. */
export const DESK_ROLE = "desk";
/** What the desk does for the customer anyway needs no consent of its own. */
export const SERVICE_PURPOSE = "service";
/** Facts of the type `consent.<purpose>` say by their value, true or false, whether the customer has agreed. */
export const CONSENT = "consent.";

/**
 * @param facts of one customer
 * @param now those that hold at the time: what he has agreed to is among them
 * @returns those that the reader may read, in their order
 */
export function readable(
  facts: readonly Fact[],
  { role, conversation }: Reader,
  now: readonly Fact[] = facts,
): Fact[] {
  const agreed = new Set<string>([SERVICE_PURPOSE]);
  for (const { type, value } of now)
    if (type.startsWith(CONSENT) && value === true) agreed.add(type.slice(CONSENT.length));
  return facts.filter(
    ({ readers, purpose, scope, source }) =>
      (readers === undefined || readers.includes(role)) &&
      agreed.has(purpose) &&
      (scope !== "conversation" || source.conversation === conversation),
  );
}
