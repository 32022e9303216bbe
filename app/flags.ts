/** Values of flags. */
import { InvalidArgumentError } from "commander";

/** From 1 on. */
export function count(text: string): number {
  const n = Number(text);
  if (!Number.isInteger(n) || n < 1 || n > 1_000_000)
    throw new InvalidArgumentError("a whole number from 1 on");
  return n;
}

export function zeroOrMore(text: string): number {
  return text === "0" ? 0 : count(text);
}
