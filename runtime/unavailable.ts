/** What a client is told while the log can't be reached. */
import { UnavailableError } from "./engine.ts";
import { isPassing } from "./log/read.ts";

/** What a client is told to wait when the log can't be reached, ms. */
export const RETRY_AFTER_MS = 1_000;

/** What a client can wait for becomes an `UnavailableError`. */
export function available(error: unknown): unknown {
  if (!isPassing(error)) return error;
  return new UnavailableError("the log can't be reached or takes nothing at the moment", RETRY_AFTER_MS, {
    cause: error,
  });
}

/** @throws what `available` makes of it */
export function rethrow(error: unknown): never {
  throw available(error);
}
