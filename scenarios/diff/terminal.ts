/** A diff in columns, for a terminal. */
import type { Colors } from "../../runtime/config/cli.ts";
import type { Diff, Line } from "./diff.ts";

/** Rows that are the same and shown before the first that is not. */
const BEFORE = 3;
/** Rows shown from there on. */
const AFTER = 12;
const LEAST_COLUMN = 30;

/** What is around the first divergence, side by side. @param width characters of a line @param most rows from there on */
export function columnsOf(
  { rows, first }: Diff,
  width: number,
  c: Pick<Colors, "dim" | "red" | "green">,
  most = AFTER,
): string[] {
  if (first === undefined) return [];
  const column = Math.max(LEAST_COLUMN, Math.floor((width - 7) / 2));
  const from = Math.max(0, first - BEFORE);
  const shown = rows.slice(from, first + most);
  const lines = shown.map(({ a, b, same }) => {
    const [left, right] = [cell(a, column), cell(b, column)];
    if (same) return c.dim(`    ${left} │ ${right}`);
    return `  ${c.red("≠")} ${c.red(left)} │ ${c.green(right)}`;
  });
  const more = rows.length - from - shown.length;
  return [...lines, ...(more > 0 ? [c.dim(`    … ${more} more`)] : [])];
}

function cell(line: Line | undefined, width: number): string {
  const text = line ? `${line.who}: ${line.words}`.replace(/\s+/g, " ") : "";
  return text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width);
}
