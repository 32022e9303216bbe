/** What the host does about a record that crashes its actor: how often it is tried before it is quarantined. */
import { type BackoffOptions, exponentialBackoff } from "./backoff.ts";

export interface CellRestartPolicy {
  /** Attempts altogether; after the last the record is quarantined. */
  readonly maxAttempts: number;
  /** Wait after the attempt with this number (from 1), ms. */
  backoffMs(attempt: number): number;
}

/** By default three attempts, after waits of 50 and 200 ms: long enough for what passes, short enough for a customer. */
export function cellRestartPolicy(
  options: { readonly maxAttempts?: number; readonly backoff?: BackoffOptions } = {},
): CellRestartPolicy {
  return {
    maxAttempts: options.maxAttempts ?? 3,
    backoffMs: exponentialBackoff({ firstMs: 50, factor: 4, maxMs: 1_000, ...options.backoff }),
  };
}
