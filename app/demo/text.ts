/** Tables and small things of a terminal. */
import { stripVTControlCharacters } from "node:util";
import type { Held } from "../../bench/budgets.ts";
import type { Percentiles } from "../../bench/harness/index.ts";
import type { Colors } from "../../runtime/config/cli.ts";

/** Columns with two blanks between; numbers to the right. Colours may be in the cells. */
export function table(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const plain = (cell: string) => stripVTControlCharacters(cell);
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, plain(cell).length);
    });
  return rows
    .map((row) =>
      row
        .map((cell, i) => {
          const pad = " ".repeat(widths[i]! - plain(cell).length);
          return right.includes(i) ? pad + cell : i === row.length - 1 ? cell : cell + pad;
        })
        .join("  ")
        .replace(/^/, "  "),
    )
    .join("\n");
}

export const percent = (part: number, whole: number): string =>
  whole === 0 ? "–" : `${Math.round((1000 * part) / whole) / 10} %`;

const ms = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toFixed(1));

/** Latency by stage, with budgets where there are some. */
export function latencyTable(
  measured: Record<string, Percentiles>,
  held: readonly Held[],
  colors: Colors,
): string {
  const rows = [["stage", "n", "p50 ms", "p95 ms", "p99 ms", ""].map((h) => colors.dim(h))];
  for (const [stage, p] of Object.entries(measured)) {
    const cell = (percentile: "p50" | "p95" | "p99") => {
      const limit = held.find((h) => h.stage === stage && h.percentile === percentile);
      const text = ms(p[percentile]);
      if (!limit) return text;
      return limit.held ? colors.green(`${text} ≤${limit.budget}`) : colors.red(`${text} >${limit.budget}`);
    };
    rows.push([stage, String(p.count), cell("p50"), cell("p95"), cell("p99"), ""]);
  }
  return table(rows, [1, 2, 3, 4]);
}

export const warmth = (conversations: number, colors: Colors): string =>
  colors.dim(
    conversations > 0
      ? `  measured after ${conversations} other conversations, in other words (--warm-up 0: from the first message on)`
      : "  measured from the first message on",
  );

export const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

export function cut(text: string, most: number): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > most ? `${line.slice(0, most - 1)}…` : line;
}

/** How often each word occurs; what is null does not count. */
export function countBy(words: readonly (string | null)[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) if (word !== null) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}
