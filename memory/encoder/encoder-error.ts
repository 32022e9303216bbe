/** `missing`: no such model or build; `unavailable`: it crashed or cannot be loaded; `closed`: it was closed. */
export type EncoderErrorCode = "missing" | "unavailable" | "closed";

export class EncoderError extends Error {
  override readonly name = "EncoderError";
  /** A dependency is missing or down. */
  readonly exitCode = 3;
  constructor(
    readonly code: EncoderErrorCode,
    message: string,
  ) {
    super(message);
  }
}
