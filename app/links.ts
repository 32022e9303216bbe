/**
 * Once a conversation knows its customer, its key is wrapped under the customer's: destroying the customer's key then
 * erases the conversation as well (L12).
 */
import type { StoredRecord } from "../runtime/envelope.ts";
import type { KeyRing } from "../runtime/log/sealer.ts";

const ATTEMPTS = 5;
const RETRY_MS = 500;

/**
 * What to do with each record that a node hands over, from its start to its end: one that passes unseen is not linked. A
 * record seen again after a restart wraps again, which changes nothing.
 */
export function keyLinks(
  keys: KeyRing,
  onFailure: (conversation: string, error: unknown) => void,
): (record: StoredRecord) => void {
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
  return (record) => {
    if (record.type !== "customer.linked" || record.from.kind !== "conversation") return;
    void wrap(record.from.key, record.to.key);
  };
}
