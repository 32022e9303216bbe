/** Why a document becomes no machine. */

/** A document that uses what XState cannot express, or what this converter leaves out; the message says what. */
export class UnconvertibleError extends Error {
  override readonly name = "UnconvertibleError";
}
