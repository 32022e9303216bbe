/** How records that were given up on are known, so that every fold passes over them. */
import { derivedId } from "../ids.ts";

/** Type of a record that only says that another one is passed over. */
export const SKIPPED = "host.skipped";

/** Id of the record that says that another one is passed over. */
export function quarantineId(recordId: string): string {
  return derivedId(recordId, "quarantine");
}
