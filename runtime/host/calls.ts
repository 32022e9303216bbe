/** Calls of agents as the log has them: an ask and its answer, or of what is repeatable its answer alone. */
import { ANSWER } from "./cell.ts";
import { ASK } from "./outbox.ts";

/** What is looked at of a record; a row of a trace has it as well. */
interface Row {
  readonly type: string;
  readonly clear: Readonly<Record<string, unknown>>;
}

export interface Asked {
  readonly service: string;
  readonly operation: string;
  /** Idempotency key. */
  readonly key: string;
}

/** What was asked, of the record of an ask, or of the answer to what had none. */
export function askedIn({ type, clear }: Row): Asked | undefined {
  if ((type !== ASK && type !== ANSWER) || typeof clear.service !== "string") return undefined;
  return { service: clear.service, operation: String(clear.operation), key: String(clear.key) };
}

/** When it was asked, ms since the epoch, of the answer to what had no record; undefined for every other record. */
export function askedAt({ type, clear }: Row): number | undefined {
  return type === ANSWER && typeof clear.asked === "number" ? clear.asked : undefined;
}
