/** What goes wrong in a supervision tree. */

/**
 * `not_running`: the supervisor does not run (any more). `invalid_options`, `invalid_spec`: they can't be supervised.
 * `already_started`, `already_present`: there is a child with this id, running or not. `not_found`: there is none.
 * `running`, `restarting`: the child would have to be terminated before.
 */
export type SupervisorErrorCode =
  | "not_running"
  | "invalid_options"
  | "invalid_spec"
  | "already_started"
  | "already_present"
  | "not_found"
  | "running"
  | "restarting";

/** A supervisor refuses what it was asked for; nothing has changed. */
export class SupervisorError extends Error {
  override readonly name = "SupervisorError";
  readonly code: SupervisorErrorCode;

  constructor(code: SupervisorErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** The supervisor gave up: too many restarts within its period. `cause` is the last failure. */
export class EscalationError extends Error {
  override readonly name = "EscalationError";
}

/** For a child to end with: it was told to, by whomever, so this is no failure. The message says why. */
export class ShutdownError extends Error {
  override readonly name = "ShutdownError";
}

/** A child was not ready, or had not stopped, by its deadline. */
export class ChildTimeoutError extends Error {
  override readonly name = "ChildTimeoutError";
}

/** Nobody waits for this start of a child any more. */
export class ChildCancelledError extends Error {
  override readonly name = "ChildCancelledError";
}
