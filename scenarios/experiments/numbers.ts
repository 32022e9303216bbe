/** Numbers on the way in and out of commands. */
import { UsageError } from "../../runtime/config/errors.ts";

/** @param name of the flag @throws UsageError */
export function share(name: string, text: string): number {
  const value = Number(text);
  if (value > 0 && value < 1) return value;
  throw new UsageError(`--${name} ${text}: a share between 0 and 1`);
}

/** JSON has no infinity: before there are enough, nothing is said. */
export function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
