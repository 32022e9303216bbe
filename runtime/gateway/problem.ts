/** Errors as RFC 9457 problem documents. What a client sees never holds a stack or the text of an unexpected error. */

export const PROBLEM_TYPE = "application/problem+json";

/** One field of the request that is not as it should be. */
export interface FieldError {
  /** `text`, `customer.email`, `query.after`, `path.id`, `header.host`. */
  readonly field: string;
  readonly detail: string;
}

export interface ProblemDocument {
  /** Identifies the kind of problem; `about:blank` says no more than the status. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  /** What is wrong here and how to mend it. */
  readonly detail?: string;
  /** Id of the request, as in the diagnostic log. */
  readonly instance?: string;
  readonly errors?: readonly FieldError[];
}

/** Thrown by a handler to answer a problem document. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly options: {
      readonly errors?: readonly FieldError[];
      readonly headers?: Readonly<Record<string, string>>;
    } = {},
  ) {
    super(detail);
  }

  document(requestId: string): ProblemDocument {
    return {
      type: "about:blank",
      title: this.title,
      status: this.status,
      detail: this.detail,
      instance: `urn:request:${requestId}`,
      ...(this.options.errors ? { errors: this.options.errors } : {}),
    };
  }
}

/** 400 (or 413) that names one field. */
export function invalid(field: string, detail: string, status = 400): ProblemError {
  return new ProblemError(
    status,
    status === 413 ? "Content too large" : "Invalid request",
    `${field}: ${detail}`,
    { errors: [{ field, detail }] },
  );
}

/** 429; the wait is rounded up to whole seconds, at least one. */
export function tooMany(detail: string, retryAfterMs: number): ProblemError {
  return later(429, "Too many requests", detail, retryAfterMs);
}

/** 503 for what passes. */
export function unavailable(retryAfterMs: number): ProblemError {
  const detail = "The desk can't take or give anything at the moment; sending it again does no harm.";
  return later(503, "Service unavailable", detail, retryAfterMs);
}

function later(status: number, title: string, detail: string, retryAfterMs: number): ProblemError {
  const seconds = Math.max(1, Math.ceil(retryAfterMs / 1000));
  return new ProblemError(status, title, `${detail} Try again in ${seconds} s.`, {
    headers: { "retry-after": String(seconds) },
  });
}

export function unauthorized(detail: string): ProblemError {
  return new ProblemError(401, "Unauthorized", detail, {
    headers: { "www-authenticate": 'Bearer realm="bailiwick"' },
  });
}
