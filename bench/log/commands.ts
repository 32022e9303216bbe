/** `bench log`: the figures behind how the log and shared snapshots are laid out, with the server at hand. */
import { loadavg } from "node:os";
import type { Command } from "commander";
import type { CliEnv } from "../../runtime/config/cli.ts";
import type { Layout } from "./layouts.ts";

const LAYOUTS: readonly Layout[] = ["subjects", "headers"];
/** Seconds; 0 is without ids. */
const WINDOWS = [0, 1, 10, 120];
const KIB = 1024;
const SIZES = [1 * KIB, 16 * KIB, 128 * KIB, 512 * KIB, 4 * KIB * KIB];

export function addLog(bench: Command, env: CliEnv): void {
  bench
    .command("log")
    .description("ids as subjects or as headers, windows of duplicates, snapshots in buckets or as objects")
    .option("--scale <n>", "actors and records (1000000 takes a few minutes)", "100000")
    .action(async (flags: { scale: string }) => {
      const { UsageError } = await import("../../runtime/config/errors.ts");
      const scale = Number(flags.scale);
      if (!Number.isInteger(scale) || scale < 100) {
        throw new UsageError(`--scale ${flags.scale}: a whole number from 100 on`);
      }
      const { measureLog } = await import("./log.ts");
      const { logRows } = await import("./rows.ts");
      const { renderReport, report } = await import("../report.ts");
      // What else the machine was busy with, in processes that wanted to run.
      const [loadBefore = 0] = loadavg();
      const progress = env.progress("bench log:");
      try {
        const measured = await measureLog({
          scale,
          layouts: LAYOUTS,
          windows: WINDOWS,
          sizes: SIZES,
          onStage: (text) => progress.update(text),
        });
        progress.end();
        const result = report(logRows(measured), { natsServer: measured.natsServer }, { loadBefore });
        env.out(result, () => renderReport(result));
      } finally {
        progress.end();
      }
    });
}
