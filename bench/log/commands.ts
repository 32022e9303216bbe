/** `bench log`: the figures behind how the log and shared snapshots are laid out, and what leaves it, with the server at hand. */
import { loadavg } from "node:os";
import type { Command } from "commander";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { wholeNumber } from "../flags.ts";
import { printed } from "../printed.ts";
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
    .option("--prefix <n>", "instead: how large everything is while so many conversations open and close")
    .action(async (flags: { scale: string; prefix?: string }, command: Command) => {
      if (flags.prefix !== undefined) return prefix(flags.prefix, env, command);
      const scale = wholeNumber("scale", flags.scale, 100);
      const { measureLog } = await import("./log.ts");
      const { logRows } = await import("./rows.ts");
      const { report } = await import("../report.ts");
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
        await printed(env, command, result);
      } finally {
        progress.end();
      }
    });
}

/** Exit code 1 when the log has grown with the conversations. */
async function prefix(given: string, env: CliEnv, command: Command): Promise<void> {
  const conversations = wholeNumber("prefix", given, 4);
  const { measurePrefix } = await import("./prefix.ts");
  const { prefixRows } = await import("./rows.ts");
  const { report } = await import("../report.ts");
  const { findNatsServer, natsServerVersion } = await import("../../runtime/config/nats-server.ts");
  const [loadBefore = 0] = loadavg();
  const progress = env.progress("bench log:");
  try {
    const measured = await measurePrefix({ conversations, onStage: (text) => progress.update(text) });
    progress.end();
    const natsServer = natsServerVersion(findNatsServer()) ?? "unknown";
    const result = report(prefixRows(measured), { natsServer }, { loadBefore });
    await printed(env, command, result);
  } finally {
    progress.end();
  }
}
