/**
 * Once a conversation knows its customer, its key is wrapped under the customer's: destroying the customer's key then
 * erases the conversation as well (L12).
 */
import type { Engine } from "../runtime/engine.ts";
import type { KeyRing } from "../runtime/log/sealer.ts";

const ATTEMPTS = 5;
const RETRY_MS = 500;

/** Follows the log; answers how to stop. A record seen again after a restart wraps again, which changes nothing. */
export function linkKeys(
  engine: Engine,
  keys: KeyRing,
  onFailure: (conversation: string, error: unknown) => void,
) {
  const wrap = async (conversation: string, customer: string): Promise<void> => {
    for (let attempt = 1; ; attempt++) {
      try {
        await keys.wrapUnder(conversation, customer);
        return;
      } catch (error) {
        if (attempt === ATTEMPTS) return onFailure(conversation, error);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS * attempt));
      }
    }
  };
  return engine.observe((record) => {
    if (record.type !== "customer.linked" || record.from.kind !== "conversation") return;
    void wrap(record.from.key, record.to.key);
  });
}
