/** What every bench does with its report: beside a baseline, as a page, and out. */
import { writeFileSync } from "node:fs";
import type { Command } from "commander";
import type { CliEnv } from "../runtime/config/cli.ts";
import type { BenchReport } from "./report.ts";

/** Options of `bench` itself, which all benches take. */
interface Printing {
  readonly html?: string;
  readonly baseline?: string;
}

/** Benches that end in a verdict, and so have no table of figures. */
const VERDICTS = new Set(["chaos", "rehydration"]);

export function addPrinting(bench: Command): Command {
  return (
    bench
      .option("--html <file>", "the report as a page that needs no network")
      .option("--baseline <file>", "an earlier report, as --json printed it, to be compared with")
      // What can't be done is known before anything is measured.
      .hook("preAction", (_bench, command) => checkPrinting(command))
  );
}

/**
 * @param command the bench's own
 * @param more lines under the table, and members of the JSON document
 */
export async function printed(
  env: CliEnv,
  command: Command,
  made: BenchReport,
  more: { readonly lines?: readonly string[]; readonly json?: object } = {},
): Promise<void> {
  const { html, baseline } = command.optsWithGlobals<Printing>();
  const { renderReport } = await import("./report.ts");
  const { beside, readBaseline } = await import("./compare.ts");
  const result = baseline === undefined ? made : beside(made, readBaseline(baseline));
  if (html !== undefined) {
    const { pageOf } = await import("./page.ts");
    writeFileSync(html, pageOf(`bench ${command.name()}`, result));
  }
  env.out({ ...result, ...more.json }, () => [renderReport(result), ...(more.lines ?? [])].join("\n"));
  if (result.missed.length > 0) env.fail();
}

/** @throws UsageError */
async function checkPrinting(command: Command): Promise<void> {
  const { html, baseline } = command.optsWithGlobals<Printing>();
  if (VERDICTS.has(command.name()) && (html ?? baseline) !== undefined) {
    const { UsageError } = await import("../runtime/config/errors.ts");
    const flag = html === undefined ? "--baseline" : "--html";
    throw new UsageError(`${flag}: bench ${command.name()} ends in a verdict, not in figures: leave it out`);
  }
  if (baseline === undefined) return;
  const { readBaseline } = await import("./compare.ts");
  readBaseline(baseline);
}
