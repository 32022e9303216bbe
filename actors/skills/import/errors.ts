import { UsageError } from "../../../runtime/config/errors.ts";

/** Something in a file that cannot be loaded; the message names file, record and field. */
export class ImportError extends UsageError {
  override readonly name = "ImportError";
  constructor(
    readonly file: string,
    /** Number of the record from 1, or what else says where. */
    readonly where: string | undefined,
    what: string,
    readonly hint?: string,
  ) {
    super(`${file}${where ? `, ${where}` : ""}: ${what}${hint ? `\n${hint}` : ""}`);
  }
}
