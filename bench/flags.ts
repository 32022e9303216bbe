/** What the benches are told on the command line. */
import { UsageError } from "../runtime/config/errors.ts";

/** @throws UsageError when it is none, or below the least */
export function wholeNumber(flag: string, text: string, least = 1): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least) return value;
  throw new UsageError(`--${flag} ${text}: a whole number from ${least} on`);
}

/** @throws UsageError for a profile that is none of them */
export function profileNamed<T>(profiles: Readonly<Record<string, T>>, name: string): T {
  if (Object.hasOwn(profiles, name)) return profiles[name]!;
  throw new UsageError(`--profile ${name}: there are ${Object.keys(profiles).join(" and ")}`);
}
