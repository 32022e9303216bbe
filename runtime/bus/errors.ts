/** Errors of the bus. Each says what was asked of it, so that a log line is enough to act on. */

/** Base of all of them; `instanceof BusError` tells trouble of the bus from trouble of what it carries. */
export class BusError extends Error {
  override readonly name: string = "BusError";
}

/** Nobody answered in time. Whether the request was handled is not known. */
export class BusTimeoutError extends BusError {
  override readonly name = "BusTimeoutError";
  constructor(
    readonly subject: string,
    readonly timeoutMs: number,
  ) {
    super(`no answer on ${subject} within ${timeoutMs} ms`);
  }
}

/** The server knows that nobody listens on the subject. The request was not handled. */
export class NoRespondersError extends BusError {
  override readonly name = "NoRespondersError";
  constructor(readonly subject: string) {
    super(`nobody listens on ${subject}`);
  }
}

/** The connection is closed or closing for good. */
export class BusClosedError extends BusError {
  override readonly name = "BusClosedError";
  constructor(what = "the bus is closed") {
    super(what);
  }
}

/** No connection could be made at the start: a dependency is missing or down, which commands end with as code 3. */
export class BusConnectError extends BusError {
  override readonly name = "BusConnectError";
  readonly exitCode = 3;
}

/** Handed to the bus and refused before it was sent: a bad subject, too large, or too much held back. */
export class BusUsageError extends BusError {
  override readonly name = "BusUsageError";
}

/** JetStream answered with an error. `errCode` is NATS's own number, e.g. 10071 for a wrong last sequence. */
export class BusApiError extends BusError {
  override readonly name = "BusApiError";
  constructor(
    readonly subject: string,
    readonly code: number,
    readonly errCode: number,
    readonly description: string,
  ) {
    super(`${subject}: ${description} (${code}/${errCode})`);
  }
}

/** The key exists already, or has another revision than expected. */
export class KvConflictError extends BusError {
  override readonly name = "KvConflictError";
  constructor(
    readonly bucket: string,
    readonly key: string,
  ) {
    super(`key ${key} in bucket ${bucket} was changed by somebody else`);
  }
}
