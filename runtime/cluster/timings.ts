/** Every time-out, wait and limit of the room, with what it is unless told. All in ms. */

export interface Timings {
  /**
   * Time to live of a session: how long a node that is not heard of keeps its partitions. Each node is judged by its own.
   * A cluster of servers needs four to nine seconds for a new leader, in which nobody can renew. Default 6,000.
   */
  readonly ttlMs?: number;
  /** Between two renewals. Default a third of the time to live. */
  readonly renewMs?: number;
  /** What a lease has to outlast for `holds`, unless told: a round trip. Default a tenth of the time to live. */
  readonly marginMs?: number;
  /** What is waited beyond the time to live before a silent node is judged: clocks may differ in rate. Default a tenth. */
  readonly skewMs?: number;
  /** One attempt at a read or a write; three are made. Default a sixth of the time to live. */
  readonly attemptMs?: number;
  /** How often the server is heard of; silence of two and a half of them is looked into. Default a sixth, at least 100. */
  readonly heartbeatMs?: number;
  /** For `onAcquire`; a partition that takes longer is given up and tried again. Default 30,000. */
  readonly acquireTimeoutMs?: number;
  /** For `onRelease`; after it a partition is released all the same, and `holds` says no from then on. Default 10,000. */
  readonly releaseTimeoutMs?: number;
  /** For joining at the start, a predecessor's lapse included. Default 30,000. */
  readonly startTimeoutMs?: number;
  /** For all hand-overs of `drain` together. Default 60,000. */
  readonly drainTimeoutMs?: number;
  /** The same for `stop`. Default 5,000. */
  readonly stopTimeoutMs?: number;
  /** Before something that failed is tried again; doubled each time … Default 50. */
  readonly retryMs?: number;
  /** … up to this. Default 1,000. */
  readonly maxRetryMs?: number;
}

/** @throws RangeError when a lease could lapse between two renewals that are in time. */
export function timingsOf(given: Timings): Required<Timings> {
  const ttlMs = given.ttlMs ?? 6_000;
  const timings = {
    ttlMs,
    renewMs: given.renewMs ?? ttlMs / 3,
    marginMs: given.marginMs ?? ttlMs / 10,
    skewMs: given.skewMs ?? ttlMs / 10,
    attemptMs: given.attemptMs ?? ttlMs / 6,
    heartbeatMs: given.heartbeatMs ?? Math.max(100, ttlMs / 6),
    acquireTimeoutMs: given.acquireTimeoutMs ?? 30_000,
    releaseTimeoutMs: given.releaseTimeoutMs ?? 10_000,
    startTimeoutMs: given.startTimeoutMs ?? 30_000,
    drainTimeoutMs: given.drainTimeoutMs ?? 60_000,
    stopTimeoutMs: given.stopTimeoutMs ?? 5_000,
    retryMs: given.retryMs ?? 50,
    maxRetryMs: given.maxRetryMs ?? 1_000,
  };
  for (const [name, ms] of Object.entries(timings)) {
    if (!(ms > 0)) throw new RangeError(`${name} is ${ms}: it has to be above 0`);
  }
  if (timings.renewMs + timings.marginMs >= ttlMs) {
    throw new RangeError(
      `a time to live of ${ttlMs} ms is too short for renewals each ${timings.renewMs} ms and a margin of ${timings.marginMs} ms`,
    );
  }
  return timings;
}
