/** Calls of a replay that are really made, by a desk of the replay's own. */

import { AskError } from "../../runtime/host/service.ts";
import type { ServiceAnswer } from "../../runtime/host/service-host.ts";
import type { JsonObject } from "../../runtime/json.ts";
import type { LiveCall } from "../../scenarios/frozen/index.ts";
import type { Recording } from "../../scenarios/recording/recording.ts";
import type { OwnDesk } from "../demo/own-desk.ts";

/**
 * Makes the calls of a recording, at its time. A customer has another key at every desk: here he keeps that of the recording.
 * @param own its clock has not got to the recording's time yet
 */
export function callsOn(own: OwnDesk, recording: Recording): (call: LiveCall) => Promise<ServiceAnswer> {
  const keys = customerKeys(recording);
  return async ({ service, operation, input, key, at }) => {
    await own.advance(Math.max(0, at - own.now()));
    try {
      const value = await own.desk.node.call(service, operation, input, { key });
      const known = keys.get(customerOf(value) ?? "");
      return { ok: true, value: known === undefined ? value : { ...value, customerKey: known } };
    } catch (error) {
      if (!(error instanceof AskError)) throw error;
      const { code, message, retryable } = error;
      return { ok: false, error: { code, message, retryable } };
    }
  };
}

/** By the ids that the CRM has. */
function customerKeys({ records }: Recording): Map<string, string> {
  const keys = new Map<string, string>();
  for (const { data } of records) {
    const id = customerOf(data.value);
    if (id !== undefined) keys.set(id, String((data.value as JsonObject).customerKey));
  }
  return keys;
}

/** Of an answer of the CRM that has a key with it. */
function customerOf(value: unknown): string | undefined {
  const { customerKey, customerId, id } = (value ?? {}) as Record<string, unknown>;
  return typeof customerKey === "string" ? String(customerId ?? id) : undefined;
}
