/** How a skill says no. */
import { AskError } from "../../../runtime/host/service.ts";
import type { JsonObject } from "../../../runtime/json.ts";

/**
 * A skill that was understood and not done. `code` is one of the engine's failure codes (`not_found`, `forbidden`,
 * `conflict`, `invalid`), `reason` a word that a playbook can branch on. Since an answer carries code and message only,
 * the message begins with the reason: `not_cancellable: order W1234567 is delivered`. `parseReason` takes it apart.
 */
export class Refusal extends AskError {
  constructor(
    code: string,
    readonly reason: string,
    sentence: string,
    readonly details: JsonObject = {},
  ) {
    super(code, `${reason}: ${sentence}`, false);
  }
}

/** Reason and sentence of a failure's message; the reason is empty when there is none. */
export function parseReason(message: string): { reason: string; sentence: string } {
  const match = /^([a-z][a-z0-9_]*): (.*)$/s.exec(message);
  return match ? { reason: match[1]!, sentence: match[2]! } : { reason: "", sentence: message };
}
