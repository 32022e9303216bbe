/** Errors of handlers, of the engine and of fastify as problem documents. */
import { ProblemError, tooMany, unavailable } from "./problem.ts";

/** What fastify itself refuses, and what nobody expected, as problems. */
export function toProblem(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  const { code, retryAfterMs, name } = error as { code?: string; retryAfterMs?: number; name?: string };
  if (name === "OverloadedError")
    return tooMany("This conversation has too much waiting.", retryAfterMs ?? 1_000);
  if (name === "UnavailableError") return unavailable(retryAfterMs ?? 1_000);
  if (name === "RecordErasedError") {
    return new ProblemError(410, "Gone", "This conversation was erased: nothing more can be written to it.");
  }
  if (name === "LeftLogError") {
    return new ProblemError(
      410,
      "Gone",
      "This was closed so long ago that its records have left the log (retention.logMs): begin a new conversation.",
    );
  }
  if (name === "RecordTooLargeError") {
    return new ProblemError(
      413,
      "Content too large",
      "This is larger than one record may be (log.maxBodyBytes, and max_payload of the NATS server): send it in parts.",
      { errors: [{ field: "body", detail: "is too large" }] },
    );
  }
  switch (code) {
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return new ProblemError(413, "Content too large", "The body is larger than this call takes.", {
        errors: [{ field: "body", detail: "is too large" }],
      });
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
    case "FST_ERR_CTP_INVALID_CONTENT_TYPE":
      return new ProblemError(
        415,
        "Unsupported media type",
        "Send JSON with content-type: application/json.",
        {
          errors: [{ field: "header.content-type", detail: "is not application/json" }],
        },
      );
    case "FST_ERR_CTP_INVALID_CONTENT_LENGTH":
      return new ProblemError(400, "Bad request", "content-length does not match the body.", {
        errors: [{ field: "header.content-length", detail: "does not match the body" }],
      });
    case "FST_ERR_BAD_URL":
    case "FST_ERR_MAX_PARAM_LENGTH":
      return new ProblemError(400, "Bad request", "The path is not a valid URL path.", {
        errors: [{ field: "path", detail: "is not valid" }],
      });
    default:
      return new ProblemError(
        500,
        "Internal error",
        "Something went wrong on our side. The request's id is in the diagnostic log of the desk.",
      );
  }
}
